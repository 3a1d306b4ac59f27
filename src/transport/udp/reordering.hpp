#pragma once

#include "protocol/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace braid::transport {

/// How far packets may overtake each other before those overtaken count as lost. Grows as soon as
/// one that was said to be lost arrives (RACK, RFC 8985, 6.2, in packets too), shrinks slowly.
class Reordering {
public:
    /// RFC 9002, 6.1.1 and 6.1.2: kPacketThreshold, kTimeThreshold, kGranularity.
    static constexpr std::uint64_t packets_least = 3;
    static constexpr int eighths_least = 1;
    static constexpr protocol::Duration delay_least = std::chrono::milliseconds{1};

    /// More than a window of packets is no reordering; more than two round trips is too late.
    static constexpr std::uint64_t packets_most = 1000;
    static constexpr int eighths_most = 8;

    /// Round trips without a spurious loss until the tolerance goes down one step.
    static constexpr std::uint64_t rounds_quiet = 16;

    /// A packet counts as lost when one so much newer has arrived.
    std::uint64_t packets() const noexcept { return packets_; }

    /// A packet counts as lost when a newer one has arrived, and this long after it was sent.
    protocol::Duration delay(protocol::Duration round_trip_time) const noexcept {
        return std::max(round_trip_time + round_trip_time / 8 * eighths_, delay_least);
    }

    /// A packet said to be lost has arrived.
    /// @param displacement how much newer the newest one was that had arrived when it was given up
    void spurious(std::uint64_t displacement, std::uint64_t round) noexcept {
        packets_ = std::clamp(displacement + 1, packets_, packets_most);
        eighths_ = std::min(eighths_ + 1, eighths_most);
        quiet_since_ = round;
    }

    /// A round trip has begun. One step is an eighth of what there is.
    void round_began(std::uint64_t round) noexcept {
        if (round - quiet_since_ < rounds_quiet) return;
        quiet_since_ = round;
        packets_ = std::max(packets_ - (packets_ + 7) / 8, packets_least);
        eighths_ = std::max(eighths_ - 1, eighths_least);
    }

private:
    std::uint64_t packets_ = packets_least;
    int eighths_ = eighths_least;  ///< of a round trip
    std::uint64_t quiet_since_ = 0;
};

}  // namespace braid::transport
