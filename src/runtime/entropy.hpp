#pragma once

#include "transport/entropy.hpp"

#include <cstddef>
#include <span>

namespace braid::runtime {

using transport::Entropy;

/// The system's source, good enough for keys.
class SystemEntropy final : public Entropy {
public:
    /// @throws std::system_error where the system has no such source
    void fill(std::span<std::byte> bytes) override;
};

}  // namespace braid::runtime
