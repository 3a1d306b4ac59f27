// How many a gate lets in, and of whom it wants a cookie.

#include "catch.hpp"
#include "transport/udp/gate_sample.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

using namespace braid;
using namespace braid::test;

TEST_CASE("a prefix from which many come needs cookies and others do not") {
    Door door;
    int admitted = 0;
    for (std::uint32_t i = 0; i < 30; ++i) {
        const auto verdict = door.knock(sample_address(lan + i), i, 0ms);
        if (verdict.decision == Decision::admit) {
            ++admitted;
        } else {
            CHECK(is_retry(verdict));
        }
    }
    CHECK(admitted == 16);
    CHECK(door.knock(sample_address(lan + 256), 1, 0ms).decision == Decision::admit);
    // Who forges that prefix does not keep its people out.
    const auto from = sample_address(lan + 200);
    const auto cookie = door.cookie_for(from, 5, 1ms);
    CHECK(door.knock(from, 5, 1ms, cookie).decision == Decision::admit);
}

TEST_CASE("a prefix whose newcomers never finish needs cookies though they come slowly") {
    Door door;
    for (std::uint32_t i = 0; i < 16; ++i) {
        CHECK(door.knock(sample_address(lan + i), i, i * 200ms).decision == Decision::admit);
    }
    CHECK(is_retry(door.knock(sample_address(lan + 16), 16, 3'200ms)));
    // The first one's time is over.
    CHECK(door.knock(sample_address(lan + 16), 16, 5s).decision == Decision::admit);
}

TEST_CASE("more than a hundred newcomers a second need cookies however soon they finish") {
    Door door;
    int admitted = 0;
    for (AttemptId i = 0; i < 1000; ++i) {
        const auto from = sample_address(lan + (static_cast<std::uint32_t>(i) << 8));
        if (door.knock(from, i, 1ms * i).decision == Decision::admit) {
            ++admitted;
            door.gate.confirmed({from, i});
        }
    }
    // A burst of a hundred, and what comes in a tenth of a second; then they are too many.
    CHECK(admitted >= 100);
    CHECK(admitted <= 112);
    CHECK(door.knock(sample_address(lan), 5000, 5s).decision == Decision::admit);
}

TEST_CASE("a prefix has sixteen half open with cookies and eight newcomers a second") {
    Door door{always_cookies()};
    const auto knock = [&](AttemptId attempt, protocol::Duration when) {
        const auto from = sample_address(lan + static_cast<std::uint32_t>(attempt % 200));
        const auto cookie = door.cookie_for(from, attempt, when);
        return door.knock(from, attempt, when, cookie).decision == Decision::admit;
    };
    int admitted = 0;
    for (AttemptId i = 0; i < 30; ++i) admitted += knock(i, 0ms);
    CHECK(admitted == 16);
    CHECK(door.gate.counters().limited == 14);
    // There is time for more, but none has finished.
    CHECK_FALSE(knock(100, 1s));
    for (AttemptId i = 0; i < 16; ++i) {
        door.gate.confirmed({sample_address(lan + static_cast<std::uint32_t>(i)), i});
    }
    admitted = 0;
    for (AttemptId i = 200; i < 230; ++i) admitted += knock(i, 1s);
    CHECK(admitted == 8);
}

TEST_CASE("IPv6 is limited by its first 56 bits and IPv4 is the same through either socket") {
    Door door;
    const auto v6 = [](std::uint8_t seventh, std::uint8_t eighth) {
        SocketAddress address;
        address.v6 = true;
        address.ip = {0x20, 1, 0x0d, 0xb8, 0, 0, seventh, eighth};
        return address;
    };
    for (std::uint8_t i = 0; i < 16; ++i) {
        CHECK(door.knock(v6(1, i), i, 0ms).decision == Decision::admit);
    }
    CHECK(is_retry(door.knock(v6(1, 16), 16, 0ms)));
    CHECK(door.knock(v6(2, 16), 16, 0ms).decision == Decision::admit);

    Door other;
    for (std::uint8_t i = 0; i < 16; ++i) {
        CHECK(other.knock(sample_address(lan + i), i, 0ms).decision == Decision::admit);
    }
    SocketAddress mapped;
    mapped.v6 = true;
    mapped.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 77};
    CHECK(is_retry(other.knock(mapped, 99, 0ms)));
}

TEST_CASE("loopback is exempt from all but the number of the half open") {
    SocketAddress v6;
    v6.v6 = true;
    v6.ip[15] = 1;
    for (const auto& from : {loopback, v6}) {
        Door door;
        int admitted = 0;
        for (AttemptId i = 0; i < 2'000; ++i) {
            if (door.knock(from, i, 0ms).decision == Decision::admit) ++admitted;
        }
        CHECK(admitted == 1'024);
        CHECK(door.gate.counters().limited == 2'000 - 1'024);
        // Whoever is not on this machine is not held up by its rate.
        for (AttemptId i = 0; i < 1'024; ++i) door.gate.confirmed({from, i});
        CHECK(door.knock(sample_address(lan + 1), 1, 0ms).decision == Decision::admit);
    }
    Door careful{always_cookies()};
    CHECK(is_retry(careful.knock(loopback, 1, 0ms)));
}

TEST_CASE("newcomers have a limit each second in total") {
    GateLimits limits = always_cookies();
    limits.newcomers = {10, 10};
    Door door{limits};
    const auto admitted = [&](protocol::Duration when, AttemptId first) {
        int count = 0;
        for (AttemptId i = first; i < first + 30; ++i) {
            const auto from = sample_address(lan + (static_cast<std::uint32_t>(i) << 8));
            const auto cookie = door.cookie_for(from, i, when);
            if (door.knock(from, i, when, cookie).decision == Decision::admit) ++count;
        }
        return count;
    };
    CHECK(admitted(0ms, 0) == 10);
    CHECK(door.gate.counters().limited == 20);
    CHECK(admitted(500ms, 100) == 5);
    // Who was turned away comes in when it asks again.
    const auto cookie = door.cookie_for(sample_address(lan + (29u << 8)), 29, 1s);
    CHECK(door.knock(sample_address(lan + (29u << 8)), 29, 1s, cookie).decision == Decision::admit);
}

TEST_CASE("a gate keeps the limits of its Network") {
    const GateLimits usual;
    const auto same = GateLimits::of(Limits{});
    CHECK(same.half_open == usual.half_open);
    CHECK(same.half_open_per_prefix == usual.half_open_per_prefix);
    CHECK(same.half_open_without_cookie == usual.half_open_without_cookie);
    CHECK(same.newcomers == usual.newcomers);
    CHECK(same.newcomers_without_cookie == usual.newcomers_without_cookie);
    CHECK(same.newcomers_per_prefix == usual.newcomers_per_prefix);
    CHECK(same.handshake == usual.handshake);
    CHECK(same.attempts == usual.attempts);

    Limits limits;
    limits.half_open = 10;
    limits.handshakes_per_second = 20;
    limits.participants_per_address = 2;
    limits.handshake = 700ms;
    const auto strict = GateLimits::of(limits);
    CHECK(strict.half_open == 10);
    CHECK(strict.half_open_without_cookie == 5);
    CHECK(strict.newcomers == RateLimit::Rate{20, 20});
    CHECK(strict.newcomers_without_cookie == RateLimit::Rate{10, 10});
    CHECK(strict.newcomers_per_prefix == usual.newcomers_per_prefix);
    CHECK(strict.handshake == 700ms);
    CHECK(strict.attempts == usual.attempts);

    limits.half_open = 5'000;
    limits.handshakes_per_second = 10'000;
    limits.participants_per_address = 1'000;
    const auto wide = GateLimits::of(limits);
    CHECK(wide.half_open == 5'000);
    CHECK(wide.half_open_per_prefix == 1'000);
    CHECK(wide.half_open_without_cookie == usual.half_open_without_cookie);
    CHECK(wide.newcomers_without_cookie == usual.newcomers_without_cookie);
    CHECK(wide.newcomers_per_prefix == RateLimit::Rate{500, 1'000});
    CHECK(wide.attempts >= 11 * 10'000 + 5'000);
}

TEST_CASE("the least and the largest limits make a gate that works") {
    Limits least;
    least.half_open = least.handshakes_per_second = least.participants_per_address = 1;
    Limits largest;
    largest.half_open = largest.handshakes_per_second = largest.participants_per_address =
        std::numeric_limits<std::uint32_t>::max();
    for (const auto& limits : {least, largest}) {
        Door door{GateLimits::of(limits)};
        const auto from = sample_address(lan + 1);
        auto verdict = door.knock(from, 1, 0ms);
        if (is_retry(verdict)) verdict = door.knock(from, 1, 0ms, Door::cookie_in(verdict));
        CHECK(verdict.decision == Decision::admit);
    }
}

TEST_CASE("the half open have an end in total") {
    GateLimits limits = always_cookies();
    limits.half_open = 50;
    Door door{limits};
    int admitted = 0;
    for (AttemptId i = 0; i < 100; ++i) {
        const auto cookie = door.cookie_for(loopback, i, 0ms);
        if (door.knock(loopback, i, 0ms, cookie).decision == Decision::admit) ++admitted;
    }
    CHECK(admitted == 50);
    CHECK(door.gate.counters().limited == 50);
    const auto cookie = door.cookie_for(loopback, 1000, 5s);
    CHECK(door.knock(loopback, 1000, 5s, cookie).decision == Decision::admit);
}

TEST_CASE("when no more attempts can be remembered new ones are turned away") {
    GateLimits limits;
    limits.attempts = 20;
    Door door{limits};
    int admitted = 0;
    for (AttemptId i = 0; i < 30; ++i) {
        if (door.knock(loopback, i, 0ms).decision == Decision::admit) ++admitted;
        door.gate.gone({loopback, i});
    }
    CHECK(admitted == 20);
    CHECK(door.gate.half_open() == 0);
    CHECK(door.knock(loopback, 99, Gate::attempt_memory).decision == Decision::admit);
}

TEST_CASE("where nobody forges addresses no cookie is asked for") {
    GateLimits limits;
    limits.cookies = CookiePolicy::never;
    Door door{limits};
    for (std::uint32_t i = 0; i < 200; ++i) {
        CHECK(door.knock(sample_address(lan + i), i, 0ms).decision == Decision::admit);
    }
    CHECK(door.knock(sample_address(lan), 999, 0ms).decision == Decision::drop);
}
