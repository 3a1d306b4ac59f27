#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace braid::protocol {

// A prefix varint (docs/wire.md): the count of leading 1 bits of the first byte is the count of
// bytes that follow; the other bits, most significant first, are the value. Only the shortest
// form is legal, so that a value has one encoding.

inline constexpr std::size_t prefix_varint_bytes_max = 9;

constexpr std::size_t prefix_varint_bytes(std::uint64_t value) noexcept {
    const auto bits = static_cast<std::size_t>(std::bit_width(value | 1));
    return bits > 56 ? 9 : (bits + 6) / 7;
}

/// Writes `value` to `out`, which has room for prefix_varint_bytes(value).
/// @returns the bytes written
inline std::size_t encode_prefix_varint(std::uint64_t value, std::byte* out) noexcept {
    if (value < 0x80) {
        *out = static_cast<std::byte>(value);
        return 1;
    }
    const std::size_t size = prefix_varint_bytes(value);
    for (std::size_t i = size; i-- > 1; value >>= 8) out[i] = static_cast<std::byte>(value);
    const auto prefix = size == 9 ? 0xffu : (0x1fe00u >> size) & 0xffu;
    out[0] = static_cast<std::byte>(prefix | (size >= 8 ? 0u : static_cast<unsigned>(value)));
    return size;
}

enum class DecodeStatus : std::uint8_t {
    complete,
    incomplete,  ///< well-formed as far as it goes; more bytes are needed
    malformed,
};

/// Reads a value from the front of `in` and moves `in` past it; on any other status than complete
/// `in` and `value` are unchanged.
inline DecodeStatus decode_prefix_varint(std::span<const std::byte>& in,
                                         std::uint64_t& value) noexcept {
    if (in.empty()) return DecodeStatus::incomplete;
    const auto first = std::to_integer<std::uint8_t>(in[0]);
    if (first < 0x80) {
        value = first;
        in = in.subspan(1);
        return DecodeStatus::complete;
    }
    const auto size = static_cast<std::size_t>(std::countl_one(first)) + 1;
    if (in.size() < size) return DecodeStatus::incomplete;
    std::uint64_t result = size >= 8 ? 0 : first & (0x7fu >> (size - 1));
    for (std::size_t i = 1; i < size; ++i) result = result << 8 | std::to_integer<unsigned>(in[i]);
    if (prefix_varint_bytes(result) != size) return DecodeStatus::malformed;
    value = result;
    in = in.subspan(size);
    return DecodeStatus::complete;
}

}  // namespace braid::protocol
