#pragma once

#include <cstddef>
#include <span>

namespace braid::runtime {

/// Where chance comes from. Any thread.
class Entropy {
public:
    virtual ~Entropy() = default;
    virtual void fill(std::span<std::byte> bytes) = 0;
};

/// The system's source, good enough for keys.
class SystemEntropy final : public Entropy {
public:
    /// @throws std::system_error where the system has no such source
    void fill(std::span<std::byte> bytes) override;
};

}  // namespace braid::runtime
