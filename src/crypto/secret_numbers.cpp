#include "crypto/secret_numbers.hpp"

#include <sodium/crypto_shorthash_siphash24.h>

#include <cstring>

namespace braid::crypto {

SecretNumbers::SecretNumbers(std::uint64_t seed, std::uint64_t purpose) noexcept {
    for (std::size_t i = 0; i < 8; ++i) {
        key_[i] = static_cast<std::byte>(seed >> (8 * i));
        key_[8 + i] = static_cast<std::byte>(purpose >> (8 * i));
    }
}

std::uint64_t SecretNumbers::at(std::uint64_t index) const noexcept {
    unsigned char in[8];
    unsigned char out[crypto_shorthash_siphash24_BYTES];
    for (std::size_t i = 0; i < 8; ++i) in[i] = static_cast<unsigned char>(index >> (8 * i));
    crypto_shorthash_siphash24(out, in, sizeof in,
                               reinterpret_cast<const unsigned char*>(key_.data()));
    std::uint64_t number = 0;
    for (std::size_t i = sizeof out; i-- > 0;) number = number << 8 | out[i];
    return number;
}

}  // namespace braid::crypto
