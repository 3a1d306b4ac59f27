#pragma once

#include <cstdint>

namespace braid {

/// What a stream guarantees about its messages; combine with `|`.
///
/// The meaning is the same on every transport (docs/promises.md). A promise that cannot be kept
/// makes Participant::open() fail; none is ever ignored.
enum class Promises : std::uint8_t {
    none = 0,
    ordered = 1 << 0,              ///< never an older message after a newer one
    consistency = 1 << 1,          ///< what reaches the application is bit-exact
    guaranteed_delivery = 1 << 2,  ///< every message arrives exactly once
    compressed = 1 << 3,           ///< LZ4, message by message, where it makes them smaller
    encrypted = 1 << 4,            ///< the stream uses only encrypted channels
    reliable = ordered | consistency | guaranteed_delivery,
};

constexpr Promises operator|(Promises left, Promises right) noexcept {
    return static_cast<Promises>(static_cast<std::uint8_t>(left) |
                                 static_cast<std::uint8_t>(right));
}

/// True if `made` includes every promise that `asked` names.
constexpr bool covers(Promises made, Promises asked) noexcept {
    return (static_cast<std::uint8_t>(made) & static_cast<std::uint8_t>(asked)) ==
           static_cast<std::uint8_t>(asked);
}

}  // namespace braid
