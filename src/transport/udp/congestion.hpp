#pragma once

#include "protocol/time.hpp"

#include <braid/congestion_algorithm.hpp>

#include <cstdint>
#include <memory>

namespace braid::transport {

/// What one acknowledgement tells of the path.
struct AckSample {
    protocol::Time now{};
    protocol::Duration round_trip_time{
        0};  ///< of the newest packet, less the peer's delay; 0: none
    protocol::Duration smoothed_round_trip_time{0};
    std::uint64_t bytes_acked = 0;
    std::uint64_t bytes_lost = 0;       ///< found out by the same acknowledgement
    std::uint64_t bytes_in_flight = 0;  ///< after it
    std::uint64_t bytes_in_flight_before = 0;
    std::uint64_t rate_bytes_per_second =
        0;  ///< delivered, measured over this packet's trip; 0: none
    bool application_limited =
        false;                 ///< the rate is what was to be sent, not what the path carries
    std::uint64_t rounds = 0;  ///< round trips so far, counted in packets (RFC 9406, 4.2)
};

struct LossSample {
    protocol::Time now{};
    std::uint64_t bytes_lost = 0;
    std::uint64_t bytes_in_flight = 0;  ///< without them
    std::uint64_t rounds = 0;
    protocol::Time newest_sent_at{};  ///< of the packets lost
};

/// How much may be under way, and how fast it leaves. All sizes in bytes of UDP payload.
class CongestionControl {
public:
    virtual ~CongestionControl() = default;

    virtual void on_sent(protocol::Time now, std::uint64_t bytes, std::uint64_t in_flight) = 0;
    virtual void on_ack(const AckSample& sample) = 0;
    /// Before the on_ack() of the same acknowledgement; alone when a timer finds the loss.
    virtual void on_loss(const LossSample& sample) = 0;
    /// Packets said to be lost have arrived: what the last loss changed is undone.
    virtual void on_spurious_loss(protocol::Time now) = 0;
    /// @param in_a_row without an answer in between
    virtual void on_probe_timeout(protocol::Time now, unsigned in_a_row) = 0;
    /// Nothing was under way for that long, and something is about to be sent.
    virtual void on_idle(protocol::Time now, protocol::Duration idle) = 0;

    virtual std::uint64_t window_bytes() const noexcept = 0;
    virtual std::uint64_t pacing_bytes_per_second() const noexcept = 0;  ///< 0: not paced
    /// What the path is taken to carry; 0 while unknown. Chunk sizes and guarantees follow it.
    virtual std::uint64_t rate_bytes_per_second() const noexcept = 0;
};

using Congestion = CongestionAlgorithm;

/// @param packet_bytes of a full packet, at first
/// @param fixed_bytes_per_second for Congestion::fixed
std::unique_ptr<CongestionControl> make_congestion_control(
    Congestion kind, std::uint64_t packet_bytes, std::uint64_t fixed_bytes_per_second = 0);

}  // namespace braid::transport
