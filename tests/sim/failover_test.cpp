// A link dies under a mux that has two: what it may have lost is sent over the other, once.

#include "catch.hpp"
#include "sim/check.hpp"
#include "sim/world.hpp"

#include <array>
#include <utility>

using namespace std::chrono_literals;
using braid::Promises;
using sim::LinkOptions;
using sim::StreamPlan;
using sim::World;

namespace {

LinkOptions link_of(bool lossless) {
    LinkOptions link;
    link.lossless = lossless;
    link.delay = 5ms;
    if (!lossless) {
        link.loss = 0.05;
        link.jitter = 3ms;
        link.spurious = 0.05;
    }
    return link;
}

std::unique_ptr<World> world_of(bool first_lossless, bool second_lossless) {
    auto world = std::make_unique<World>(World::Options{.seed = 21, .limits = {}});
    world->add_link(link_of(first_lossless));
    world->add_link(link_of(second_lossless));
    for (const auto promises : {Promises::reliable, Promises::guaranteed_delivery}) {
        StreamPlan plan;
        plan.options.promises = promises;
        plan.flows[0] = {.interval = 2ms,
                         .count = 20,
                         .bytes_min = 0,
                         .bytes_max = 900,
                         .large = 0.1,
                         .large_bytes = 5'000,
                         .finish = true};
        plan.flows[1] = plan.flows[0];
        world->add_plan(plan);
    }
    return world;
}

std::uint64_t steps_without_death(bool first_lossless, bool second_lossless) {
    const auto world = world_of(first_lossless, second_lossless);
    world->run_for(150ms);
    return world->steps();
}

void check_death_at_every_step(bool first_lossless, bool second_lossless) {
    const auto steps = steps_without_death(first_lossless, second_lossless);
    REQUIRE(steps > 40);
    for (std::uint64_t death = 0; death < steps; ++death) {
        CAPTURE(first_lossless, second_lossless, death);
        const auto world = world_of(first_lossless, second_lossless);
        try {
            for (std::uint64_t i = 0; i < death; ++i) world->run_step();
            world->kill_link(0, death % 2 == 0, {3ms, death % 3 == 0 ? 30ms : 1ms});
            world->run_for(200ms);
            world->wind_up();
        } catch (const sim::Violation& violation) {
            FAIL_CHECK(violation.what());
        }
    }
}

// The way to which they moved dies as well, before or after the other end has moved too.
void check_two_deaths(bool first_lossless, bool second_lossless, bool third_lossless) {
    const auto steps = steps_without_death(first_lossless, second_lossless);
    for (std::uint64_t death = 0; death < steps; ++death) {
        for (const auto after : {1ms, 14ms, 60ms}) {
            CAPTURE(first_lossless, second_lossless, third_lossless, death, after.count());
            const auto world = world_of(first_lossless, second_lossless);
            world->add_link(link_of(third_lossless));
            try {
                for (std::uint64_t i = 0; i < death; ++i) world->run_step();
                const std::array noticed{sim::Duration{1ms}, sim::Duration{40ms}};
                const std::array late{noticed[1], noticed[0]};
                world->kill_link(0, death % 2 == 0, death % 3 == 0 ? noticed : late);
                world->run_for(after);
                world->kill_link(1, death % 2 != 0, death % 5 < 2 ? noticed : late);
                world->run_for(200ms);
                world->wind_up();
            } catch (const sim::Violation& violation) {
                FAIL_CHECK(violation.what());
            }
        }
    }
}

}  // namespace

TEST_CASE("The death of one link and then of another at any step loses nothing") {
    for (unsigned kinds = 0; kinds < 8; ++kinds) {
        check_two_deaths((kinds & 1u) != 0, (kinds & 2u) != 0, (kinds & 4u) != 0);
    }
}

TEST_CASE("The death of a byte stream at any step loses nothing beside another byte stream") {
    check_death_at_every_step(true, true);
}

TEST_CASE("The death of a byte stream at any step loses nothing beside datagrams") {
    check_death_at_every_step(true, false);
}

TEST_CASE("The death of a datagram link at any step loses nothing beside a byte stream") {
    check_death_at_every_step(false, true);
}

TEST_CASE("The death of a datagram link at any step loses nothing beside another") {
    check_death_at_every_step(false, false);
}

TEST_CASE("What overtakes the OPEN of a long-lived stream keeps its number") {
    // It is beyond 16 bits, and told by 16 bits before there is a stream to expand it by.
    World world{{.seed = 21, .limits = {}}};
    auto first = link_of(true);
    first.rate_bytes_per_second = 12'500'000;
    world.add_link(first);
    auto second = link_of(false);
    second.loses = [lost = false](auto unit) mutable {
        return unit.size() > 250 && !std::exchange(lost, true);  // the one with the OPEN
    };
    world.add_link(second);
    StreamPlan plan;
    plan.flows[0] = {.interval = 1ms,
                     .count = 70'000,
                     .batch = 100,
                     .bytes_min = 8,
                     .bytes_max = 8,
                     .finish = true};
    world.add_plan(plan);
    world.at(680ms, [&world] { world.kill_link(0, true, {1ms, 1ms}); });
    world.run_for(800ms);
    CHECK_NOTHROW(world.wind_up());
}
