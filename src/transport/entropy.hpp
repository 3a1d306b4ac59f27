#pragma once

#include <cstddef>
#include <span>

namespace braid::transport {

/// Where chance comes from. Any thread.
class Entropy {
public:
    virtual ~Entropy() = default;
    virtual void fill(std::span<std::byte> bytes) = 0;
};

}  // namespace braid::transport
