#pragma once

#include "protocol/time.hpp"

#include <cstdint>

namespace braid::transport {

/// Spreads packets over time: a token bucket of the pacing rate, a burst deep (RFC 9002, 7.7).
/// It begins full.
class Pacer {
public:
    /// What may leave at once at such a rate: a millisecond's worth, so that slow machines keep up
    /// and one system call takes several packets; at least one packet, and no more than `packets`.
    static std::uint64_t burst(std::uint64_t bytes_per_second, std::uint64_t packet_bytes,
                               unsigned packets) noexcept;

    /// @param bytes_per_second 0: not paced
    /// @param burst_bytes that may leave at once after a pause
    void set(std::uint64_t bytes_per_second, std::uint64_t burst_bytes) noexcept;

    void sent(protocol::Time now, std::uint64_t bytes) noexcept;

    /// When a packet of that size may leave; `now` if it may at once. Urgent ones may be early by
    /// so much of the rate; all bytes are counted.
    protocol::Time next(protocol::Time now, std::uint64_t bytes,
                        protocol::Duration early = {}) const noexcept;

private:
    double credit(protocol::Time now) const noexcept;

    double bytes_per_second_ = 0;
    double burst_ = 0;
    double credit_ = 0;  ///< at counted_at_; below 0 after what was early
    protocol::Time counted_at_{};
    bool begun_ = false;
};

}  // namespace braid::transport
