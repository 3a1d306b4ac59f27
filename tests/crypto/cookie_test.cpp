#include "crypto/cookie.hpp"

#include "catch.hpp"
#include "crypto/hex.hpp"

#include <set>

using namespace braid;
using namespace braid::crypto;
using namespace std::chrono_literals;

namespace {

Secret secret(unsigned letter) {
    Secret result;
    result.fill(static_cast<std::byte>(letter));
    return result;
}

CookieClaim claim() {
    CookieClaim result;
    result.client[0] = std::byte{10};
    result.client[17] = std::byte{80};
    result.attempt = 0x1122334455667788u;
    return result;
}

protocol::Time at(protocol::Duration since) { return protocol::Time{1h + since}; }

}  // namespace

TEST_CASE("a cookie is valid for ten seconds") {
    Cookies cookies{secret(1)};
    for (const auto made : {0s, 59s, 60s, 119s}) {
        const auto cookie = cookies.make(claim(), at(made));
        CHECK(cookies.check(cookie, claim(), at(made)) == CookieCheck::valid);
        CHECK(cookies.check(cookie, claim(), at(made + 10s)) == CookieCheck::valid);
        CHECK(cookies.check(cookie, claim(), at(made + 10s + 1ms)) == CookieCheck::expired);
        CHECK(cookies.check(cookie, claim(), at(made - 1ms)) == CookieCheck::expired);
    }
    CHECK(Cookies{secret(1)}.make(claim(), at(0s)) == cookies.make(claim(), at(0s)));
}

TEST_CASE("hostile 42: a cookie serves nobody else and nothing else") {
    Cookies cookies{secret(1)};
    const auto cookie = cookies.make(claim(), at(0s));
    const auto rejected = [&](auto change) {
        auto other = claim();
        change(other);
        return cookies.check(cookie, other, at(1s)) == CookieCheck::forged;
    };
    CHECK(rejected([](auto& other) { other.client[0] ^= std::byte{1}; }));
    CHECK(rejected([](auto& other) { other.client[17] ^= std::byte{1}; }));
    CHECK(rejected([](auto& other) { other.attempt ^= 1; }));
    CHECK(rejected([](auto& other) { other.version.major ^= 1; }));
    CHECK(rejected([](auto& other) { other.version.minor ^= 1; }));
    CHECK(rejected([](auto& other) { other.pattern ^= 1; }));
    CHECK(Cookies{secret(2)}.check(cookie, claim(), at(1s)) != CookieCheck::valid);
}

TEST_CASE("hostile 42: a cookie that was changed anywhere is not valid") {
    Cookies cookies{secret(1)};
    const auto cookie = cookies.make(claim(), at(30s));
    for (std::size_t bit = 0; bit < 8 * cookie.size(); ++bit) {
        auto changed = cookie;
        changed[bit / 8] ^= std::byte{1} << (bit % 8);
        CHECK(cookies.check(changed, claim(), at(31s)) != CookieCheck::valid);
    }
}

TEST_CASE("hostile 42: two keys live and the one before them does not") {
    Cookies cookies{secret(1)};
    const auto cookie = cookies.make(claim(), at(59s));
    CHECK(cookies.check(cookie, claim(), at(61s)) == CookieCheck::valid);
    // Time alone would let it live on after 2^32 ms.
    const auto wrapped = 59s + std::chrono::milliseconds{std::int64_t{1} << 32};
    CHECK(cookies.check(cookie, claim(), at(wrapped)) != CookieCheck::valid);
    // The periods' keys differ: of the same instant, as far as the time in it tells.
    CHECK(cookies.make(claim(), at(59s)) != cookies.make(claim(), at(wrapped)));
}

TEST_CASE("cookies do not tell the time of this machine") {
    std::set<std::string> times;
    for (unsigned letter = 0; letter < 8; ++letter) {
        const auto cookie = Cookies{secret(letter)}.make(claim(), at(0s));
        times.insert(to_hex(std::span{cookie}.first(4)));
    }
    CHECK(times.size() == 8);
}
