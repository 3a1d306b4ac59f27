#include "transport/udp/simulated_datagrams.hpp"

#include "catch.hpp"

#include <vector>

namespace {

using namespace std::chrono_literals;
using braid::LinkSimulation;
using braid::protocol::Time;
using braid::transport::SimulatedDatagrams;

constexpr Time start{100s};
const std::vector<std::byte> packet(1000);

}  // namespace

TEST_CASE("simulated datagrams: they arrive after the latency and with jitter out of order") {
    LinkSimulation::Direction direction;
    direction.latency = 20ms;
    direction.jitter = 10ms;
    SimulatedDatagrams path{direction, 1, 40ms};
    for (std::uint8_t i = 0; i < 100; ++i) {
        const std::vector<std::byte> bytes(10, std::byte{i});
        path.enter({}, bytes, start + i * 1ms);
    }
    int overtaken = 0;
    int newest = -1;
    int count = 0;
    for (; !path.empty(); path.pop(), ++count) {
        const auto number = std::to_integer<int>(path.front().bytes[0]);
        CHECK(path.due() >= start + number * 1ms + 20ms);
        CHECK(path.due() <= start + number * 1ms + 30ms);
        if (number < newest) ++overtaken;
        newest = std::max(newest, number);
    }
    CHECK(count == 100);
    CHECK(overtaken > 20);
    CHECK(path.due() == braid::protocol::never);
}

TEST_CASE("simulated datagrams: the share that is lost is lost for good and some come twice") {
    LinkSimulation::Direction direction;
    direction.loss = 0.1;
    direction.duplication = 0.05;
    SimulatedDatagrams path{direction, 2, 0ms};
    std::uint64_t arrived = 0;
    for (int i = 0; i < 10'000; ++i) {
        path.enter({}, packet, start);
        for (; !path.empty(); path.pop()) ++arrived;
    }
    const auto& counters = path.counters();
    CHECK(counters.lost > 900);
    CHECK(counters.lost < 1'100);
    CHECK(counters.doubled > 350);
    CHECK(counters.doubled < 550);
    CHECK(arrived == 10'000 - counters.lost + counters.doubled);
}

TEST_CASE("simulated datagrams: what finds the queue full is dropped") {
    LinkSimulation::Direction direction;
    direction.rate_bytes_per_second = 1'000'000;
    SimulatedDatagrams path{direction, 3, 20ms};
    for (int i = 0; i < 1'000; ++i) path.enter({}, packet, start);
    CHECK(path.counters().dropped == 1'000 - 51);
    auto last = start;
    for (; !path.empty(); path.pop()) last = path.due();
    CHECK(last == start + 51ms);
}

TEST_CASE("simulated datagrams: the same seed gives the same") {
    LinkSimulation::Direction direction;
    direction.loss = 0.5;
    direction.jitter = 5ms;
    SimulatedDatagrams one{direction, 4, 0ms};
    SimulatedDatagrams other{direction, 4, 0ms};
    for (int i = 0; i < 100; ++i) {
        one.enter({}, packet, start + i * 1ms);
        other.enter({}, packet, start + i * 1ms);
    }
    for (; !one.empty(); one.pop(), other.pop()) {
        REQUIRE_FALSE(other.empty());
        CHECK(one.due() == other.due());
    }
    CHECK(other.empty());
}
