#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace braid::transport {

/// The receiver's name for a connection, in packets towards it.
using ConnectionId = std::uint32_t;

/// What every path is taken to carry, as UDP payload (RFC 9000, 14).
inline constexpr std::size_t packet_bytes_base = 1200;
/// Nothing longer is sent or taken.
inline constexpr std::size_t packet_bytes_max = 9216;

/// What a datagram says it is by its first byte.
enum class DatagramKind : std::uint8_t { packet, handshake, unknown };
DatagramKind kind_of(std::span<const std::byte> datagram) noexcept;

/// The head of a packet (docs/wire.md): flags, connection id, low bytes of the number.
struct PacketHeader {
    bool key_phase = false;
    std::optional<ConnectionId> destination;
    std::uint32_t number_low = 0;
    unsigned number_bytes = 1;  ///< 1 to 4
    std::size_t bytes = 0;      ///< of the head
};

inline constexpr std::size_t packet_header_bytes_max = 9;

/// Nothing if it is no packet's head: the three low bits of the flags must be 0. They are in the
/// clear, so nothing is learnt by looking at them after decryption only.
std::optional<PacketHeader> decode_packet_header(std::span<const std::byte> datagram) noexcept;

/// @returns the bytes written to `out`, which has room for packet_header_bytes_max
std::size_t encode_packet_header(std::byte* out, bool key_phase,
                                 std::optional<ConnectionId> destination, std::uint64_t number,
                                 unsigned number_bytes) noexcept;

/// How many low bytes of `number` tell it to a peer that is known to have `acked`, or else takes 0
/// for the newest (RFC 9000, A.2).
unsigned packet_number_bytes(std::uint64_t number, std::optional<std::uint64_t> acked) noexcept;

/// The number with these low bytes that is nearest to the one after `largest` (RFC 9000, A.3).
std::uint64_t expand_packet_number(std::uint32_t low, unsigned bytes,
                                   std::uint64_t largest) noexcept;

/// What the cipher authenticates beside the payload: the flags, and the connection id even where
/// it is not sent.
std::array<std::byte, 5> packet_associated_data(std::byte flags, ConnectionId destination) noexcept;

}  // namespace braid::transport
