#include "transport/udp/connection_ids.hpp"

namespace braid::transport {

namespace {

constexpr std::uint32_t round_count = 4;
constexpr std::uint32_t half_mask = 0xffff;

}  // namespace

ConnectionId ConnectionIdCipher::seal(std::uint32_t number) const noexcept {
    auto left = number >> 16;
    auto right = number & half_mask;
    for (std::uint32_t i = 0; i < round_count; ++i) {
        left = std::exchange(right, left ^ round(i, right));
    }
    return left << 16 | right;
}

std::uint32_t ConnectionIdCipher::open(ConnectionId id) const noexcept {
    auto left = id >> 16;
    auto right = id & half_mask;
    for (std::uint32_t i = round_count; i-- > 0;) {
        right = std::exchange(left, right ^ round(i, left));
    }
    return left << 16 | right;
}

std::uint32_t ConnectionIdCipher::round(std::uint32_t index, std::uint32_t half) const noexcept {
    return static_cast<std::uint32_t>(rounds_.at(index << 16 | half)) & half_mask;
}

}  // namespace braid::transport
