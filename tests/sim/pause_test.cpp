// Processes that stop for a while, and machines that sleep, lose nothing but time.

#include "catch.hpp"
#include "sim/world.hpp"

using namespace std::chrono_literals;
using sim::LinkOptions;
using sim::StreamPlan;
using sim::World;

TEST_CASE("A process that stops for a while goes on where it was") {
    const bool clock_stands = GENERATE(false, true);
    const auto side = GENERATE(std::size_t{0}, std::size_t{1});
    CAPTURE(clock_stands, side);
    World world{{.seed = 3, .limits = {}}};
    world.add_link(LinkOptions{});
    StreamPlan plan;
    plan.flows[0] = {.interval = 5ms, .count = 200, .bytes_max = 1'000};
    plan.flows[1] = plan.flows[0];
    world.add_plan(plan);
    std::uint64_t heard = 0;
    world.peer(side).on_delivered = [&](const sim::End&, std::uint64_t, std::size_t, sim::Time) {
        ++heard;
    };
    world.at(300ms, [&] { world.pause(side, 2s, clock_stands); });
    world.run_for(400ms);
    const auto before = heard;
    CHECK(before > 0);
    world.run_for(1'800ms);
    CHECK(heard == before);
    world.run_for(2s);
    CHECK(heard == 200);
    CHECK(world.now(side) == world.now() - (clock_stands ? 2s : 0s));
    world.wind_up();
}
