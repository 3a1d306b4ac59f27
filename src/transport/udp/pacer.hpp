#pragma once

#include "protocol/time.hpp"

#include <cstdint>

namespace braid::transport {

/// Spreads packets over time: a token bucket of the pacing rate, a burst deep (RFC 9002, 7.7).
class Pacer {
public:
    /// @param burst_bytes that may leave at once after a pause
    void set(std::uint64_t bytes_per_second, std::uint64_t burst_bytes) noexcept;

    void sent(protocol::Time now, std::uint64_t bytes) noexcept;

    /// When a packet of that size may leave. Urgent ones may be early by so much of the rate; all
    /// bytes are counted.
    protocol::Time next(protocol::Time now, std::uint64_t bytes,
                        protocol::Duration early = {}) const noexcept;
};

}  // namespace braid::transport
