#include "crypto/secret_numbers.hpp"

namespace braid::crypto {

SecretNumbers::SecretNumbers(std::uint64_t seed, std::uint64_t purpose) noexcept {
    for (std::size_t i = 0; i < 8; ++i) {
        key_[i] = static_cast<std::byte>(seed >> (8 * i));
        key_[8 + i] = static_cast<std::byte>(purpose >> (8 * i));
    }
}

std::uint64_t SecretNumbers::at(std::uint64_t index) const noexcept {
    std::array<std::byte, sizeof index> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>((index >> (8 * i)) & 0xff);
    }
    return short_hash(key_, bytes);
}

}  // namespace braid::crypto
