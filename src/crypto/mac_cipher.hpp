#pragma once

#include "protocol/handshake.hpp"
#include "protocol/packet_cipher.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace braid::crypto {

/// Authenticates packets and hides nothing: SipHash-2-4 (Aumasson and Bernstein, 2012), 64 bits,
/// over the XXH3-128 (Collet, xxHash specification) of the payload. Keeps out whoever sees nothing
/// of the connection, and what was damaged on the way; who saw the handshake can forge, and who
/// sees packets might find another payload for a tag.
class MacCipher final : public protocol::PacketCipher {
public:
    using Key = std::array<std::byte, 16>;
    static constexpr std::size_t tag_size = 8;
    /// No packet has a longer one.
    static constexpr std::size_t header_bytes_max = 40;

    /// @param payload_seed and `packet_key` have nothing to do with each other
    MacCipher(std::uint64_t payload_seed, const Key& packet_key) noexcept;

    std::size_t tag_bytes() const noexcept override { return tag_size; }
    void seal(std::uint64_t number, std::span<const std::byte> header, std::span<std::byte> payload,
              std::byte* tag) noexcept override;
    bool open(std::uint64_t number, std::span<const std::byte> header, std::span<std::byte> payload,
              const std::byte* tag) noexcept override;

private:
    using Tag = std::array<std::byte, tag_size>;
    Tag tag_of(std::uint64_t number, std::span<const std::byte> header,
               std::span<const std::byte> payload) const noexcept;

    std::uint64_t payload_seed_;
    Key packet_key_;
};

/// What one end of a connection needs, one for each direction.
struct PacketCiphers {
    std::unique_ptr<protocol::PacketCipher> sealing;
    std::unique_ptr<protocol::PacketCipher> opening;
};

/// Hello::session of both ends gives the keys.
/// @param side whose ciphers they are
PacketCiphers make_mac_ciphers(protocol::HandshakeSide side,
                               const std::array<std::uint8_t, 16>& dialling_session,
                               const std::array<std::uint8_t, 16>& accepting_session);

}  // namespace braid::crypto
