#include "transport/simulated/line.hpp"

#include "catch.hpp"
#include "transport/scripted.hpp"

#include <vector>

using namespace std::chrono_literals;
using braid::LinkSimulation;
using braid::protocol::Time;
using braid::test::payload;
using braid::transport::SimulatedLine;

namespace {

constexpr Time start{1h};
constexpr auto round_trip = 100ms;
constexpr auto timeout = round_trip + SimulatedLine::timeout_min;

/// A line of 50 ms whose losses are those of `seed`.
SimulatedLine make_line(std::uint64_t seed, double loss) {
    LinkSimulation::Direction direction;
    direction.latency = 50ms;
    direction.loss = loss;
    return SimulatedLine{direction, seed, round_trip};
}

/// A line that loses the first packet once, and of the next `kept` none.
SimulatedLine losing_first(unsigned kept) {
    for (std::uint64_t seed = 1;; ++seed) {
        LinkSimulation::Direction direction;
        direction.loss = 0.3;
        braid::transport::SimulatedPath path{direction, seed};
        bool fits = path.pass(100, start).losses == 1;
        for (unsigned i = 0; i < kept; ++i) fits = path.pass(100, start).losses == 0 && fits;
        if (fits) return make_line(seed, 0.3);
    }
}

}  // namespace

TEST_CASE("what enters a line comes out in order") {
    LinkSimulation::Direction direction;
    direction.latency = 20ms;
    direction.jitter = 200ms;
    direction.loss = 0.2;
    SimulatedLine line{direction, 9, round_trip};
    for (unsigned i = 0; i < 500; ++i) line.enter(payload(10, i), start + i * 1ms);
    auto now = start;
    for (unsigned i = 0; i < 500; ++i) {
        REQUIRE_FALSE(line.empty());
        now = std::max(now, line.due());
        REQUIRE(now >= start + i * 1ms + 20ms);
        REQUIRE(line.front().bytes == payload(10, i));
        line.pop();
    }
    CHECK(line.empty());
    CHECK(line.due() == braid::protocol::never);
    CHECK(line.held_bytes() == 0);
    CHECK(line.counters().losses > 60);
}

TEST_CASE("a loss behind which nothing follows costs a retransmission timeout") {
    auto line = losing_first(0);
    line.enter(payload(100, 1), start);
    CHECK(line.due() == start + 50ms + timeout);
    CHECK(line.counters().losses == 1);
}

TEST_CASE("a loss is noticed by the third packet behind it") {
    auto line = losing_first(3);
    line.enter(payload(100, 1), start);
    line.enter(payload(100, 2), start + 10ms);
    line.enter(payload(100, 3), start + 20ms);
    CHECK(line.due() == start + 50ms + timeout);
    line.enter(payload(100, 4), start + 30ms);
    CHECK(line.due() == start + 30ms + 50ms + round_trip);
    line.pop();
    CHECK(line.due() == start + 10ms + 50ms);
}

TEST_CASE("packets that come after the timeout do not make it later") {
    auto line = losing_first(3);
    line.enter(payload(100, 1), start);
    for (unsigned i = 2; i < 5; ++i) line.enter(payload(100, i), start + 5s);
    CHECK(line.due() == start + 50ms + timeout);
}

TEST_CASE("a packet that is lost again waits twice as long each time") {
    auto line = make_line(1, 0.999999);
    line.enter(payload(100, 1), start);
    constexpr auto times = (1 << braid::transport::SimulatedPath::losses_max) - 1;
    CHECK(line.due() == start + 50ms + times * timeout);
}

TEST_CASE("within a long unit the packets behind tell of a loss") {
    auto line = make_line(1, 0.5);
    line.enter(payload(60'000, 1), start);
    const auto delay = line.due() - start - 50ms;
    // One of forty is lost, hardly among the last three first, and some of them more than once.
    CHECK(delay >= round_trip);
    CHECK((delay - round_trip) % timeout == 0ms);
}

TEST_CASE("a mark travels as bytes do but is never lost") {
    auto line = make_line(1, 0.999999);
    line.enter(SimulatedLine::Load{}, start);
    CHECK_FALSE(line.empty());
    CHECK(line.due() == start + 50ms);
    CHECK(line.front().bytes.empty());
}

TEST_CASE("a line is full when as much is under way as fits") {
    SECTION("without a rate") {
        auto line = make_line(1, 0);
        std::size_t entered = 0;
        while (!line.full()) {
            line.enter(payload(64u << 10, 1), start);
            entered += 64u << 10;
        }
        CHECK(entered > SimulatedLine::held_bytes_max - (128u << 10));
        CHECK(entered <= SimulatedLine::held_bytes_max);
        line.pop();
        CHECK_FALSE(line.full());
    }
    SECTION("with a rate") {
        LinkSimulation::Direction direction;
        direction.latency = 100ms;
        direction.rate_bytes_per_second = 250'000;
        SimulatedLine line{direction, 1, 200ms};
        std::size_t entered = 0;
        for (; !line.full(); entered += 1'000) line.enter(payload(1'000, 1), start);
        CHECK(entered > 25'000);
        CHECK(entered < 25'000 + SimulatedLine::queue_bytes + 1'000);
    }
    SECTION("with the smallest units") {
        auto line = make_line(1, 0);
        std::size_t units = 0;
        for (; !line.full(); ++units) line.enter(payload(1, 1), start);
        CHECK(units < SimulatedLine::held_bytes_max / 64 + 1);
    }
}
