#include "transport/simulated/path.hpp"

#include "catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace std::chrono_literals;
using braid::LinkSimulation;
using braid::protocol::Duration;
using braid::protocol::Time;
using braid::transport::SimulatedPath;

namespace {

constexpr Time start{1h};

LinkSimulation::Direction rough() {
    LinkSimulation::Direction direction;
    direction.latency = 30ms;
    direction.jitter = 20ms;
    direction.loss = 0.1;
    direction.duplication = 0.05;
    direction.rate_bytes_per_second = 1'000'000;
    return direction;
}

std::vector<SimulatedPath::Passage> passages(std::uint64_t seed, int count) {
    SimulatedPath path{rough(), seed};
    std::vector<SimulatedPath::Passage> result;
    for (int i = 0; i < count; ++i) result.push_back(path.pass(1'000, start + i * 10ms));
    return result;
}

}  // namespace

TEST_CASE("a path without jitter takes its latency and what the rate takes") {
    LinkSimulation::Direction direction;
    direction.latency = 60ms;
    SimulatedPath endless{direction, 1};
    CHECK(endless.pass(1'000'000, start).arrives == start + 60ms);
    CHECK(endless.free_at() == start);

    direction.rate_bytes_per_second = 250'000;
    SimulatedPath slow{direction, 1};
    CHECK(slow.pass(1'000, start).arrives == start + 4ms + 60ms);
    CHECK(slow.free_at() == start + 4ms);
    // What enters behind it waits for it.
    CHECK(slow.pass(500, start + 1ms).arrives == start + 6ms + 60ms);
    // And an idle line starts anew.
    CHECK(slow.pass(1'000, start + 1s).arrives == start + 1s + 4ms + 60ms);
}

TEST_CASE("jitter is evenly spread above the latency") {
    LinkSimulation::Direction direction;
    direction.latency = 10ms;
    direction.jitter = 8ms;
    SimulatedPath path{direction, 5};
    int upper_half = 0;
    for (int i = 0; i < 1'000; ++i) {
        const auto delay = path.pass(100, start).arrives - start;
        REQUIRE(delay >= 10ms);
        REQUIRE(delay <= 18ms);
        upper_half += delay > 14ms ? 1 : 0;
    }
    CHECK(upper_half > 430);
    CHECK(upper_half < 570);
}

TEST_CASE("as many packets are lost and doubled as was asked for") {
    SimulatedPath path{rough(), 7};
    unsigned lost = 0;
    unsigned doubled = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto passage = path.pass(SimulatedPath::packet_bytes, start);
        REQUIRE(passage.packets == 1);
        REQUIRE(passage.losses <= SimulatedPath::losses_max);
        lost += passage.losses > 0 ? 1 : 0;
        doubled += passage.duplicates;
    }
    CHECK(lost > 900);
    CHECK(lost < 1'100);
    CHECK(doubled > 430);
    CHECK(doubled < 570);
}

TEST_CASE("a long unit is lost as often as one of its packets is") {
    SimulatedPath path{rough(), 11};
    int lost = 0;
    for (int i = 0; i < 1'000; ++i) {
        const auto passage = path.pass(10 * SimulatedPath::packet_bytes, start);
        REQUIRE(passage.packets == 10);
        if (passage.losses == 0) continue;
        ++lost;
        CHECK(passage.packets_after_loss < 10);
    }
    const auto expected = 1'000 * (1 - std::pow(0.9, 10));
    CHECK(lost > expected - 60);
    CHECK(lost < expected + 60);
}

TEST_CASE("the same seed gives the same path and another one another") {
    const auto one = passages(3, 200);
    const auto same = passages(3, 200);
    const auto other = passages(4, 200);
    int differ = 0;
    for (std::size_t i = 0; i < one.size(); ++i) {
        CHECK(one[i].arrives == same[i].arrives);
        CHECK(one[i].losses == same[i].losses);
        CHECK(one[i].duplicates == same[i].duplicates);
        differ += one[i].arrives != other[i].arrives ? 1 : 0;
    }
    CHECK(differ > 190);
}

TEST_CASE("a unit is what leaves in four milliseconds and at least a packet") {
    LinkSimulation::Direction direction;
    const auto unit_at = [&](std::uint64_t rate) {
        direction.rate_bytes_per_second = rate;
        return SimulatedPath{direction, 1}.unit_bytes();
    };
    CHECK(unit_at(1) == SimulatedPath::packet_bytes);
    CHECK(unit_at(250'000) == SimulatedPath::packet_bytes);
    CHECK(unit_at(1'000'000) == 4'000);
    CHECK(unit_at(~std::uint64_t{0}) == 64u << 10);
    CHECK(unit_at(0) == 64u << 10);
}

TEST_CASE("values that make no sense are told apart") {
    const auto problem = [](auto change) {
        LinkSimulation::Direction direction;
        change(direction);
        return SimulatedPath::problem(direction);
    };
    constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(SimulatedPath::problem(rough()).empty());
    CHECK(problem([](auto& each) { each.latency = 1min; }).empty());
    CHECK(problem([](auto& each) { each.duplication = 1; }).empty());
    CHECK(problem([](auto& each) { each.latency = -1ns; }).find("latency") == 0);
    CHECK(problem([](auto& each) { each.latency = 1min + 1ns; }).find("latency") == 0);
    CHECK(problem([](auto& each) { each.jitter = -1ns; }).find("jitter") == 0);
    CHECK(problem([](auto& each) { each.jitter = 1h; }).find("jitter") == 0);
    CHECK(problem([](auto& each) { each.loss = -0.1; }).find("loss") == 0);
    CHECK(problem([](auto& each) { each.loss = 1; }).find("loss") == 0);
    CHECK(problem([nan](auto& each) { each.loss = nan; }).find("loss") == 0);
    CHECK(problem([](auto& each) { each.duplication = 1.1; }).find("duplication") == 0);
    CHECK(problem([nan](auto& each) { each.duplication = nan; }).find("duplication") == 0);
}
