#pragma once

#include "protocol/interval_set.hpp"
#include "protocol/time.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

namespace braid::transport {

/// Packets that the peer has: a frame as read, newest first.
struct AckFrame {
    struct Range {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;  ///< one past the last
    };
    static constexpr std::size_t ranges_max = 64;

    protocol::Duration delay{0};  ///< since the newest one came
    std::size_t count = 0;
    std::array<Range, ranges_max> ranges{};

    /// Of a frame with count > 0.
    std::uint64_t largest() const noexcept { return ranges[0].end - 1; }
};

/// The first bytes of an ACK: the low 16 or 32 bits of its largest number follow.
inline constexpr std::byte ack_frame_short{0x02};
inline constexpr std::byte ack_frame_long{0x03};

/// Reads an ACK from the front of `in`, its first byte included, and moves `in` past it.
/// @param sent_largest the newest packet that was sent: the frame's largest number is the one with
///     its low bits that is nearest to the one after this, as of packets; it may be one never sent
/// @returns frame_malformed for anything that no honest peer writes, and `in` stays where it was
std::error_code decode_ack(std::span<const std::byte>& in, std::uint64_t sent_largest,
                           AckFrame& out) noexcept;

/// The receiver's side of packet acknowledgements: which packets came, and when to say so.
/// RFC 9000, 13.2. Bounded: the oldest ranges are forgotten, and what is older than all that is
/// remembered counts as seen.
///
/// An answer is due after the second packet that wants one, but nothing is made here: who takes
/// packets in batches asks due() when the batch is over, and makes one ACK for all of it.
class Acknowledgements {
public:
    /// How long an answer is held back. QUIC's 25 ms would be half a round trip, or more, where
    /// games are played.
    static constexpr protocol::Duration delay_max = std::chrono::milliseconds{5};
    /// After so many packets that want one, the answer waits no more (RFC 9000, 13.2.2).
    static constexpr unsigned eliciting_max = 2;
    static constexpr std::size_t ranges_max = 256;

    /// True if this packet was not seen before and is not too old to tell.
    bool is_new(std::uint64_t number) const noexcept;

    /// An authentic packet whose contents were stored. Nothing is acknowledged before this.
    /// @param eliciting it wants an answer
    /// @param at_once and without delay
    void received(std::uint64_t number, bool eliciting, bool at_once, protocol::Time now);

    std::uint64_t largest() const noexcept;  ///< 0 if none came
    bool any() const noexcept;

    /// True if the peer has not been told of something that it waits to hear of: it may ride on a
    /// packet that leaves anyway.
    bool pending() const noexcept;

    /// When a packet must be made for it: at once if in the past; `never` if nothing is pending.
    protocol::Time due() const noexcept;

    /// Writes an ACK of at most `out.size()` bytes with as many ranges, newest first, as fit, but
    /// no more than AckFrame::ranges_max; what the peer knows to have been acknowledged is left
    /// out.
    /// @returns its size; 0, and nothing has changed, if not even one range fits or none came
    std::size_t write(std::span<std::byte> out, protocol::Time now);

    /// The peer has got an ACK of ours whose largest number was this: what is older than what that
    /// one told needs no repeating.
    void told(std::uint64_t largest) noexcept;

private:
    /// Packets that came when newer ones had been acknowledged already.
    struct Late {
        std::uint64_t oldest = ~std::uint64_t{0};
        std::uint64_t written = 0;  ///< no ACK up to this largest number tells of all of them
    };

    void note_late(std::uint64_t number) noexcept;
    void note_newest(std::uint64_t number, protocol::Time now) noexcept;
    bool is_sparse() const noexcept;

    protocol::IntervalSet seen_;
    std::uint64_t floor_ = 0;       ///< all below count as seen
    std::uint64_t told_below_ = 0;  ///< the peer knows, but for those that came late
    std::uint64_t largest_written_ = 0;
    bool written_ = false;
    Late late_;
    Late late_next_;  ///< those that came while late_ waits to be told
    protocol::Time newest_at_{};
    protocol::Time due_ = protocol::never;
    unsigned eliciting_ = 0;

    // How many numbers the peer used in the present span of time, and in the one before.
    protocol::Time span_began_{};
    std::uint64_t span_first_ = 0;
    std::uint64_t span_first_before_ = 0;
};

}  // namespace braid::transport
