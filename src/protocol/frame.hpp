#pragma once

#include "protocol/prefix_varint.hpp"

#include <braid/id.hpp>
#include <braid/message.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace braid::protocol {

/// The first byte of a control frame (docs/wire.md). 0x80 and above are message frames.
enum class FrameType : std::uint8_t {
    padding = 0x00,
    ping = 0x01,
    open = 0x06,
    refuse_stream = 0x08,
    close_stream = 0x09,
    reset_stream = 0x0a,
    stop = 0x0b,
    max_data = 0x0d,
    max_stream_data = 0x0e,
    max_streams = 0x0f,
    blocked = 0x10,
    close = 0x15,
    stream_ack = 0x19,
    message_long = 0x1f,
    message = 0x80,
};

/// What delimits frames: on a byte stream each says its length, in a datagram the last need not; in
/// memory, one that says none has its payload beside the bytes, as a Message.
enum class Framing : std::uint8_t { stream, unit, memory };

/// A frame as read. `type` tells which fields hold a value; views point into the bytes decoded.
struct Frame {
    FrameType type = FrameType::padding;

    std::uint64_t slot = 0;  ///< all frames about one stream

    // message, message_long
    bool fragment = false;
    bool numbered = false;  ///< `number` holds the low 16 bits, or all of it (message_long)
    bool has_total = false;
    std::uint64_t number = 0;  ///< also: close_stream, reset_stream (count)
    std::uint64_t offset = 0;
    std::uint64_t total = 0;
    std::span<const std::byte> payload;
    bool beside = false;       ///< Framing::memory: the payload is the next Message of the batch
    Message* owner = nullptr;  ///< of `payload`, if it was beside; may be moved from

    // control
    std::uint64_t code = 0;   ///< refuse_stream, reset_stream, stop, close
    std::uint64_t value = 0;  ///< max_*, blocked: the limit; reset_stream: credit used
    std::string_view text;    ///< close

    // open
    StreamId id{};
    std::uint8_t priority = 0;
    std::uint8_t promises = 0;
    std::uint64_t bandwidth = 0;
    std::uint64_t credit = 0;
    std::uint64_t tag = 0;
    std::uint64_t reorder_wait_ms = 0;

    // stream_ack: all below `number` are here, and the ranges {gap, length - 1} above
    bool ended = false;
    std::uint64_t range_count = 0;
    std::span<const std::byte> ranges;
};

/// A whole message of less than 128 bytes with an implied number, as most are.
struct SmallMessage {
    std::uint64_t slot = 0;
    std::span<const std::byte> payload;
};

/// Reads one from the front of `in`.
/// @returns the bytes that it takes; 0 if there is anything else, or not all of it
inline std::size_t decode_small(std::span<const std::byte> in, SmallMessage& out) noexcept {
    constexpr unsigned message_with_length = 0x90;
    constexpr std::uint64_t slot_elsewhere = 0x0f;
    constexpr std::size_t head_bytes = 2;
    if (in.size() < head_bytes) return 0;
    const auto first = std::to_integer<unsigned>(in[0]);
    if ((first & 0xf0u) != message_with_length) return 0;
    auto rest = in.subspan(1);
    std::uint64_t slot = first & 0x0fu;
    if (slot == slot_elsewhere) {
        if (decode_prefix_varint(rest, slot) != DecodeStatus::complete) return 0;
        if (slot < slot_elsewhere || rest.empty()) return 0;
    }
    const auto length = std::to_integer<std::size_t>(rest[0]);
    if (length >= 0x80 || rest.size() <= length) return 0;
    out.slot = slot;
    out.payload = rest.subspan(1, length);
    return in.size() - rest.size() + 1 + length;
}

inline constexpr std::size_t frame_payload_bytes_max = 64u << 10;
inline constexpr std::size_t frame_header_bytes_max = 48;
inline constexpr std::size_t close_text_bytes_max = 256;
/// A datagram has no more, however short they are, so that none costs its reader much.
inline constexpr std::size_t unit_frames_max = 512;
inline constexpr std::size_t stream_ack_ranges_max = 64;

enum class FrameStatus : std::uint8_t {
    complete,
    incomplete,  ///< Framing::stream only: more bytes are needed
    malformed,
    unknown_type,
};

/// Reads one frame from the front of `in` and moves `in` past it; unless the status is complete,
/// `in` is unchanged and `out` is not to be looked at. Allocates nothing.
FrameStatus decode(std::span<const std::byte>& in, Framing framing, Frame& out) noexcept;

/// Reads the next range of a stream_ack: `first` comes in as the end of the range before (at
/// first Frame::number) and goes out, with `count`, as this range. The bytes were checked by
/// decode().
void next_range(std::span<const std::byte>& ranges, std::uint64_t& first, std::uint64_t& count);

}  // namespace braid::protocol
