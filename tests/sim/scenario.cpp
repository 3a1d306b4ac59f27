#include "sim/scenario.hpp"

#include "sim/check.hpp"

#include <sstream>

namespace sim {

using namespace std::chrono_literals;
using braid::Promises;

Duration some(Random& random, Duration least, Duration most) {
    return Duration{static_cast<Duration::rep>(random.between(
        static_cast<std::uint64_t>(least.count()), static_cast<std::uint64_t>(most.count())))};
}

namespace {

constexpr std::array rates{std::uint64_t{60'000}, std::uint64_t{250'000}, std::uint64_t{250'000},
                           std::uint64_t{1'250'000}, std::uint64_t{12'500'000}};

LinkOptions make_link_options(Random& random) {
    LinkOptions link;
    link.lossless = random.chance(0.4);
    link.rate_bytes_per_second = random.pick(rates);
    link.rate_known = random.chance(0.8);
    link.delay = some(random, 1ms, 80ms);
    link.unsent_bytes_max = random.between(2'000, 65'536);
    link.split = random.chance(0.5);
    if (link.lossless) return link;
    link.unit_bytes = random.chance(0.5) ? 1'200 : 0;
    if (random.chance(0.7)) link.loss = static_cast<double>(random.below(35)) / 100;
    if (random.chance(0.3)) link.bursts = 0.01;
    if (random.chance(0.3)) link.spikes = 0.02;
    if (random.chance(0.5)) link.spurious = 0.05;
    if (random.chance(0.5)) link.jitter = some(random, 1ms, 40ms);
    if (random.chance(0.3)) link.send_rate_factor = 1.1;
    return link;
}

braid::Limits make_limits(Random& random) {
    braid::Limits limits;
    limits.message_bytes = 2u << 20;
    // Loss alone must not look like silence: a simulated link does not probe by itself.
    limits.idle = 120s;
    limits.keep_alive = 3s;
    if (random.chance(0.5)) {
        limits.stream_receive_window_bytes = random.between(2'000, 60'000);
        limits.participant_receive_window_bytes = 4 * limits.stream_receive_window_bytes;
        limits.stream_receive_window_bytes_max = 8 * limits.stream_receive_window_bytes;
        limits.participant_receive_window_bytes_max = 32 * limits.stream_receive_window_bytes;
    }
    if (random.chance(0.3)) limits.peer_streams = static_cast<std::uint32_t>(random.between(2, 10));
    if (random.chance(0.2)) limits.stream_send_queue_bytes = random.between(4'000, 100'000);
    return limits;
}

Flow make_flow(Random& random, const Flavour& flavour) {
    const auto length = flavour.length;
    const auto bytes_left = flavour.bytes_each;
    Flow flow;
    if (random.chance(0.2)) return flow;  // says nothing
    flow.begin = some(random, 0ms, length / 2);
    flow.interval = some(random, 1ms, 100ms);
    flow.batch = random.chance(0.3) ? random.between(2, 20) : 1;
    flow.count = random.between(1, 200);
    if (random.chance(0.2)) flow.bytes_min = 8;
    flow.bytes_max = std::max<std::size_t>(flow.bytes_min, random.magnitude(4'000));
    if (flavour.large) {
        flow.large = 0.9;
        flow.large_bytes = random.between(4'000, 200'000);
        flow.count = random.between(1, 20);
        flow.interval = 2ms;
    } else if (random.chance(0.3)) {
        flow.large = 0.1;
        flow.large_bytes = random.chance(0.1) ? 1u << 20 : random.between(4'000, 200'000);
        flow.count = random.between(1, 20);
    }
    const auto each = flow.bytes_max / 2 +
                      static_cast<std::size_t>(flow.large * static_cast<double>(flow.large_bytes)) +
                      1;
    flow.count = std::max<std::uint64_t>(1, std::min(flow.count, bytes_left / each));
    constexpr std::array readings{Reading::at_once, Reading::at_once, Reading::late,
                                  Reading::in_bursts};
    flow.reading = random.pick(readings);
    flow.read_every =
        flow.reading == Reading::late ? some(random, 1ms, 20ms) : some(random, 50ms, 500ms);
    flow.confirm = random.chance(0.2);
    if (random.chance(0.5)) flow.receipts = random.chance(0.5) ? 1 : 0.3;
    flow.finish = random.chance(0.5);
    return flow;
}

void add_deaths(Random& random, Scenario& made, std::ostringstream& out) {
    auto& world = *made.world;
    const auto at = some(random, 0ms, made.length);
    const auto link = random.below(2);
    const bool vanish = random.chance(0.6);
    const std::array noticed{some(random, 0ms, 400ms), some(random, 0ms, 400ms)};
    out << "  link " << link << " dies at " << at / 1ms << " ms"
        << (vanish ? ", what is under way vanishes" : "") << ", noticed after " << noticed[0] / 1ms
        << " and " << noticed[1] / 1ms << " ms\n";
    world.at(at, [&world, link, vanish, noticed] { world.kill_link(link, vanish, noticed); });
}

}  // namespace

StreamPlan make_plan(Random& random, const Flavour& flavour) {
    const auto length = flavour.length;
    StreamPlan plan;
    plan.opener = random.below(2);
    plan.open_at = some(random, 0ms, length * 2 / 3);
    auto& options = plan.options;
    options.priority = static_cast<int>(random.below(8));
    options.promises = static_cast<Promises>(random.below(16));
    if (random.chance(0.2)) options.bandwidth_bytes_per_second = random.between(1'000, 50'000);
    const bool lossy = !covers(options.promises, Promises::guaranteed_delivery);
    if (lossy && random.chance(0.3)) {
        options.time_to_live = std::chrono::milliseconds{random.between(5, 200)};
    }
    options.latest_only = lossy && random.chance(0.3);
    if (lossy && covers(options.promises, Promises::ordered) && random.chance(0.3)) {
        options.reorder_wait = std::chrono::milliseconds{random.between(1, 50)};
    }
    if (random.chance(0.3)) options.copies = static_cast<std::uint8_t>(random.below(4));
    for (auto& flow : plan.flows) flow = make_flow(random, flavour);
    if (random.chance(0.25)) {
        constexpr std::array endings{Ending::finish, Ending::reset, Ending::stop, Ending::release};
        plan.early = random.pick(endings);
        plan.early_by = random.below(2);
        plan.early_at = some(random, 0ms, length / 2);
    }
    plan.refused = random.chance(0.05);
    return plan;
}

void describe_plan(const StreamPlan& plan, std::ostream& out) {
    out << "  stream tag " << plan.options.tag << " opened by " << plan.opener << " at "
        << plan.open_at / 1ms << " ms, prio " << int{plan.options.priority.level()} << ", promises "
        << static_cast<int>(plan.options.promises) << ", bandwidth "
        << plan.options.bandwidth_bytes_per_second << ", ttl " << plan.options.time_to_live.count()
        << (plan.options.latest_only ? ", latest only" : "") << ", wait "
        << plan.options.reorder_wait.count() << ", copies "
        << (plan.options.copies ? int{*plan.options.copies} : -1)
        << (plan.refused ? ", refused" : "");
    if (plan.early) {
        out << ", ends early (" << static_cast<int>(*plan.early) << ") by "
            << (plan.early_by == 0 ? "opener" : "other") << " after " << plan.early_at / 1ms
            << " ms";
    }
    out << '\n';
    for (const auto& flow : plan.flows) {
        out << "    " << flow.count << " messages from " << flow.begin / 1ms << " ms, "
            << flow.batch << " each " << flow.interval / 1ms << " ms, " << flow.bytes_min << " to "
            << flow.bytes_max << " B, large " << flow.large << " x " << flow.large_bytes
            << " B, reading " << static_cast<int>(flow.reading) << (flow.finish ? ", finishes" : "")
            << '\n';
    }
}

Scenario make_scenario(std::uint64_t seed) {
    Random random{seed * 2 + 1};
    Scenario made;
    const auto limits = make_limits(random);
    made.world = std::make_unique<World>(World::Options{random.next(), limits});
    made.length = some(random, 2s, 8s);
    std::ostringstream out;
    out << "seed " << seed << ", " << made.length / 1ms << " ms, windows "
        << limits.stream_receive_window_bytes << " and " << limits.participant_receive_window_bytes
        << ", streams " << limits.peer_streams << ", send queue " << limits.stream_send_queue_bytes
        << '\n';
    const auto links = random.between(1, 2);
    std::uint64_t rate = ~std::uint64_t{0};
    for (std::uint64_t i = 0; i < links; ++i) {
        const auto options = make_link_options(random);
        rate = std::min(rate, options.rate_bytes_per_second);
        out << "  link " << made.world->add_link(options) << ": " << describe(options) << '\n';
    }
    if (links == 2 && random.chance(0.7)) add_deaths(random, made, out);
    if (random.chance(0.2)) {
        const auto at = some(random, 0ms, made.length);
        const auto changed = random.pick(rates);
        out << "  rate " << changed << " B/s from " << at / 1ms << " ms\n";
        made.world->at(at, [&world = *made.world, changed] { world.set_rate(0, changed); });
    }
    const auto streams = random.between(1, 24);
    const auto bytes = std::min<std::uint64_t>(3'000'000, rate * 8);
    const Flavour flavour{made.length, bytes / streams, random.chance(0.2)};
    if (flavour.large) out << "  long messages everywhere\n";
    for (std::uint64_t i = 0; i < streams; ++i) {
        auto plan = make_plan(random, flavour);
        if (i == 0 && random.chance(0.3)) plan.flows[0].reading = Reading::never;
        describe_plan(made.world->add_plan(plan), out);
    }
    made.description = out.str();
    return made;
}

std::uint64_t run_scenario(std::uint64_t seed) {
    auto scenario = make_scenario(seed);
    auto& world = *scenario.world;
    try {
        world.run_for(scenario.length);
        world.wind_up();
    } catch (const Violation& violation) {
        throw Violation{std::string{violation.what()} + "\n  after " +
                        std::to_string(world.elapsed() / 1ms) + " ms, " +
                        std::to_string(world.steps()) + " steps\n" + scenario.description +
                        world.peer(0).state() + world.peer(1).state()};
    }
    return world.trace();
}

}  // namespace sim
