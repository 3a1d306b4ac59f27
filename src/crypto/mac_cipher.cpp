#include "crypto/mac_cipher.hpp"

#include "crypto/hash.hpp"

#include <sodium/crypto_shorthash_siphash24.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace braid::crypto {

namespace {

const unsigned char* octets(const std::byte* bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes);
}

}  // namespace

MacCipher::MacCipher(const Key& payload_key, const Key& packet_key) noexcept
    : payload_key_{payload_key}, packet_key_{packet_key} {}

void MacCipher::seal(std::uint64_t number, std::span<const std::byte> header,
                     std::span<std::byte> payload, std::byte* tag) noexcept {
    const auto computed = tag_of(number, header, payload);
    std::memcpy(tag, computed.data(), computed.size());
}

bool MacCipher::open(std::uint64_t number, std::span<const std::byte> header,
                     std::span<std::byte> payload, const std::byte* tag) noexcept {
    return equal(tag_of(number, header, payload), {tag, tag_size});
}

// libsodium's SipHash takes one piece of memory. The payload stays where it is: the tag is the hash
// of number, hash of the payload (128 bits, so that no two payloads share one), and header.
MacCipher::Tag MacCipher::tag_of(std::uint64_t number, std::span<const std::byte> header,
                                 std::span<const std::byte> payload) const noexcept {
    constexpr std::size_t payload_hash_at = 8;
    constexpr std::size_t header_at = payload_hash_at + crypto_shorthash_siphashx24_BYTES;
    assert(header.size() <= header_bytes_max);
    unsigned char packet[header_at + header_bytes_max];
    for (std::size_t i = 0; i < payload_hash_at; ++i) {
        packet[i] = static_cast<unsigned char>(number >> (8 * i));
    }
    crypto_shorthash_siphashx24(packet + payload_hash_at, octets(payload.data()), payload.size(),
                                octets(payload_key_.data()));
    const auto header_bytes = std::min(header.size(), header_bytes_max);
    if (header_bytes != 0) std::memcpy(packet + header_at, header.data(), header_bytes);
    Tag tag;
    crypto_shorthash_siphash24(reinterpret_cast<unsigned char*>(tag.data()), packet,
                               header_at + header_bytes, octets(packet_key_.data()));
    return tag;
}

PacketCiphers make_mac_ciphers(protocol::HandshakeSide side,
                               const std::array<std::uint8_t, 16>& dialling_session,
                               const std::array<std::uint8_t, 16>& accepting_session) {
    std::array<MacCipher::Key, 4> keys;
    hash(std::as_writable_bytes(std::span{keys}), {}, "braid packet mac",
         {std::as_bytes(std::span{dialling_session}), std::as_bytes(std::span{accepting_session})});
    auto dialling = std::make_unique<MacCipher>(keys[0], keys[1]);
    auto accepting = std::make_unique<MacCipher>(keys[2], keys[3]);
    PacketCiphers ciphers{std::move(dialling), std::move(accepting)};
    if (side == protocol::HandshakeSide::accepting) std::swap(ciphers.sealing, ciphers.opening);
    return ciphers;
}

}  // namespace braid::crypto
