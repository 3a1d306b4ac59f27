#pragma once

#include "crypto/hash.hpp"

#include <cstdint>

namespace braid::crypto {

/// Numbers that nobody can tell in advance who does not know the key, whatever others of them he
/// has seen: SipHash-2-4 of 0, 1, 2 ... The same key gives the same ones.
class SecretNumbers {
public:
    using Key = ShortKey;

    explicit SecretNumbers(const Key& key) noexcept : key_{key} {}

    /// @param seed secret
    /// @param purpose each has numbers of its own
    SecretNumbers(std::uint64_t seed, std::uint64_t purpose) noexcept;

    std::uint64_t next() noexcept { return at(count_++); }

    /// The number of something: the same one each time.
    std::uint64_t at(std::uint64_t index) const noexcept;

private:
    Key key_;
    std::uint64_t count_ = 0;
};

}  // namespace braid::crypto
