#pragma once

#include "protocol/link.hpp"
#include "protocol/time.hpp"
#include "transport/udp/acknowledgements.hpp"
#include "transport/udp/congestion.hpp"
#include "transport/udp/round_trip_time.hpp"

#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

namespace braid::transport {

/// What the sender remembers of a packet.
struct SentPacket {
    std::uint64_t number = 0;
    protocol::Time sent_at{};
    std::uint32_t bytes = 0;         ///< of UDP payload
    bool eliciting = false;          ///< counts as in flight, and is retransmitted
    bool probes_mtu = false;         ///< its loss says nothing about congestion
    std::uint8_t own_frames = 0;     ///< the link's own, that must go again if it is lost
    protocol::FrameToken token = 0;  ///< of the mux's frames in it; 0: none
    std::uint64_t acknowledges = 0;  ///< one past the largest number its ACK told of; 0: no ACK
};

/// The sender's side of packet acknowledgements: what is under way, what arrived, what was lost.
/// RFC 9002, with the tolerance of reordering of RACK (RFC 8985) in time and in packets.
class Recovery {
public:
    /// What became of packets, in one go.
    struct Feedback {
        std::vector<SentPacket> acked;  ///< also those that were said to be lost before
        std::vector<SentPacket> lost;
        std::optional<AckSample> ack;  ///< for congestion control, in this order: loss, then ack
        std::optional<LossSample> loss;
        bool spurious = false;  ///< a packet said to be lost has arrived: on_spurious_loss()
        void clear() noexcept;
    };

    /// @param first_number where numbering begins
    /// @param seed which numbers are skipped, so that who acknowledges what never came is found out
    Recovery(std::uint64_t first_number, std::uint64_t seed);

    // Sending.

    /// The number that the next packet has; sent() follows, or it is asked again.
    std::uint64_t next_number(protocol::Time now);

    /// @param application_limited nothing more is to be sent now, though the window is not full
    void sent(const SentPacket& packet, bool application_limited);

    /// The newest that the peer has; nothing if it has none.
    std::optional<std::uint64_t> largest_acked() const noexcept;
    std::uint64_t largest_sent() const noexcept;

    // What the peer says.

    /// @returns protocol_violation if it acknowledges what was never sent
    std::error_code on_ack(const AckFrame& frame, protocol::Time now, Feedback& out);

    // Time.

    /// When advance() is due: a packet counts as lost then, or nothing was heard for too long.
    protocol::Time deadline() const noexcept;
    void advance(protocol::Time now, Feedback& out);

    /// Packets that must leave now whatever the window says, to hear from the peer; once each.
    unsigned take_probes() noexcept;

    /// Probe timeouts since something was heard.
    unsigned probe_timeouts() const noexcept;

    /// Of the oldest packet under way that has frames of the mux, for a probe to repeat.
    std::optional<protocol::FrameToken> oldest_token() const noexcept;

    // State.

    std::uint64_t bytes_in_flight() const noexcept;
    const RoundTripTime& round_trip_time() const noexcept;
    RoundTripTime& round_trip_time() noexcept;

    /// Without the doubling of those in a row.
    protocol::Duration probe_timeout() const noexcept;

    /// Share of packets lost, averaged over about the last 200; 0 to 1.
    double loss() const noexcept;

    /// The path is another one: what was measured does not hold, what is under way stays.
    void path_changed(protocol::Time now);
};

}  // namespace braid::transport
