#include "transport/udp/connection_ids.hpp"

#include <bit>

namespace braid::transport {

namespace {

struct Halves {
    std::uint16_t left = 0;
    std::uint16_t right = 0;
};

Halves halves_of(std::uint32_t block) noexcept {
    return {static_cast<std::uint16_t>(block >> 16), static_cast<std::uint16_t>(block)};
}

std::uint32_t block_of(Halves halves) noexcept {
    return static_cast<std::uint32_t>(halves.left) << 16 | halves.right;
}

void forth(Halves& halves, std::uint16_t key) noexcept {
    const auto sum = std::rotr(halves.left, 7) + halves.right;
    halves.left = static_cast<std::uint16_t>(sum ^ key);
    halves.right = static_cast<std::uint16_t>(std::rotl(halves.right, 2) ^ halves.left);
}

void back(Halves& halves, std::uint16_t key) noexcept {
    halves.right = std::rotr(static_cast<std::uint16_t>(halves.right ^ halves.left), 2);
    const auto difference = (halves.left ^ key) - halves.right;
    halves.left = std::rotl(static_cast<std::uint16_t>(difference), 7);
}

}  // namespace

// The key's words are mixed by the same round, with the round's index as the key.
ConnectionIdCipher::ConnectionIdCipher(std::uint64_t key) noexcept {
    std::array<std::uint16_t, 3> words;
    for (std::size_t i = 0; i < words.size(); ++i) {
        words[i] = static_cast<std::uint16_t>(key >> (16 * (i + 1)));
    }
    Halves halves{0, static_cast<std::uint16_t>(key)};
    for (std::size_t i = 0; i < rounds; ++i) {
        round_keys_[i] = halves.right;
        halves.left = words[i % words.size()];
        forth(halves, static_cast<std::uint16_t>(i));
        words[i % words.size()] = halves.left;
    }
}

ConnectionId ConnectionIdCipher::seal(std::uint32_t number) const noexcept {
    auto halves = halves_of(number);
    for (const auto key : round_keys_) forth(halves, key);
    return block_of(halves);
}

std::uint32_t ConnectionIdCipher::open(ConnectionId id) const noexcept {
    auto halves = halves_of(id);
    for (std::size_t i = rounds; i-- > 0;) back(halves, round_keys_[i]);
    return block_of(halves);
}

}  // namespace braid::transport
