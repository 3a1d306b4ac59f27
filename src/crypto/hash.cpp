#include "crypto/hash.hpp"

#include <sodium/core.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_shorthash_siphash24.h>
#include <sodium/utils.h>

#include <cassert>

namespace braid::crypto {

namespace {

const unsigned char* octets(std::span<const std::byte> bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Picks what this processor computes fastest; if it fails, the portable code serves.
void prepare() noexcept { [[maybe_unused]] static const int status = sodium_init(); }

}  // namespace

void hash(std::span<std::byte> out, std::span<const std::byte> key, std::string_view purpose,
          std::initializer_list<std::span<const std::byte>> parts) noexcept {
    prepare();
    unsigned char personal[crypto_generichash_blake2b_PERSONALBYTES] = {};
    assert(purpose.size() <= sizeof personal);
    purpose.copy(reinterpret_cast<char*>(personal), sizeof personal);
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init_salt_personal(&state, octets(key), key.size(), out.size(),
                                                  nullptr, personal);
    for (const auto part : parts) {
        crypto_generichash_blake2b_update(&state, octets(part), part.size());
    }
    crypto_generichash_blake2b_final(&state, reinterpret_cast<unsigned char*>(out.data()),
                                     out.size());
    sodium_memzero(&state, sizeof state);
}

std::uint64_t short_hash(const ShortKey& key, std::span<const std::byte> bytes) noexcept {
    unsigned char out[crypto_shorthash_siphash24_BYTES];
    crypto_shorthash_siphash24(out, octets(bytes), bytes.size(), octets(key));
    std::uint64_t number = 0;
    for (std::size_t i = sizeof out; i-- > 0;) number = number << 8 | out[i];
    return number;
}

bool equal(std::span<const std::byte> one, std::span<const std::byte> other) noexcept {
    return one.size() == other.size() && sodium_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace braid::crypto
