#include "transport/udp/pacer.hpp"

#include "catch.hpp"

#include <chrono>

using braid::protocol::Duration;
using braid::protocol::Time;
using braid::transport::Pacer;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t packet = 1200;

Time at(Duration since_start) { return Time{} + since_start; }

/// Sends packets as soon as they may leave, and counts the bytes.
std::uint64_t bytes_sent_until(Pacer& pacer, Time now, Time end) {
    std::uint64_t bytes = 0;
    while (true) {
        now = pacer.next(now, packet);
        if (now >= end) return bytes;
        pacer.sent(now, packet);
        bytes += packet;
    }
}

}  // namespace

TEST_CASE("pacer spreads packets evenly once the burst is out") {
    Pacer pacer;
    pacer.set(1'200'000, 2 * packet);
    REQUIRE(pacer.next(at(0s), packet) == at(0s));
    pacer.sent(at(0s), packet);
    REQUIRE(pacer.next(at(0s), packet) == at(0s));
    pacer.sent(at(0s), packet);
    REQUIRE(pacer.next(at(0s), packet) == at(1ms));
    pacer.sent(at(1ms), packet);
    REQUIRE(pacer.next(at(1ms), packet) == at(2ms));
}

TEST_CASE("pacer lets no more than a burst leave after a pause of any length") {
    for (const Duration pause : {Duration{1s}, Duration{10h}, Duration{400 * 24h}}) {
        Pacer pacer;
        pacer.set(1'200'000, 4 * packet);
        const auto start = at(3s);
        bytes_sent_until(pacer, start, start + 1s);
        const auto later = start + 1s + pause;
        CHECK(bytes_sent_until(pacer, later, later + 1us) == 4 * packet);
    }
}

TEST_CASE("pacer keeps the rate without drift") {
    Pacer pacer;
    // A rate that no number of nanoseconds a packet gives.
    constexpr std::uint64_t rate = 98'765'432;
    pacer.set(rate, 16 * packet);
    const auto sent = bytes_sent_until(pacer, at(1s), at(61s));
    CHECK(sent <= 60 * rate + 16 * packet);
    CHECK(sent + packet >= 60 * rate + 15 * packet);
}

TEST_CASE("pacer keeps the rate when it is asked at odd times") {
    Pacer pacer;
    constexpr std::uint64_t rate = 2'500'000;
    pacer.set(rate, 4 * packet);
    std::uint64_t sent = 0;
    for (auto now = at(0s); now < at(20s); now += 733us) {
        while (pacer.next(now, packet) <= now) {
            pacer.sent(now, packet);
            sent += packet;
        }
    }
    CHECK(static_cast<double>(sent) == Approx(20.0 * rate).epsilon(0.001));
}

TEST_CASE("pacer keeps the rate after 400 days and 100 gigabytes") {
    Pacer pacer;
    constexpr std::uint64_t rate = 10'000'000'000;
    constexpr std::uint64_t large = 100'000;
    auto now = at(400 * 24h);
    pacer.set(rate, large);
    std::uint64_t sent = 0;
    while (sent < 100'000'000'000) {
        now = pacer.next(now, large);
        pacer.sent(now, large);
        sent += large;
    }
    const auto took = std::chrono::duration<double>{now - at(400 * 24h)}.count();
    CHECK(took == Approx(10.0).epsilon(0.001));
}

TEST_CASE("pacer does not wake anybody for nothing") {
    Pacer pacer;
    pacer.set(333'333'333, packet);
    auto now = at(400 * 24h);
    for (int i = 0; i < 10'000; ++i) {
        pacer.sent(now, packet);
        const auto next = pacer.next(now, packet);
        REQUIRE(next > now);
        REQUIRE(pacer.next(next, packet) == next);
        now = next;
    }
}

TEST_CASE("pacer lets urgent packets be early and makes the others wait for it") {
    Pacer pacer;
    pacer.set(1'200'000, packet);
    pacer.sent(at(0s), packet);
    REQUIRE(pacer.next(at(0s), packet) == at(1ms));
    for (int i = 0; i < 5; ++i) {
        REQUIRE(pacer.next(at(0s), packet, 5ms) == at(0s));
        pacer.sent(at(0s), packet);
    }
    CHECK(pacer.next(at(0s), packet, 5ms) == at(1ms));
    CHECK(pacer.next(at(0s), packet) == at(6ms));
}

TEST_CASE("pacer pays a debt at the new rate when the rate changes") {
    Pacer pacer;
    pacer.set(1'200, packet);
    pacer.sent(at(0s), packet);
    REQUIRE(pacer.next(at(0s), packet) == at(1s));
    pacer.set(1'200'000, packet);
    CHECK(pacer.next(at(0s), packet) == at(1ms));
}

TEST_CASE("pacer without a rate holds nothing back and leaves no debt") {
    Pacer pacer;
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(pacer.next(at(1s), packet) == at(1s));
        pacer.sent(at(1s), packet);
    }
    pacer.set(1'200'000, packet);
    CHECK(pacer.next(at(1s), packet) <= at(1s + 1ms));
}

TEST_CASE("pacer never waits for a packet longer than the burst for ever") {
    Pacer pacer;
    pacer.set(1'000'000, 1000);
    pacer.sent(at(0s), 9000);
    const auto next = pacer.next(at(0s), 9000);
    CHECK(next == at(9ms));
    CHECK(pacer.next(next, 9000) == next);
}

TEST_CASE("pacer bursts are a millisecond between one packet and as many as may be") {
    CHECK(Pacer::burst(0, packet, 16) == packet);
    CHECK(Pacer::burst(187'500, packet, 16) == packet);
    CHECK(Pacer::burst(6'000'000, packet, 16) == 6000);
    CHECK(Pacer::burst(1'000'000'000, packet, 16) == 16 * packet);
    CHECK(Pacer::burst(~std::uint64_t{0}, packet, 16) == 16 * packet);
    CHECK(Pacer::burst(1'000'000'000, packet, 0) == packet);
}
