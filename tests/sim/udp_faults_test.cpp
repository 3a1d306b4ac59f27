// What single faults and attackers on the way do to a UDP channel that works: nothing but time is
// lost, and nobody is sent more than they asked for.

#include "catch.hpp"
#include "sim/check.hpp"
#include "sim/udp_scenario.hpp"

#include <chrono>
#include <map>
#include <vector>

using namespace std::chrono_literals;
using sim::DatagramNetwork;
using sim::Fault;
using sim::StreamPlan;
using sim::UdpScenario;
using sim::UdpWorld;
using Kind = Fault::Kind;

namespace {

constexpr std::uint64_t rate = 1'250'000;

UdpScenario good_way() {
    UdpScenario scenario;
    scenario.length = 10s;
    scenario.limits.message_bytes = 2u << 20;
    for (auto& path : scenario.way.paths) {
        path.rate_bytes_per_second = rate;
        path.queue_bytes = 60'000;
    }
    scenario.way.round_trip_time = 40ms;
    scenario.way.idle = scenario.limits.idle;
    return scenario;
}

/// Messages of a kilobyte as fast as the way carries them, from side 0.
StreamPlan bulk(sim::Duration begin = 0ms) {
    StreamPlan plan;
    plan.open_at = begin;
    plan.flows[0] = {.interval = 5ms,
                     .count = 10'000,
                     .batch = 8,
                     .bytes_min = 1'000,
                     .bytes_max = 1'000,
                     .finish = true};
    return plan;
}

/// Twenty a second, both ways.
StreamPlan chatter() {
    StreamPlan plan;
    plan.options.priority = 2;
    plan.flows[0] = {.interval = 50ms, .count = 150, .bytes_min = 8, .bytes_max = 100};
    plan.flows[1] = plan.flows[0];
    return plan;
}

struct Trial {
    explicit Trial(UdpScenario scenario) : run{scenario} {
        run.world().peer(0).mux.ping();
        for (std::size_t side = 0; side < 2; ++side) {
            run.world().peer(side).on_delivered = [this, side](const sim::End&, std::uint64_t,
                                                               std::size_t bytes, sim::Time now) {
                received[side].push_back({now, bytes});
            };
        }
    }

    struct Delivery {
        sim::Time at;
        std::size_t bytes;
    };

    std::uint64_t bytes_between(std::size_t side, sim::Duration from, sim::Duration to) const {
        std::uint64_t bytes = 0;
        for (const auto& each : received[side]) {
            const auto at = each.at - sim::World::start;
            if (at >= from && at < to) bytes += each.bytes;
        }
        return bytes;
    }

    /// The longest time without a message at that side, after `from`.
    sim::Duration longest_gap(std::size_t side, sim::Duration from, sim::Duration to) const {
        auto last = from;
        sim::Duration longest{0};
        for (const auto& each : received[side]) {
            const auto at = each.at - sim::World::start;
            if (at < from || at > to) continue;
            longest = std::max(longest, at - last);
            last = at;
        }
        return std::max(longest, to - last);
    }

    UdpWorld run;
    std::array<std::vector<Delivery>, 2> received;
};

Fault fault(Kind kind, std::size_t side, sim::Duration at, sim::Duration length = 0ms,
            std::uint64_t amount = 0) {
    Fault made;
    made.kind = kind;
    made.side = side;
    made.at = at;
    made.length = length;
    made.amount = amount;
    made.share = 1;
    return made;
}

}  // namespace

TEST_CASE("hostile 37: a racing copy of every packet from elsewhere does not take the connection") {
    const bool first = GENERATE(true, false);
    const auto side = GENERATE(std::size_t{0}, std::size_t{1});
    CAPTURE(first, side);
    auto scenario = good_way();
    scenario.plans = {chatter()};
    auto copies = fault(Kind::copies, side, 1s, 5s);
    copies.first = first;
    scenario.faults = {copies};
    Trial trial{scenario};
    CHECK_NOTHROW(trial.run.world().run_for(10s));
    CHECK_NOTHROW(trial.run.world().wind_up());
    CHECK(trial.run.network().counters(side).injected > 50);
    CHECK(trial.run.end(1 - side).link().peer() == trial.run.network().address(side));
}

TEST_CASE(
    "hostile 39: a victim whose address is forged gets three times what came from it at most") {
    auto scenario = good_way();
    scenario.plans = {bulk()};
    scenario.plans[0].opener = 1;
    auto copies = fault(Kind::copies, 0, 1s, 3s);
    copies.first = true;
    scenario.faults = {copies, fault(Kind::cut, 0, 1s, 3s)};
    Trial trial{scenario};
    // The network itself watches what a stranger is sent.
    CHECK_NOTHROW(trial.run.world().run_for(10s));
    CHECK(trial.run.network().counters(1).to_strangers > 0);
    CHECK_NOTHROW(trial.run.world().wind_up());
}

TEST_CASE("A NAT that forgets costs no message and little time") {
    const auto kind = GENERATE(Kind::port, Kind::host);
    auto scenario = good_way();
    scenario.plans = {chatter()};
    scenario.faults = {fault(kind, 0, 3s)};
    Trial trial{scenario};
    CHECK_NOTHROW(trial.run.world().run_for(10s));
    CHECK_NOTHROW(trial.run.world().wind_up());
    CHECK(trial.longest_gap(0, 2s, 6s) < 400ms);
    CHECK(trial.longest_gap(1, 2s, 6s) < 200ms);
    CHECK(trial.run.end(1).link().counters().path_changes == 1);
}

TEST_CASE("hostile 54: a peer that does not read one stream holds up no other") {
    auto scenario = good_way();
    auto stuck = bulk();
    stuck.flows[0].reading = sim::Reading::never;
    scenario.plans = {stuck, chatter()};
    Trial trial{scenario};
    CHECK_NOTHROW(trial.run.world().run_for(8s));
    CHECK(trial.longest_gap(1, 2s, 7s) < 150ms);
    CHECK(trial.longest_gap(0, 2s, 7s) < 150ms);
    CHECK_NOTHROW(trial.run.world().wind_up());
}

TEST_CASE("hostile 60: a process that was stopped sends no burst and hears its socket first") {
    const auto side = GENERATE(std::size_t{0}, std::size_t{1});
    CAPTURE(side);
    auto scenario = good_way();
    scenario.limits.idle = 20s;
    scenario.way.idle = 20s;
    scenario.plans = {bulk(), chatter()};
    scenario.plans[1].flows[0].count = scenario.plans[1].flows[1].count = 2'000;
    // Longer than the idle time of who wakes up, which its peer was not silent for.
    scenario.faults = {fault(Kind::pause, side, 3s, 19s)};
    Trial trial{scenario};
    auto& world = trial.run.world();
    world.run_for(22s - 1ms);
    const auto before = trial.run.network().counters(side).bytes_sent;
    CHECK_NOTHROW(world.run_for(6ms));
    // Five milliseconds of the rate, a burst of the pacer, and probes.
    CHECK(trial.run.network().counters(side).bytes_sent - before <= 25'000);
    CHECK_NOTHROW(world.run_for(5s));
    CHECK_NOTHROW(world.wind_up());
}

TEST_CASE(
    "hostile 62: a black hole in the middle of a transfer shortens packets and loses no message") {
    auto scenario = good_way();
    scenario.way.packet_bytes_limit = 1'452;
    scenario.plans = {bulk()};
    scenario.faults = {fault(Kind::black_hole, 0, 3s, 0ms, 1'300)};
    Trial trial{scenario};
    auto& world = trial.run.world();
    world.run_for(3s);
    CHECK(trial.run.end(0).link().packet_bytes() > 1'400);
    // Three round trips and a probe timeout, with queues on the way.
    CHECK_NOTHROW(world.run_for(500ms));
    CHECK(trial.run.end(0).link().packet_bytes() <= 1'300);
    CHECK_NOTHROW(world.run_for(2s));
    CHECK(trial.bytes_between(1, 4s, 5s) > rate / 2);
    CHECK_NOTHROW(world.wind_up());
}

TEST_CASE("A black hole is left behind even if nothing is heard meanwhile") {
    // The peer does not know where this end is now, and what would tell it is too long.
    auto scenario = good_way();
    scenario.plans = {bulk()};
    scenario.faults = {fault(Kind::black_hole, 0, 3s, 0ms, 1'250), fault(Kind::host, 0, 3s)};
    Trial trial{scenario};
    CHECK_NOTHROW(trial.run.world().run_for(8s));
    CHECK(trial.longest_gap(1, 2s, 8s) < 2s);
    CHECK_NOTHROW(trial.run.world().wind_up());
}
