#pragma once

#include "protocol/link.hpp"
#include "protocol/time.hpp"
#include "transport/udp/acknowledgements.hpp"
#include "transport/udp/congestion.hpp"
#include "transport/udp/delivery_rate.hpp"
#include "transport/udp/reordering.hpp"
#include "transport/udp/round_trip_time.hpp"
#include "transport/udp/sent_packets.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

namespace braid::transport {

/// The sender's side of packet acknowledgements: what is under way, what arrived, what was lost.
/// RFC 9002, with the tolerance of reordering of RACK (RFC 8985) in time and in packets.
class Recovery {
public:
    /// The longest wait for a sign of the peer, however often it was asked, unless a round trip
    /// takes longer: QUIC doubles without a bound, and a game that was cut off for a few seconds
    /// would wait as long again.
    static constexpr protocol::Duration probe_timeout_max = std::chrono::seconds{2};

    /// So many numbers are remembered at least, if that many are sent within the time for which
    /// lost ones are remembered; four times what is under way if that is more.
    static constexpr std::size_t numbers_remembered = 16'384;

    /// What became of packets, in one go. Calls add to it, but for `ack` and `loss`, which are
    /// those of the last one; who has acted on it calls clear(), which keeps the memory.
    struct Feedback {
        std::vector<SentPacket> acked;  ///< also those that were said to be lost before
        std::vector<SentPacket> lost;
        std::size_t losses_spurious = 0;  ///< packets of `acked` that were said to be lost

        // For congestion control, in this order.

        /// All packets of the last series of losses have arrived: on_spurious_loss(). A series has
        /// those that were under way when the first of them was lost.
        bool spurious = false;
        std::optional<LossSample> loss;
        std::optional<AckSample> ack;

        void clear() noexcept;
    };

    /// @param first_number where numbering begins
    /// @param seed which numbers are skipped, so that who acknowledges what never came is found out
    Recovery(std::uint64_t first_number, std::uint64_t seed);

    // Sending.

    /// The number that the next packet has; sent() follows, or it is asked again.
    std::uint64_t next_number(protocol::Time now);

    /// @param application_limited nothing more is to be sent now, though the window is not full:
    ///     asked of packets with data alone, not of acknowledgements and MTU probes between them
    void sent(const SentPacket& packet, bool application_limited);

    /// The newest that the peer has; nothing if it has none.
    std::optional<std::uint64_t> largest_acked() const noexcept;
    /// One less than the first number if nothing was sent, or 0.
    std::uint64_t largest_sent() const noexcept;

    // What the peer says.

    /// @returns protocol_violation, and nothing has changed, if it acknowledges what was never sent
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

    /// How much later than others packets may arrive that do not count as lost.
    const Reordering& reordering() const noexcept;

    /// The path is another one: what was measured does not hold, and what is under way stays but
    /// says nothing about the new one.
    void path_changed(protocol::Time now);

private:
    /// What one acknowledgement adds up to.
    struct Tally {
        std::uint64_t bytes_in_flight_before = 0;
        std::uint64_t bytes_acked = 0;
        bool heard = false;              ///< an eliciting packet has arrived
        std::uint64_t newest = 0;        ///< the newest of them
        protocol::Duration measured{0};  ///< its round trip, if on this path
    };

    bool is_possible(const AckFrame& frame) const noexcept;
    void acked(std::uint64_t number, protocol::Time now, Tally& tally, Feedback& out);
    void was_not_lost(const SentPackets::Entry& entry, Feedback& out) noexcept;
    void learn(const AckFrame& frame, Tally& tally);
    std::uint64_t find_lost(protocol::Time now, Feedback& out);
    void lose(SentPackets::Entry& entry, protocol::Time now);
    void skip(protocol::Time now);
    void plan_skip() noexcept;
    void forget(protocol::Time now) noexcept;

    bool tells_of_path(const SentPackets::Entry& entry) const noexcept;
    bool is_late(const SentPacket& packet, protocol::Time now) const noexcept;
    bool is_overlong() const noexcept;
    bool waits_for_loss() const noexcept;
    protocol::Time lost_at(const SentPacket& packet) const noexcept;
    protocol::Time probe_at() const noexcept;
    std::size_t numbers_max() const noexcept;
    std::uint64_t random() noexcept;

    // A peer that acknowledges ahead of what it has, to be sent more, soon hits a number that was
    // never sent. Each one skipped looks like a loss to an honest peer and costs an ACK at once, so
    // there are few of them; and the last ones are remembered when their packets are forgotten.
    static constexpr std::uint64_t skip_after_least = 64;
    static constexpr std::uint64_t skip_after_most = 4096;
    static constexpr std::size_t skips_per_round_trip = 2;
    static constexpr std::size_t skips_remembered = 16;

    SentPackets packets_;
    std::uint64_t first_number_;
    std::uint64_t random_state_;
    std::uint64_t skip_at_ = 0;  ///< or at a later one
    std::array<protocol::Time, skips_per_round_trip> skip_again_at_;
    std::array<std::uint64_t, skips_remembered> skipped_{};
    std::size_t skips_ = 0;

    std::optional<std::uint64_t> largest_acked_;
    std::uint64_t oldest_;  ///< none before it is under way; it is, if any is
    std::size_t packets_in_flight_ = 0;
    std::uint64_t bytes_in_flight_ = 0;
    std::uint64_t path_first_;  ///< numbers before it went another path

    RoundTripTime round_trip_time_;
    Reordering reordering_;
    DeliveryRate rate_;
    double loss_ = 0;
    std::uint64_t rounds_ = 0;
    std::uint64_t round_end_;  ///< the number whose acknowledgement ends this round trip

    std::uint32_t episode_ = 0;
    std::uint64_t episode_end_;          ///< losses from here on belong to the next one
    std::uint64_t episode_missing_ = 0;  ///< lost in it and not come

    protocol::Time last_sent_at_{};  ///< of eliciting ones
    protocol::Time last_timeout_at_{};
    unsigned probe_timeouts_ = 0;
    unsigned probes_ = 0;
};

}  // namespace braid::transport
