#include "crypto/cookie.hpp"

#include <algorithm>

namespace braid::crypto {

namespace {

constexpr std::size_t key_at = 4;
constexpr std::size_t mac_at = 8;

template <class Number>
std::array<std::byte, sizeof(Number)> to_bytes(Number number) noexcept {
    std::array<std::byte, sizeof(Number)> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>((number >> (8 * i)) & 0xff);
    }
    return bytes;
}

std::uint32_t to_number(std::span<const std::byte, 4> bytes) noexcept {
    std::uint32_t number = 0;
    for (std::size_t i = 4; i-- > 0;) number = number << 8 | std::to_integer<unsigned>(bytes[i]);
    return number;
}

// Periods of 60 s since the clock's zero, whenever that was.
std::uint64_t period_of(protocol::Time now) noexcept {
    return static_cast<std::uint64_t>(now.time_since_epoch() / Cookies::key_lifetime);
}

}  // namespace

Cookies::Cookies(const Secret& secret) noexcept : secret_{secret} {
    std::array<std::byte, 16> shift;
    hash(shift, secret_, "braid cookie at", {});
    time_shift_ = to_number(std::span{shift}.first<4>());
}

Cookie Cookies::make(const CookieClaim& claim, protocol::Time now) noexcept {
    const auto time = time_of(now);
    const auto period = period_of(now);
    const auto mac = mac_of(time, period, claim);
    Cookie cookie{};
    std::ranges::copy(to_bytes(time), cookie.begin());
    cookie[key_at] = static_cast<std::byte>(period & 0xff);
    std::ranges::copy(mac, cookie.begin() + mac_at);
    return cookie;
}

CookieCheck Cookies::check(const Cookie& cookie, const CookieClaim& claim,
                           protocol::Time now) noexcept {
    constexpr auto lifetime_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(lifetime).count();
    const auto time = to_number(std::span{cookie}.first<4>());
    const std::uint32_t age_ms = time_of(now) - time;
    if (age_ms > lifetime_ms) return CookieCheck::expired;
    auto period = period_of(now);
    const auto key = cookie[key_at];
    if (key != static_cast<std::byte>(period & 0xff)) --period;
    if (key != static_cast<std::byte>(period & 0xff)) return CookieCheck::expired;
    const auto zeros = std::span{cookie}.subspan<key_at + 1, mac_at - key_at - 1>();
    if (std::ranges::any_of(zeros, [](std::byte each) { return each != std::byte{0}; })) {
        return CookieCheck::forged;
    }
    const auto mac = mac_of(time, period, claim);
    return equal(mac, std::span{cookie}.subspan(mac_at)) ? CookieCheck::valid : CookieCheck::forged;
}

const Secret& Cookies::key_of(std::uint64_t period) noexcept {
    auto& key = keys_[period % keys_.size()];
    if (key.period != period) {
        key.period = period;
        hash(key.secret, secret_, "braid cookie key", {to_bytes(period)});
    }
    return key.secret;
}

Cookies::Mac Cookies::mac_of(std::uint32_t time, std::uint64_t period,
                             const CookieClaim& claim) noexcept {
    const std::array rest{static_cast<std::byte>(claim.version.major),
                          static_cast<std::byte>(claim.version.minor),
                          static_cast<std::byte>(claim.pattern)};
    Mac mac;
    hash(mac, key_of(period), "braid cookie",
         {to_bytes(time), claim.client, to_bytes(claim.attempt), rest});
    return mac;
}

std::uint32_t Cookies::time_of(protocol::Time now) const noexcept {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(ms)) + time_shift_;
}

}  // namespace braid::crypto
