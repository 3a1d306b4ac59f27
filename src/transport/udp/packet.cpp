#include "transport/udp/packet.hpp"

#include <algorithm>
#include <bit>

namespace braid::transport {
namespace {

// 1KCPP000: a packet, key phase, connection id present, bytes of the number less one.
constexpr unsigned packet_bit = 0x80;
constexpr unsigned key_phase_bit = 0x40;
constexpr unsigned destination_bit = 0x20;
constexpr unsigned number_bytes_shift = 3;
constexpr unsigned number_bytes_mask = 0x03;
constexpr unsigned reserved_bits = 0x07;

// 0100tttt.
constexpr unsigned handshake_mask = 0xf0;
constexpr unsigned handshake_bits = 0x40;

constexpr unsigned number_bytes_max = 4;

// Numbers have 62 bits at most (RFC 9000, 12.3).
constexpr auto number_end = std::uint64_t{1} << 62;

std::byte* write_destination(std::byte* out, ConnectionId destination) noexcept {
    for (std::size_t i = 0; i < sizeof destination; ++i, destination >>= 8) {
        *out++ = static_cast<std::byte>(destination);
    }
    return out;
}

}  // namespace

DatagramKind kind_of(std::span<const std::byte> datagram) noexcept {
    if (datagram.empty()) return DatagramKind::unknown;
    const auto first = std::to_integer<unsigned>(datagram[0]);
    if ((first & packet_bit) != 0) return DatagramKind::packet;
    if ((first & handshake_mask) == handshake_bits) return DatagramKind::handshake;
    return DatagramKind::unknown;
}

std::optional<PacketHeader> decode_packet_header(std::span<const std::byte> datagram) noexcept {
    if (datagram.empty()) return std::nullopt;
    const auto first = std::to_integer<unsigned>(datagram[0]);
    if ((first & packet_bit) == 0 || (first & reserved_bits) != 0) return std::nullopt;
    const bool has_destination = (first & destination_bit) != 0;
    PacketHeader header;
    header.key_phase = (first & key_phase_bit) != 0;
    header.number_bytes = ((first >> number_bytes_shift) & number_bytes_mask) + 1;
    header.bytes = 1 + (has_destination ? sizeof(ConnectionId) : 0) + header.number_bytes;
    if (datagram.size() < header.bytes) return std::nullopt;
    std::size_t at = 1;
    if (has_destination) {
        ConnectionId destination = 0;
        for (unsigned i = 0; i < sizeof destination; ++i) {
            destination |= std::to_integer<ConnectionId>(datagram[at++]) << (8 * i);
        }
        header.destination = destination;
    }
    for (; at < header.bytes; ++at) {
        header.number_low = header.number_low << 8 | std::to_integer<std::uint32_t>(datagram[at]);
    }
    return header;
}

std::size_t encode_packet_header(std::byte* out, bool key_phase,
                                 std::optional<ConnectionId> destination, std::uint64_t number,
                                 unsigned number_bytes) noexcept {
    const auto* const begin = out;
    const auto flags = packet_bit | (key_phase ? key_phase_bit : 0) |
                       (destination ? destination_bit : 0) |
                       (number_bytes - 1) << number_bytes_shift;
    *out++ = static_cast<std::byte>(flags);
    if (destination) out = write_destination(out, *destination);
    for (auto left = number_bytes; left-- > 0;) {
        *out++ = static_cast<std::byte>(number >> (8 * left));
    }
    return static_cast<std::size_t>(out - begin);
}

unsigned packet_number_bytes(std::uint64_t number, std::optional<std::uint64_t> acked) noexcept {
    // One bit more than the count of those that the peer may not have, for the sign.
    const auto unacked = acked ? number - *acked : number + 1;
    const auto bits = static_cast<unsigned>(std::bit_width(unacked - 1)) + 1;
    return std::min((bits + 7) / 8, number_bytes_max);
}

std::uint64_t expand_packet_number(std::uint32_t low, unsigned bytes,
                                   std::uint64_t largest) noexcept {
    const auto expected = largest + 1;
    const auto window = std::uint64_t{1} << (8 * bytes);
    const auto half = window / 2;
    const auto candidate = (expected & ~(window - 1)) | low;
    if (candidate + half <= expected && candidate + window < number_end) return candidate + window;
    if (candidate > expected + half && candidate >= window) return candidate - window;
    return candidate;
}

std::array<std::byte, 5> packet_associated_data(std::byte flags,
                                                ConnectionId destination) noexcept {
    std::array<std::byte, 5> data{flags};
    write_destination(data.data() + 1, destination);
    return data;
}

}  // namespace braid::transport
