// Streams do not pay for each other's losses, nor for each other's readers.

#include "sim/isolation.hpp"

#include "catch.hpp"
#include "protocol/frame.hpp"
#include "sim/world.hpp"

#include <memory>

using namespace std::chrono_literals;
using braid::Promises;
using braid::protocol::FrameStatus;
using braid::protocol::FrameType;
using braid::protocol::Framing;
using sim::Isolation;
using sim::LinkOptions;
using sim::StreamPlan;
using sim::World;

namespace {

bool only_of_slot(std::span<const std::byte> unit, std::uint64_t slot) {
    braid::protocol::Frame frame;
    while (!unit.empty()) {
        if (decode(unit, Framing::unit, frame) != FrameStatus::complete) return false;
        if (frame.type != FrameType::message || frame.slot != slot) return false;
    }
    return true;
}

/// When each message of the second stream arrived while the first lost `loss` of its units.
Isolation::Times times_of_second(double loss, Promises promises, std::uint64_t& lost) {
    World world{{.seed = 11, .limits = {}}};
    LinkOptions link;
    link.lossless = false;
    link.rate_bytes_per_second = 125'000'000;
    const auto random = std::make_shared<sim::Random>(5);
    link.loses = [&lost, random, loss](std::span<const std::byte> unit) {
        const bool loses = loss > 0 && only_of_slot(unit, 0) && random->chance(loss);
        lost += loses ? 1 : 0;
        return loses;
    };
    world.add_link(link);
    for (const auto& plan : Isolation::plans(promises)) world.add_plan(plan);
    return Isolation::times_of_second(world);
}

}  // namespace

TEST_CASE("What one stream loses never delays another stream") {
    for (const auto promises : {Promises::reliable, Promises::guaranteed_delivery}) {
        std::uint64_t lost = 0;
        const auto undisturbed = times_of_second(0, promises, lost);
        REQUIRE(lost == 0);
        const auto disturbed = times_of_second(0.3, promises, lost);
        CHECK(lost > 50);
        // All that is left between them is that a unit cannot leave while another does.
        constexpr auto unit_time = 1'200s / 125'000'000.0;
        CHECK(Isolation::difference(undisturbed, disturbed) <= unit_time);
    }
}

TEST_CASE("A reader that stops reading holds up nobody else") {
    for (const bool lossless : {true, false}) {
        CAPTURE(lossless);
        World world{{.seed = 2, .limits = {}}};
        LinkOptions link;
        link.lossless = lossless;
        link.rate_bytes_per_second = 1'250'000;
        world.add_link(link);
        StreamPlan stuck;
        stuck.flows[0] = {.interval = 2ms,
                          .count = 1'000,
                          .bytes_min = 4'000,
                          .bytes_max = 4'000,
                          .reading = sim::Reading::never};
        world.add_plan(stuck);
        StreamPlan running;
        running.flows[0] = {.interval = 2ms, .count = 1'500, .bytes_min = 100, .bytes_max = 500};
        running.options.priority = 5;
        world.add_plan(running);
        std::uint64_t heard = 0;
        sim::Duration worst{0};
        world.peer(1).on_delivered = [&](const sim::End& end, std::uint64_t index, std::size_t,
                                         sim::Time now) {
            if (end.plan->options.tag != 1) return;
            ++heard;
            const auto sent_at = world.peer(0).ends.at(end.id).sent_at[index];
            if (sent_at > World::start + 1s) worst = std::max(worst, now - sent_at);
        };
        world.run_for(4s);
        CHECK(heard == 1'500);
        // Once the stuck stream has used its window up, the link is as good as idle.
        CHECK(worst <= link.delay + 5ms);
        world.wind_up();
    }
}
