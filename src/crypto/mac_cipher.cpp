#include "crypto/mac_cipher.hpp"

#include "crypto/hash.hpp"

#include <sodium/crypto_shorthash_siphash24.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <tuple>
#include <utility>

namespace braid::crypto {

namespace {

const unsigned char* octets(const std::byte* bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes);
}

}  // namespace

MacCipher::MacCipher(std::uint64_t payload_seed, const Key& packet_key) noexcept
    : payload_seed_{payload_seed}, packet_key_{packet_key} {}

void MacCipher::seal(std::uint64_t number, std::span<const std::byte> header,
                     std::span<std::byte> payload, std::byte* tag) noexcept {
    const auto computed = tag_of(number, header, payload);
    std::memcpy(tag, computed.data(), computed.size());
}

bool MacCipher::open(std::uint64_t number, std::span<const std::byte> header,
                     std::span<std::byte> payload, const std::byte* tag) noexcept {
    return equal(tag_of(number, header, payload), {tag, tag_size});
}

// To whoever has seen no tag, SipHash's is as good as random whatever it is taken over, so the long
// part may go through a hash that is ten times as fast. 128 bits, so that no two payloads share
// one.
MacCipher::Tag MacCipher::tag_of(std::uint64_t number, std::span<const std::byte> header,
                                 std::span<const std::byte> payload) const noexcept {
    constexpr std::size_t payload_hash_at = 8;
    constexpr std::size_t header_at = payload_hash_at + sizeof(XXH128_canonical_t);
    assert(header.size() <= header_bytes_max);
    unsigned char packet[header_at + header_bytes_max];
    for (std::size_t i = 0; i < payload_hash_at; ++i) {
        packet[i] = static_cast<unsigned char>(number >> (8 * i));
    }
    XXH128_canonical_t payload_hash;
    XXH128_canonicalFromHash(&payload_hash,
                             XXH3_128bits_withSeed(payload.data(), payload.size(), payload_seed_));
    std::memcpy(packet + payload_hash_at, &payload_hash, sizeof payload_hash);
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
    constexpr std::size_t seed_bytes = sizeof(std::uint64_t);
    constexpr std::size_t key_bytes = std::tuple_size_v<MacCipher::Key>;
    std::array<std::byte, 2 * (seed_bytes + key_bytes)> bytes;
    hash(bytes, {}, "braid packet mac",
         {std::as_bytes(std::span{dialling_session}), std::as_bytes(std::span{accepting_session})});
    auto next = bytes.cbegin();
    const auto cipher = [&] {
        std::uint64_t seed = 0;
        for (std::size_t i = 0; i < seed_bytes; ++i) {
            seed |= std::to_integer<std::uint64_t>(*next++) << (8 * i);
        }
        MacCipher::Key key;
        std::copy_n(next, key_bytes, key.begin());
        next += key_bytes;
        return std::make_unique<MacCipher>(seed, key);
    };
    auto dialling = cipher();
    auto accepting = cipher();
    PacketCiphers ciphers{std::move(dialling), std::move(accepting)};
    if (side == protocol::HandshakeSide::accepting) std::swap(ciphers.sealing, ciphers.opening);
    return ciphers;
}

}  // namespace braid::crypto
