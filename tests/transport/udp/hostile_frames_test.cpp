// Frames of a peer that has shaken hands and then does what none may, in packets of UDP: what
// tests/api/hostile_*_test.cpp does over a byte stream.

#include "catch.hpp"
#include "protocol/stream.hpp"
#include "transport/udp/hostile.hpp"

#include <braid/error.hpp>

#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>

using namespace std::chrono_literals;
using braid::errc;
using braid::test::FrameBytes;
using braid::test::Victim;

namespace {

constexpr auto huge = std::uint64_t{1} << 61;
constexpr unsigned ordered_guaranteed = 5;
constexpr unsigned unordered_guaranteed = 4;

/// With a stream of the attacker's in slot 0.
struct Reading : Victim {
    explicit Reading(unsigned promises = ordered_guaranteed) {
        say(FrameBytes{}.open(0, promises));
        REQUIRE_FALSE(failure());
        REQUIRE(mux.stream_count() == 1);
        mux.for_each_stream([this](braid::protocol::Stream& each) { stream = &each; });
    }

    braid::protocol::Stream* stream = nullptr;
};

}  // namespace

TEST_CASE(
    "hostile 15: a message of 2^61 bytes ends the connection and nothing is allocated for it") {
    Reading victim;
    victim.say(FrameBytes{}.fragment(0, 0, 0, huge, 200));
    CHECK(victim.failure() == errc::message_too_large);
    CHECK(victim.stream->inbound.credit().charged() == 0);
}

TEST_CASE("hostile 16: two fragments that disagree about the length of their message") {
    Reading victim;
    victim.say(FrameBytes{}.fragment(0, 0, 0, 2'000, 200));
    victim.say(FrameBytes{}.fragment(0, 0, 200, 2'001, 200));
    CHECK(victim.failure() == errc::protocol_violation);
}

TEST_CASE("hostile 17: a fragment beyond the end of its message") {
    for (const auto offset : {std::uint64_t{900}, huge, (huge << 1) - 1}) {
        CAPTURE(offset);
        Reading victim;
        victim.say(FrameBytes{}.fragment(0, 0, 0, 1'000, 200));
        REQUIRE_FALSE(victim.failure());
        victim.say(FrameBytes{}.fragment(0, 0, offset, std::nullopt, 200));
        CHECK(victim.failure() == errc::protocol_violation);
    }
}

TEST_CASE("hostile 18: fragments that overlap with other bytes change nothing that came first") {
    Reading victim{unordered_guaranteed};
    victim.reads = false;
    victim.say(FrameBytes{}.fragment(0, 0, 0, 600, 200, 'a'));
    victim.say(FrameBytes{}.fragment(0, 0, 100, std::nullopt, 400, 'b'));
    victim.say(FrameBytes{}.fragment(0, 0, 0, std::nullopt, 600, 'c'));
    REQUIRE_FALSE(victim.failure());
    braid::protocol::MessageQueue::Front front;
    REQUIRE(victim.stream->inbound.delivered.front(front));
    REQUIRE(front.bytes.size() == 600);
    CHECK(front.bytes[150] == std::byte{'a'});
    CHECK(front.bytes[300] == std::byte{'b'});
    CHECK(front.bytes[550] == std::byte{'c'});
    victim.say(FrameBytes{}.fragment(0, 0, 0, std::nullopt, 600, 'd'));
    CHECK(front.bytes[150] == std::byte{'a'});
    CHECK(victim.lives());
}

TEST_CASE("hostile 19: a large message in pieces of one byte") {
    Reading victim;
    victim.say(FrameBytes{}.fragment(0, 0, 0, 1u << 20, 1));
    CHECK(victim.failure() == errc::protocol_violation);
}

TEST_CASE("hostile 20: every second piece of a message stays within the credit") {
    Reading victim;
    std::uint64_t number = 0;
    // The window is 64 KiB, and a reservation makes room for this one message.
    for (std::uint64_t offset = 0; offset < 1u << 20 && !victim.failure(); offset += 256) {
        victim.say(FrameBytes{}.fragment(0, 0, offset, 1u << 20, 128));
        ++number;
    }
    if (victim.failure()) {
        CHECK(victim.failure() == errc::flow_control_violation);
        --number;
    }
    // All that is kept was paid for.
    auto& credit = victim.stream->inbound.credit();
    CHECK(credit.charged() == number * 128 + braid::protocol::message_charge);
    CHECK(credit.charged() <= credit.announced());
}

TEST_CASE("hostile 21: ten thousand messages that are never finished end at the credit") {
    Reading victim{unordered_guaranteed};
    unsigned begun = 0;
    for (; begun < 10'000 && !victim.failure(); ++begun) {
        victim.say(FrameBytes{}.fragment(0, begun, 0, 1'000, 200));
    }
    CHECK(victim.failure() == errc::flow_control_violation);
    auto& credit = victim.stream->inbound.credit();
    CHECK(credit.announced() == 64u << 10);
    CHECK(begun - 1 == credit.announced() / (200 + braid::protocol::message_charge));
}

TEST_CASE("hostile 22: data above the credit of a stream or of all") {
    SECTION("of a stream") {
        Reading victim;
        victim.reads = false;
        for (unsigned i = 0; i < 200 && !victim.failure(); ++i) {
            victim.say(FrameBytes{}.message(0, i, 1'000));
        }
        CHECK(victim.failure() == errc::flow_control_violation);
    }
    SECTION("of all") {
        Reading victim;
        victim.reads = false;
        for (std::uint64_t slot = 2; slot <= 10; slot += 2) victim.say(FrameBytes{}.open(slot));
        for (unsigned i = 0; i < 60; ++i) {
            for (std::uint64_t slot = 0; slot <= 10 && !victim.failure(); slot += 2) {
                victim.say(FrameBytes{}.message(slot, i, 1'000));
            }
        }
        CHECK(victim.failure() == errc::flow_control_violation);
    }
}

TEST_CASE("hostile 23: data for a stream that nobody opened waits within bounds") {
    Victim victim;
    for (unsigned i = 0; i < 200; ++i) {
        victim.say(FrameBytes{}.message(2, i, 1'000));
        REQUIRE_FALSE(victim.failure());
    }
    // What is held is not more than 64 KiB; the rest counts as not received.
    CHECK(victim.link->counters().packets_not_stored > 100);
    CHECK(victim.link->traffic().packets_received < 100);
    CHECK(victim.lives());
    Victim other;
    other.say(FrameBytes{}.message(1'000'000, 0, 10));
    CHECK(other.failure() == errc::protocol_violation);
}

TEST_CASE("a packet of more frames than are allowed is refused as a whole") {
    for (const unsigned frames : {512U, 513U}) {
        CAPTURE(frames);
        Reading victim;
        victim.reads = false;
        FrameBytes bytes;
        bytes.message(0, 0, 0);
        // Without a byte and a number of their own.
        for (unsigned i = 1; i < frames; ++i) bytes.u8(0x90).u8(0);
        victim.say(bytes);
        const bool allowed = frames <= braid::protocol::unit_frames_max;
        CHECK(victim.stream->inbound.delivered.size() == (allowed ? frames : 0));
        CHECK(victim.failure() == (allowed ? std::error_code{} : errc::frame_malformed));
    }
}

TEST_CASE("hostile 24: more streams than are allowed") {
    Victim victim;
    for (std::uint64_t slot = 0; slot <= 16 && !victim.failure(); slot += 2) {
        victim.say(FrameBytes{}.open(slot));
    }
    CHECK(victim.failure() == errc::stream_limit_violation);
}

TEST_CASE("hostile 25: one stream opened twice with other promises") {
    Reading victim;
    victim.say(FrameBytes{}.open(0, unordered_guaranteed));
    CHECK(victim.failure() == errc::protocol_violation);
}

TEST_CASE("hostile 26: a priority or promises that do not exist") {
    const auto frames = GENERATE(as<FrameBytes>{}, FrameBytes{}.open(0, 7, 255),
                                 FrameBytes{}.open(0, 0xff, 4), FrameBytes{}.open(0, 7, 8));
    Victim victim;
    victim.say(frames);
    CHECK(victim.failure() == errc::protocol_violation);
    CHECK(victim.mux.stream_count() == 0);
}

TEST_CASE("hostile 28: a guarantee of 2^60 bytes a second gets no more than there is") {
    Victim victim;
    FrameBytes open;
    open.u8(0x06).number(0).u64(0).u8(7).u8(0).number(std::uint64_t{1} << 60).number(1'000);
    victim.say(open.number(0).number(0));
    CHECK_FALSE(victim.failure());
    REQUIRE(victim.mux.stream_count() == 1);
    braid::protocol::Stream* greedy = nullptr;
    victim.mux.for_each_stream([&](braid::protocol::Stream& each) { greedy = &each; });
    auto* const own = victim.open(0);
    constexpr std::size_t messages = 300;
    for (std::size_t i = 0; i < messages; ++i) {
        victim.enqueue(*greedy, 1'000);
        victim.enqueue(*own, 1'000);
    }
    victim.run();
    for (int round = 0; round < 1'000 && own->outbound.messages_queued() > 0; ++round) {
        victim.wait(10ms);
        victim.acknowledge_all();
    }
    CHECK(own->outbound.settled());
    // It is less urgent, and has had no more than every second packet.
    CHECK(greedy->outbound.messages_queued() > 0);
    CHECK(greedy->outbound.messages_queued() < messages);
    CHECK(victim.lives());
}

TEST_CASE(
    "hostile 30: a message that comes again in a new packet is delivered once and acknowledged") {
    Reading victim{unordered_guaranteed};
    for (int i = 0; i < 100; ++i) victim.say(FrameBytes{}.message(0, 0, 100));
    victim.wait(20ms);
    CHECK(victim.messages_read == 1);
    CHECK(victim.acknowledged(victim.number_next - 1));
    CHECK(victim.lives());
}

TEST_CASE("hostile 31: a message further ahead than the credit explains") {
    Reading victim;
    victim.say(FrameBytes{}.message(0, 0x7000, 10));
    CHECK(victim.failure() == errc::protocol_violation);
}

TEST_CASE("hostile 51: a peer that acknowledges nothing is asked ever more rarely and given up") {
    Victim victim;
    auto* const stream = victim.open();
    for (int i = 0; i < 50; ++i) victim.send(*stream, 1'000);
    victim.wait(1s);
    victim.heard.clear();
    victim.wait(4s);
    const auto early = victim.heard.size();
    victim.heard.clear();
    victim.wait(4s);
    CHECK(early <= 16);
    CHECK(victim.heard.size() <= 8);
    CHECK_FALSE(victim.failure());
    CHECK_FALSE(victim.port->idle_expired(victim.now));
    victim.wait(7s);
    CHECK((victim.failure() || victim.port->idle_expired(victim.now)));
}

TEST_CASE("hostile 52: a peer that acknowledges every ten seconds slows down and nothing grows") {
    Victim victim;
    auto* const stream = victim.open();
    for (int i = 0; i < 60; ++i) victim.send(*stream, 1'000);
    for (int round = 0; round < 20; ++round) {
        victim.wait(10s);
        REQUIRE_FALSE(victim.failure());
        CHECK(victim.link->recovery().bytes_in_flight() < 200'000);
        victim.acknowledge_all();
        CHECK(victim.heard.size() < 100);
    }
    CHECK(stream->outbound.settled());
}

TEST_CASE("a storm of goodbyes gets acknowledgements at most and does not keep this end") {
    Victim victim;
    victim.mux.close({});
    victim.run();
    victim.link->finish();
    const auto before = victim.heard.size();
    const auto goodbye = FrameBytes{}.u8(0x15).number(0).number(0);
    constexpr int storm = 10'000;
    std::size_t bytes_in = 0;
    for (int i = 0; i < storm; ++i) {
        auto datagram = victim.packet(victim.number_next++, goodbye);
        bytes_in += datagram.size();
        victim.deliver(std::move(datagram));
        victim.wait(100us);
    }
    CHECK_FALSE(victim.failure());
    std::size_t bytes_out = 0;
    for (auto i = before; i < victim.heard.size(); ++i) bytes_out += victim.heard[i].bytes;
    CHECK(victim.heard.size() - before <= storm / 2 + 10);
    CHECK(bytes_out < bytes_in);
    // Its own one was not acknowledged, and is repeated for three seconds at most.
    victim.wait(3s);
    CHECK(victim.failure() == std::errc::timed_out);
}
