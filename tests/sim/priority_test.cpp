// What priorities and guarantees mean on slow links, with bounds that are computed.

#include "catch.hpp"
#include "protocol/scheduler.hpp"
#include "sim/world.hpp"

#include <algorithm>

using namespace std::chrono_literals;
using braid::Promises;
using braid::protocol::Scheduler;
using sim::Duration;
using sim::Flow;
using sim::LinkOptions;
using sim::StreamPlan;
using sim::World;

namespace {

constexpr std::uint64_t segment_bytes = 1'460;
constexpr std::uint64_t head_bytes = braid::protocol::frame_header_bytes_max;
// The simulated link lets a writer have this much room even if less is left.
constexpr std::uint64_t overshoot_bytes = 1'024;

StreamPlan plan_of(int priority, Promises promises, const Flow& flow, std::uint64_t bandwidth = 0) {
    StreamPlan plan;
    plan.options.priority = priority;
    plan.options.promises = promises;
    plan.options.bandwidth_bytes_per_second = bandwidth;
    plan.flows[0] = flow;
    return plan;
}

Flow saturating(std::uint64_t rate, std::size_t bytes, Duration length) {
    Flow flow;
    flow.interval = Duration{
        static_cast<Duration::rep>(1e9 * static_cast<double>(bytes) / static_cast<double>(rate))};
    flow.count = static_cast<std::uint64_t>(length / flow.interval);
    flow.bytes_min = flow.bytes_max = bytes;
    return flow;
}

Duration time_of(std::uint64_t bytes, std::uint64_t rate) {
    return Duration{
        static_cast<Duration::rep>(1e9 * static_cast<double>(bytes) / static_cast<double>(rate))};
}

}  // namespace

TEST_CASE("An urgent message waits for two chunks and what the link holds, and no longer") {
    for (const std::uint64_t rate : {250'000u, 1'250'000u, 2'500'000u}) {
        CAPTURE(rate);
        World world{{.seed = 7, .limits = {}}};
        LinkOptions link;
        link.rate_bytes_per_second = rate;
        world.add_link(link);
        world.add_plan(plan_of(7, Promises::reliable, saturating(rate, 50'000, 3s)));
        world.add_plan(
            plan_of(5, Promises::guaranteed_delivery, saturating(rate, 3'000, 3s), rate / 5));
        Flow urgent;
        urgent.begin = 100ms;
        urgent.interval = 7ms;
        urgent.count = 400;
        urgent.bytes_min = urgent.bytes_max = 64;
        world.add_plan(plan_of(0, Promises::reliable, urgent));

        const auto chunk = world.port(0, 0).scheduler_counters().normal_bytes;  // none yet
        REQUIRE(chunk == 0);
        Scheduler reference;
        reference.set_rate(rate);
        const auto chunks = 2 * (reference.chunk_bytes() + head_bytes);
        const auto unsent = link.unsent_bytes_max + overshoot_bytes + segment_bytes;
        const auto bound = link.delay + time_of(unsent + chunks + 64 + head_bytes, rate) + 1ms;
        Duration worst{0};
        std::uint64_t heard = 0;
        world.peer(1).on_delivered = [&](const sim::End& end, std::uint64_t index, std::size_t,
                                         sim::Time now) {
            if (end.plan->options.priority != braid::Priority{0}) return;
            const auto& sender = world.peer(0).ends.at(end.id);
            worst = std::max(worst, now - sender.sent_at[index]);
            ++heard;
        };
        world.run_for(4s);
        CHECK(heard == 400);
        CHECK(worst <= bound);
        CHECK(worst > link.delay + time_of(unsent / 4, rate));  // there was something to wait for
    }
}

TEST_CASE("A guaranteed bandwidth is given beside a saturating flow of higher priority") {
    constexpr std::uint64_t rate = 250'000;
    for (const std::uint64_t guarantee : {8'000u, 20'000u, 60'000u}) {
        CAPTURE(guarantee);
        World world{{.seed = 3, .limits = {}}};
        LinkOptions link;
        link.rate_bytes_per_second = rate;
        world.add_link(link);
        world.add_plan(plan_of(1, Promises::reliable, saturating(rate * 2, 10'000, 10s)));
        world.add_plan(plan_of(5, Promises::ordered | Promises::guaranteed_delivery,
                               saturating(guarantee * 2, 160, 10s), guarantee));
        std::vector<std::uint64_t> seconds(12);
        Scheduler reference;
        reference.set_rate(rate);
        const auto chunk = reference.chunk_bytes();
        world.peer(1).on_delivered = [&](const sim::End& end, std::uint64_t, std::size_t bytes,
                                         sim::Time now) {
            if (end.plan->options.priority != braid::Priority{5}) return;
            const auto second = static_cast<std::size_t>((now - World::start) / 1s);
            // The guarantee counts what a frame takes, its three bytes of head included.
            if (second < seconds.size()) seconds[second] += bytes + 3;
        };
        world.run_for(9s);
        for (std::size_t second = 2; second < 9; ++second) {
            CAPTURE(second);
            // Where one second ends and the next begins may cut a chunk off.
            CHECK((seconds[second] + chunk) * 100 >= guarantee * 95);
        }
    }
}

TEST_CASE("What is below a saturating flow gets its floor, and no more") {
    constexpr std::uint64_t rate = 250'000;
    World world{{.seed = 5, .limits = {}}};
    LinkOptions link;
    link.rate_bytes_per_second = rate;
    world.add_link(link);
    world.add_plan(plan_of(1, Promises::reliable, saturating(rate * 2, 10'000, 10s)));
    world.add_plan(plan_of(6, Promises::reliable, saturating(rate, 1'000, 10s)));
    std::array<std::uint64_t, 2> bytes_of{};
    world.peer(1).on_delivered = [&](const sim::End& end, std::uint64_t, std::size_t bytes,
                                     sim::Time) {
        bytes_of[end.plan->options.priority == braid::Priority{6} ? 1 : 0] += bytes;
    };
    world.run_for(9s);
    const auto share =
        static_cast<double>(bytes_of[1]) / static_cast<double>(bytes_of[0] + bytes_of[1]);
    CHECK(share > 0.04);
    CHECK(share < 0.07);
}
