// Datagrams that nobody honest sends: each is dropped and counted, or ends the connection.

#include "catch.hpp"
#include "sim/random.hpp"
#include "transport/udp/hostile.hpp"

#include <braid/error.hpp>

#include <chrono>
#include <initializer_list>
#include <utility>

using namespace std::chrono_literals;
using braid::errc;
using braid::test::FrameBytes;
using braid::test::Victim;

TEST_CASE("hostile 1: datagrams of random bytes are dropped") {
    Victim victim;
    sim::Random random{1};
    const auto before = victim.link->counters();
    std::uint64_t count = 0;
    for (const auto size : std::initializer_list<std::size_t>{0, 1, 2, 5, 9, 14, 15, 100, 1'200,
                                                              1'500, 9'216, 65'507}) {
        for (int i = 0; i < 20; ++i, ++count) victim.deliver(random.bytes(size));
    }
    // All that the first byte of a datagram can be, and then too short or not authentic.
    for (unsigned first = 0; first < 256; ++first, ++count) {
        auto bytes = random.bytes(random.below(64) + 1);
        bytes[0] = static_cast<std::byte>(first);
        victim.deliver(bytes);
    }
    const auto& after = victim.link->counters();
    CHECK(after.traffic.packets_received == before.traffic.packets_received);
    const auto counted = [](const auto& each) {
        return each.datagrams_unknown + each.packets_not_authentic + each.packets_duplicate +
               each.resets_ignored;
    };
    CHECK(counted(after) - counted(before) == count);
    CHECK(victim.lives());
}

TEST_CASE("hostile 2: a packet with any bit altered is dropped and touches nothing") {
    Victim victim;
    const auto good = victim.packet(victim.number_next, FrameBytes{}.open(0).ping());
    const auto round_trip = victim.link->path().round_trip_time;
    const auto received = victim.link->traffic().packets_received;
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        auto bad = good;
        bad[bit / 8] ^= std::byte{1} << (bit % 8);
        victim.deliver(bad);
    }
    CHECK(victim.link->traffic().packets_received == received);
    CHECK(victim.link->path().round_trip_time == round_trip);
    CHECK(victim.mux.stream_count() == 0);
    // Its number is as new as before.
    victim.deliver(good);
    CHECK(victim.link->traffic().packets_received == received + 1);
    CHECK(victim.mux.stream_count() == 1);
}

TEST_CASE("hostile 3: a packet that comes again is dropped at once or ten thousand packets later") {
    Victim victim;
    victim.say(FrameBytes{}.open(0));
    std::vector<std::vector<std::byte>> packets;
    for (unsigned i = 0; i < 10'000; ++i) {
        packets.push_back(
            victim.packet(victim.number_next++, FrameBytes{}.message(0, i & 0xffffu, 1)));
        victim.deliver(packets.back());
        victim.deliver(packets.back());
        victim.heard.clear();
    }
    CHECK(victim.messages_read == 10'000);
    CHECK(victim.link->counters().packets_duplicate == 10'000);
    for (const auto& each : packets) victim.deliver(each);
    CHECK(victim.messages_read == 10'000);
    CHECK(victim.link->counters().packets_duplicate == 20'000);
    CHECK(victim.lives());
}

TEST_CASE(
    "hostile 4: the largest of all packet numbers does not close the session if the tag is wrong") {
    Victim victim;
    for (const auto number : {(std::uint64_t{1} << 62) - 1, std::uint64_t{0xffff'ffff},
                              victim.number_next + 0x7fff'ffff}) {
        auto packet = victim.packet(number, FrameBytes{}.ping());
        packet.back() ^= std::byte{1};
        victim.deliver(packet);
    }
    CHECK(victim.link->counters().packets_not_authentic == 3);
    CHECK(victim.lives());
}

TEST_CASE("hostile 5: an authentic packet far ahead is the newest and the gap costs nothing") {
    Victim victim;
    // Four bytes of number can say no more than half their range at once.
    for (int i = 0; i < 520; ++i) {
        victim.number_next += (std::uint64_t{1} << 31) - 2;
        victim.say(FrameBytes{}.ping());
        REQUIRE_FALSE(victim.failure());
        victim.wait(1ms);
    }
    CHECK(victim.number_next > std::uint64_t{1} << 40);
    CHECK(victim.link->traffic().packets_received == 521);
    CHECK(victim.lives());
    // What ranges are left are few, and an acknowledgement of them fits a packet.
    for (const auto& each : victim.heard) CHECK(each.bytes <= 1'200);
}

TEST_CASE("hostile 12: a number that is not in its shortest form ends the connection") {
    const auto frames = GENERATE(as<FrameBytes>{}, FrameBytes{}.u8(0x0d).long_number(5),
                                 FrameBytes{}.u8(0x0e).long_number(0).number(5),
                                 FrameBytes{}.u8(0x90).long_number(1).u8('x'),
                                 FrameBytes{}.u8(0x02).u16(0).long_number(1).number(0).number(0));
    Victim victim;
    victim.say(frames);
    CHECK(victim.failure() == errc::frame_malformed);
}

TEST_CASE(
    "hostile 13: a packet cut at any byte takes no effect and ends the connection or is whole") {
    FrameBytes whole;
    whole.ack(1).path_challenge(7).open(0).message(0, 0, 20).u8(0x0f).number(300);
    std::size_t ended = 0;
    for (std::size_t size = 1; size < whole.size(); ++size) {
        CAPTURE(size);
        Victim victim;
        whole.bytes()[1] = static_cast<std::byte>(victim.heard.front().number);
        whole.bytes()[2] = static_cast<std::byte>(victim.heard.front().number >> 8);
        const std::span<const std::byte> cut{whole.bytes().data(), size};
        victim.say(cut);
        if (victim.failure()) {
            ++ended;
            CHECK(victim.failure() == errc::frame_malformed);
            CHECK(victim.mux.stream_count() == 0);
        }
    }
    // Between two frames it is a packet like any other.
    CHECK(ended == whole.size() - 1 - 4);
}

TEST_CASE("hostile 14: a type of frame that does not exist ends the connection") {
    for (const unsigned type : {0x04u, 0x05u, 0x07u, 0x0cu, 0x13u, 0x14u, 0x16u, 0x17u, 0x18u,
                                0x1au, 0x1eu, 0x20u, 0x7fu}) {
        CAPTURE(type);
        Victim victim;
        victim.say(FrameBytes{}.u8(type).fill(16));
        CHECK(victim.failure() == errc::protocol_violation);
    }
}

TEST_CASE("hostile 36: a flood of challenges gets no more bytes than it has and leaves no trace") {
    Victim victim;
    victim.heard.clear();
    const auto in_flight = victim.link->recovery().bytes_in_flight();
    std::size_t bytes_in = 0;
    constexpr std::uint64_t flood = 20'000;
    for (std::uint64_t i = 0; i < flood; ++i) {
        auto datagram = victim.packet(victim.number_next++, FrameBytes{}.path_challenge(i));
        bytes_in += datagram.size();
        victim.deliver(std::move(datagram));
    }
    CHECK_FALSE(victim.failure());
    CHECK(victim.heard.size() >= flood);
    // Acknowledgements come on top.
    CHECK(victim.bytes_left() <= 2 * bytes_in);
    // The peer acknowledges nothing: what asks it to is forgotten behind so many packets.
    const auto asking = braid::transport::Recovery::numbers_remembered;
    CHECK(victim.link->recovery().bytes_in_flight() <= in_flight + asking);
    CHECK(victim.lives());
    victim.say(FrameBytes{}.path_challenge(1).path_challenge(2));
    CHECK(victim.failure() == errc::frame_malformed);
}

TEST_CASE("hostile 48: a reset that is not the peer's is ignored") {
    Victim victim;
    sim::Random random{4};
    for (int i = 0; i < 100; ++i) {
        auto reset = random.bytes(21 + random.below(22));
        reset[0] = std::byte{0x45};
        victim.deliver(reset);
    }
    CHECK(victim.link->counters().resets_ignored == 100);
    CHECK(victim.lives());
}
