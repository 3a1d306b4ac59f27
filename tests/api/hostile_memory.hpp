// What the process has allocated, so that tests can tell whether memory follows what a peer sends
// or what it claims.
#pragma once

#include <cstddef>

namespace hostile {

/// The most that was allocated at once since it was made, on top of what was allocated then.
class MemoryWatch {
public:
    MemoryWatch() noexcept;

    std::size_t peak_growth() const noexcept;
    /// What is allocated now beyond what was at the start.
    std::size_t growth() const noexcept;

private:
    std::size_t start_;
};

}  // namespace hostile
