#pragma once

#include "crypto/hash.hpp"
#include "protocol/handshake.hpp"
#include "protocol/time.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace braid::crypto {

/// Shows that its bearer receives what is sent to the address from which he asks:
/// time (4), key (1), three zeros, BLAKE2b-128.
using Cookie = std::array<std::byte, 24>;

/// What a cookie is good for.
struct CookieClaim {
    std::array<std::byte, 18> client{};  ///< IP address and port
    std::uint64_t attempt = 0;
    protocol::WireVersion version;
    std::uint8_t pattern = 0;
};

enum class CookieCheck : std::uint8_t { valid, expired, forged };

/// Gives out cookies and knows them again, without remembering any.
class Cookies {
public:
    static constexpr protocol::Duration lifetime = std::chrono::seconds{10};
    /// How long cookies are made with one key; the one before is still taken.
    static constexpr protocol::Duration key_lifetime = std::chrono::seconds{60};

    /// @param secret of which all keys are made
    explicit Cookies(const Secret& secret) noexcept;

    Cookie make(const CookieClaim& claim, protocol::Time now) noexcept;

    /// Time and key come first: what is expired costs no hash.
    CookieCheck check(const Cookie& cookie, const CookieClaim& claim, protocol::Time now) noexcept;

private:
    using Mac = std::array<std::byte, 16>;
    struct Key {
        std::uint64_t period = ~std::uint64_t{0};
        Secret secret{};
    };

    const Secret& key_of(std::uint64_t period) noexcept;
    Mac mac_of(std::uint32_t time, std::uint64_t period, const CookieClaim& claim) noexcept;
    std::uint32_t time_of(protocol::Time now) const noexcept;

    Secret secret_;
    std::uint32_t time_shift_ = 0;  ///< so that nobody reads this machine's clock
    std::array<Key, 2> keys_{};
};

}  // namespace braid::crypto
