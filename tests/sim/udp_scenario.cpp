#include "sim/udp_scenario.hpp"

#include "sim/check.hpp"
#include "sim/scenario.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace sim {

using namespace std::chrono_literals;
using braid::transport::Congestion;
using Kind = Fault::Kind;

namespace {

// Streams begin and faults happen in this time; what they leave has to be made good after it.
constexpr Duration scenario_length = 15s;

// CUBIC carries a hundredth of a way that loses a tenth, and yet goes on.
constexpr Duration wind_up_max = 600s;

// What a network does that is no attack, nor broken.
PathOptions make_path(Random& random, std::uint64_t rate, Duration delay) {
    PathOptions path;
    path.rate_bytes_per_second = rate;
    path.delay = delay;
    const auto trip = std::chrono::duration<double>(2 * delay).count();
    const auto in_flight = static_cast<std::uint64_t>(static_cast<double>(rate) * trip);
    path.queue_bytes = std::max<std::size_t>(6'000, in_flight * random.between(1, 16) / 4);
    if (random.chance(0.5)) path.loss = static_cast<double>(random.below(100)) / 1'000;
    if (random.chance(0.3)) path.jitter = some(random, 100us, 20ms);
    if (random.chance(0.1)) path.duplicated = 0.02;
    path.bytes_max = random.chance(0.5) ? 1'472 : random.between(1'200, 1'500);
    return path;
}

Fault make_fault(Random& random) {
    Fault fault;
    fault.kind = static_cast<Kind>(random.below(Fault::kinds));
    fault.side = random.below(2);
    fault.at = some(random, 0ms, scenario_length);
    fault.length = some(random, 10ms, 4s);
    fault.first = random.chance(0.5);
    switch (fault.kind) {
        case Kind::loss: fault.share = static_cast<double>(random.between(5, 40)) / 100; break;
        case Kind::bursts: fault.share = static_cast<double>(random.between(1, 10)) / 100; break;
        case Kind::duplicates:
        case Kind::corruption:
        case Kind::truncation:
        case Kind::replays:
        case Kind::junk:
        case Kind::resets: fault.share = static_cast<double>(random.between(1, 50)) / 100; break;
        case Kind::copies: fault.share = static_cast<double>(random.between(1, 100)) / 100; break;
        case Kind::lateness:
            fault.share = static_cast<double>(random.between(1, 30)) / 100;
            fault.amount = static_cast<std::uint64_t>(some(random, 1ms, 300ms).count());
            break;
        case Kind::jitter:
            fault.amount = static_cast<std::uint64_t>(some(random, 1ms, 60ms).count());
            break;
        case Kind::rate: fault.amount = random.between(10'000, 125'000); break;
        case Kind::black_hole:
        case Kind::interface: fault.amount = random.between(1'200, 1'450); break;
        case Kind::spike: fault.length = some(random, 10ms, 400ms); break;
        case Kind::port:
        case Kind::host:
            fault.side = 0;
            fault.length = 0ms;
            break;
        default: break;
    }
    return fault;
}

braid::Limits make_udp_limits(Random& random) {
    braid::Limits limits;
    limits.message_bytes = 2u << 20;
    limits.idle = 30s;
    if (random.chance(0.3)) {
        limits.stream_receive_window_bytes = random.between(4'000, 60'000);
        limits.participant_receive_window_bytes = 4 * limits.stream_receive_window_bytes;
        limits.stream_receive_window_bytes_max = 8 * limits.stream_receive_window_bytes;
        limits.participant_receive_window_bytes_max = 32 * limits.stream_receive_window_bytes;
    }
    if (random.chance(0.2)) limits.peer_streams = static_cast<std::uint32_t>(random.between(2, 10));
    return limits;
}

UdpOptions make_way(Random& random) {
    UdpOptions way;
    way.seed = random.next();
    constexpr std::array rates{std::uint64_t{60'000}, std::uint64_t{250'000},
                               std::uint64_t{250'000}, std::uint64_t{250'000},
                               std::uint64_t{500'000}};
    const auto rate = random.pick(rates);
    const auto delay = some(random, 1ms, 100ms);
    way.paths[0] = make_path(random, rate, delay);
    way.paths[1] = make_path(random, random.chance(0.8) ? rate : rate / 4, delay);
    if (random.chance(0.2)) way.congestion = Congestion::cubic;
    if (random.chance(0.1)) {
        way.congestion = Congestion::fixed;
        way.fixed_bytes_per_second = rate * 8 / 10;
    }
    way.tag_bytes = random.chance(0.5) ? 8 : 16;
    way.packet_bytes_limit = random.chance(0.3) ? 1'200 : random.between(1'200, 1'500);
    if (random.chance(0.7)) way.round_trip_time = 2 * delay;
    way.client_id = random.chance(0.3);
    return way;
}

/// A transfer that takes all that the way carries for some seconds.
StreamPlan make_bulk(Random& random, std::uint64_t rate) {
    StreamPlan bulk;
    bulk.opener = random.below(2);
    bulk.open_at = some(random, 0ms, 8s);
    bulk.options.priority = static_cast<int>(random.between(2, 7));
    auto& flow = bulk.flows[random.below(2)];
    const auto size = random.between(2'000, 16'000);
    flow.bytes_min = size / 2;
    flow.bytes_max = size;
    flow.interval = 10ms;
    flow.batch = rate / 50 / size + 1;
    flow.count = rate * 6 / size;
    flow.finish = true;
    return bulk;
}

// Above what the peer's limit allows there is no proof that it will not be silent for so long.
constexpr Duration notice_slack = 10s;

void check_end_of_the_way(UdpWorld& run, const UdpScenario& scenario) {
    auto& world = run.world();
    const auto both_gave_up = [&] { return world.ports_left() == 0; };
    require(world.run_while_not(both_gave_up, 2 * scenario.limits.idle + notice_slack),
            "an end does not notice that the way is cut");
}

}  // namespace

UdpScenario make_udp_scenario(std::uint64_t seed) {
    Random random{seed * 2 + 1};
    UdpScenario made;
    made.seed = seed;
    made.length = scenario_length;
    made.limits = make_udp_limits(random);
    made.way = make_way(random);
    made.way.idle = made.limits.idle;
    for (auto faults = random.below(9); faults > 0; --faults) {
        made.faults.push_back(make_fault(random));
    }
    const auto streams = random.between(1, 12);
    const auto rate =
        std::min(made.way.paths[0].rate_bytes_per_second, made.way.paths[1].rate_bytes_per_second);
    const Flavour flavour{made.length, rate * 8 / streams, random.chance(0.2)};
    for (std::uint64_t i = 0; i < streams; ++i) {
        auto plan = make_plan(random, flavour);
        if (i == 0 && random.chance(0.2)) plan.flows[0].reading = Reading::never;
        made.plans.push_back(plan);
    }
    if (random.chance(0.5)) made.plans.push_back(make_bulk(random, rate));
    if (random.chance(0.03)) {
        made.fatal = true;
        const auto at = some(random, 0ms, made.length);
        for (std::size_t side = 0; side < 2; ++side) {
            Fault cut;
            cut.kind = Kind::cut;
            cut.side = side;
            cut.at = at;
            cut.length = 1h;
            made.faults.push_back(cut);
        }
    }
    return made;
}

std::string describe(const UdpScenario& scenario) {
    std::ostringstream out;
    const auto& limits = scenario.limits;
    const auto& way = scenario.way;
    out << "seed " << scenario.seed << ", " << scenario.length / 1ms << " ms, windows "
        << limits.stream_receive_window_bytes << " and " << limits.participant_receive_window_bytes
        << ", streams " << limits.peer_streams << ", congestion "
        << static_cast<int>(way.congestion) << ", tag " << way.tag_bytes << ", packets up to "
        << way.packet_bytes_limit << ", idle " << way.idle / 1ms << " ms, round trip "
        << way.round_trip_time / 1us << " us" << (way.client_id ? ", client id" : "")
        << (scenario.fatal ? ", the way is cut for good" : "") << '\n';
    for (std::size_t side = 0; side < 2; ++side) {
        out << "  from side " << side << ": " << describe(way.paths[side]) << '\n';
    }
    for (const auto& fault : scenario.faults) out << "  fault: " << describe(fault) << '\n';
    for (const auto& plan : scenario.plans) describe_plan(plan, out);
    return out.str();
}

UdpWorld::UdpWorld(const UdpScenario& scenario)
    : world_{std::make_unique<World>(
          World::Options{.seed = scenario.way.seed ^ 1, .limits = scenario.limits})} {
    auto way = make_udp_way(scenario.way, world_->now());
    network_ = way.network;
    watches_ = way.watches;
    for (std::size_t side = 0; side < 2; ++side) ends_[side] = way.ends[side].get();
    world_->add_link({std::move(way.ends[0]), std::move(way.ends[1])});
    faults_ = std::make_unique<Faults>(*world_, network_, ends_, scenario.faults);
    for (const auto& plan : scenario.plans) world_->add_plan(plan);
    if (scenario.fatal) world_->allow_failures();
}

UdpOutcome run(const UdpScenario& scenario) {
    UdpWorld run{scenario};
    auto& world = run.world();
    // The dialler speaks first, so that the other side knows that the handshake is over.
    world.peer(0).mux.ping();
    try {
        world.run_for(scenario.length);
        if (scenario.fatal) {
            check_end_of_the_way(run, scenario);
        } else {
            world.wind_up(wind_up_max);
        }
    } catch (const Violation& violation) {
        throw Violation{std::string{violation.what()} + "\n  after " +
                        std::to_string(world.elapsed() / 1ms) + " ms, " +
                        std::to_string(world.steps()) + " steps\n" + describe(scenario) +
                        world.peer(0).state() + world.peer(1).state()};
    }
    const auto datagrams = run.network().counters(0).sent + run.network().counters(1).sent;
    return {world.trace(), datagrams, world.elapsed()};
}

namespace {

bool fails(const UdpScenario& scenario) {
    try {
        run(scenario);
        return false;
    } catch (const Violation&) {
        return true;
    }
}

template <typename Parts>
void shrink(UdpScenario& scenario, Parts UdpScenario::*parts) {
    for (std::size_t i = (scenario.*parts).size(); i-- > 0;) {
        auto smaller = scenario;
        (smaller.*parts).erase((smaller.*parts).begin() + static_cast<std::ptrdiff_t>(i));
        if (fails(smaller)) scenario = std::move(smaller);
    }
}

}  // namespace

UdpScenario shrink(UdpScenario scenario) {
    shrink(scenario, &UdpScenario::faults);
    shrink(scenario, &UdpScenario::plans);
    return scenario;
}

UdpOutcome run_udp_scenario(std::uint64_t seed) {
    const auto scenario = make_udp_scenario(seed);
    try {
        return run(scenario);
    } catch (const Violation& violation) {
        const auto smallest = shrink(scenario);
        try {
            run(smallest);
        } catch (const Violation& least) {
            throw Violation{std::string{least.what()} + "  (of " +
                            std::to_string(scenario.faults.size()) + " faults and " +
                            std::to_string(scenario.plans.size()) + " streams)"};
        }
        throw;
    }
}

}  // namespace sim
