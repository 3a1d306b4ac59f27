#include "transport/udp/sent_packets.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <map>
#include <vector>

using braid::transport::SentPackets;
using State = SentPackets::State;

TEST_CASE("Sent packets are what a map of numbers would hold") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        const auto first = random.below(200);
        SentPackets packets{first};
        std::map<std::uint64_t, bool> naive;  // true: of interest
        // Mostly growing, then mostly shrinking, so that it is full and empty at times.
        for (int step = 0; step < 6000; ++step) {
            const bool grows = (step / 1500) % 2 == 0;
            if (random.chance(grows ? 0.6 : 0.3)) {
                const bool open = random.chance(0.8);
                auto& entry = packets.push_back(open ? State::under_way : State::settled);
                entry.packet.number = packets.end() - 1;
                naive[packets.end() - 1] = open;
            } else if (!naive.empty() && random.chance(0.6)) {
                packets.pop_front();
                naive.erase(naive.begin());
            }
            REQUIRE(packets.size() == naive.size());
            if (naive.empty()) continue;
            REQUIRE(packets.begin() == naive.begin()->first);
            const auto within = packets.begin() + random.below(packets.size());
            const auto begin = random.chance(0.1) ? 0 : within;
            const auto end = within + random.magnitude(300);
            std::vector<std::uint64_t> open;
            packets.for_each_open(begin, end, [&](std::uint64_t number) {
                REQUIRE(packets[number].packet.number == number);
                open.push_back(number);
                if (random.chance(0.7)) packets.settle(number);
            });
            std::vector<std::uint64_t> expected;
            for (const auto& [number, is_open] : naive) {
                if (is_open && number >= begin && number < end) expected.push_back(number);
            }
            REQUIRE(open == expected);
            for (const auto number : open) {
                naive[number] = packets[number].state != State::settled;
            }
        }
    }
}

TEST_CASE("A range of sent packets that lies elsewhere is empty") {
    SentPackets packets{500};
    const auto none = [&](std::uint64_t first, std::uint64_t last) {
        bool visited = false;
        packets.for_each_open(first, last, [&](std::uint64_t) { visited = true; });
        return !visited;
    };
    CHECK(none(0, 1000));
    packets.push_back(State::silent);
    packets.push_back(State::lost);
    CHECK(none(0, 500));
    CHECK(none(502, ~std::uint64_t{0}));
    CHECK(none(501, 500));
    CHECK_FALSE(none(0, ~std::uint64_t{0}));
}

TEST_CASE("Memory of sent packets follows the need for it") {
    SentPackets packets{7};
    CHECK(packets.capacity() == 0);
    const auto fill_and_empty = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) packets.push_back(State::under_way);
        const auto capacity = packets.capacity();
        while (!packets.empty()) packets.pop_front();
        return capacity;
    };
    CHECK(fill_and_empty(1) == 4);
    CHECK(fill_and_empty(1000) == 1024);
    // What is needed again and again is kept.
    for (int i = 0; i < 10; ++i) {
        CHECK(packets.capacity() == 1024);
        fill_and_empty(300);
    }
    CHECK(fill_and_empty(1) == 1024);
    CHECK(packets.capacity() == 0);
    CHECK(fill_and_empty(60) == 64);
    fill_and_empty(1);
    CHECK(packets.capacity() == 64);
}
