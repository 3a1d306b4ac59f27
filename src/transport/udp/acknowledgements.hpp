#pragma once

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

    std::uint64_t largest() const noexcept { return ranges[0].end - 1; }
};

/// Reads an ACK from the front of `in`, its first byte included, and moves `in` past it.
/// @param sent_largest the newest packet that was sent, for the number that the frame cuts short
/// @returns frame_malformed for anything that no honest peer writes
std::error_code decode_ack(std::span<const std::byte>& in, std::uint64_t sent_largest,
                           AckFrame& out) noexcept;

/// The receiver's side of packet acknowledgements: which packets came, and when to say so.
/// RFC 9000, 13.2. Bounded: the oldest ranges are forgotten, and what is older than all that is
/// remembered counts as seen.
class Acknowledgements {
public:
    static constexpr protocol::Duration delay_max = std::chrono::milliseconds{5};
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

    /// Writes an ACK of at most `out.size()` bytes with as many ranges, newest first, as fit.
    /// @returns its size; 0, and nothing has changed, if not even one range fits
    std::size_t write(std::span<std::byte> out, protocol::Time now);

    /// The peer has got an ACK of ours whose largest number was this: what is older than what that
    /// one told needs no repeating.
    void told(std::uint64_t largest) noexcept;
};

}  // namespace braid::transport
