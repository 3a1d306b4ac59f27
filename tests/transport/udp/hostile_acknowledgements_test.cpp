// Acknowledgements that no honest peer sends.

#include "catch.hpp"
#include "transport/udp/hostile.hpp"

#include <braid/error.hpp>

#include <chrono>

using namespace std::chrono_literals;
using braid::errc;
using braid::test::FrameBytes;
using braid::test::Victim;

namespace {

/// With something under way that can be acknowledged.
struct Sending : Victim {
    Sending() {
        stream = open(0);  // needs no credit
        heard.clear();
        send(*stream, 5'000);
        REQUIRE_FALSE(heard.empty());
        first = heard.front().number;
        last = heard.back().number;
    }

    braid::protocol::Stream* stream = nullptr;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

}  // namespace

TEST_CASE("hostile 6: who acknowledges what was never sent is a liar") {
    for (const std::uint64_t ahead : {1u, 2u, 1'000u, 1u << 20}) {
        CAPTURE(ahead);
        Sending victim;
        victim.say(FrameBytes{}.ack(victim.last + ahead));
        CHECK(victim.failure() == errc::protocol_violation);
    }
}

TEST_CASE("hostile 7: who acknowledges a number that was left out is a liar") {
    Sending victim;
    // One of every 4096 numbers at least is skipped: whoever acknowledges all it can think of,
    // and never looks, hits it.
    for (int i = 0; i < 5'000 && !victim.failure(); ++i) {
        victim.send(*victim.stream, 10);
        victim.wait(1ms);
        if (victim.heard.empty()) continue;
        const auto last = victim.heard.back().number;
        victim.heard.clear();
        victim.say(FrameBytes{}.ack(last, last - victim.first + 1));
    }
    CHECK(victim.failure() == errc::protocol_violation);
}

TEST_CASE(
    "hostile 8: an acknowledgement with more ranges than a frame has or below zero is malformed") {
    {
        Sending victim;
        FrameBytes frames;
        frames.u8(0x02).u16(static_cast<unsigned>(victim.last & 0xffffu)).number(0);
        frames.number(std::uint64_t{1} << 30).number(0).fill(200, 0);
        victim.say(frames);
        CHECK(victim.failure() == errc::frame_malformed);
        CHECK(victim.link->recovery().bytes_in_flight() > 0);
    }
    {
        Sending victim;
        FrameBytes frames;
        frames.u8(0x02).u16(static_cast<unsigned>(victim.last & 0xffffu)).number(0).number(1);
        frames.number(0).number(std::uint64_t{1} << 50).number(0);
        victim.say(frames);
        CHECK(victim.failure() == errc::frame_malformed);
        CHECK(victim.link->recovery().bytes_in_flight() > 0);
    }
}

TEST_CASE(
    "hostile 9: an acknowledgement of everything from zero on ends the connection without a walk") {
    Sending victim;
    FrameBytes frames;
    frames.u8(0x03).u16(0xffff).u16(0xffff).number(0).number(0);
    frames.number((std::uint64_t{1} << 32) - 1);
    victim.say(frames);
    // Too many for what there can be, or more than was sent: as its number expands.
    CHECK(victim.failure() == errc::protocol_violation);
    CHECK(victim.link->recovery().bytes_in_flight() > 0);
}

TEST_CASE("hostile 10: ten thousand packets that only acknowledge cost little and change nothing") {
    Sending victim;
    const auto in_flight = victim.link->recovery().bytes_in_flight();
    victim.say(FrameBytes{}.ack(victim.first));
    CHECK(victim.link->recovery().bytes_in_flight() < in_flight);
    victim.heard.clear();
    const auto left = victim.link->recovery().bytes_in_flight();
    for (int i = 0; i < 10'000; ++i) victim.say(FrameBytes{}.ack(victim.first));
    CHECK(victim.link->recovery().bytes_in_flight() == left);
    // Nor are they answered.
    CHECK(victim.heard.empty());
    CHECK(victim.lives());
}

TEST_CASE("hostile 11: an absurd delay of an acknowledgement changes no measurement") {
    for (const auto delay : {std::uint64_t{1} << 60, ~std::uint64_t{0}}) {
        Sending victim;
        victim.wait(40ms);
        victim.say(FrameBytes{}.ack(victim.last, 1, delay));
        REQUIRE_FALSE(victim.failure());
        const auto round_trip = victim.link->path().round_trip_time;
        CHECK(round_trip >= 30ms);
        CHECK(round_trip <= 45ms);
        CHECK(victim.lives());
    }
}
