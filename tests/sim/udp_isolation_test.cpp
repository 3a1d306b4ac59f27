// Over UDP's link, streams do not pay for each other's losses; and what is not stored is not
// acknowledged. The simulator watches both at every step: here they are made to matter.

#include "catch.hpp"
#include "protocol/frame.hpp"
#include "sim/check.hpp"
#include "sim/isolation.hpp"
#include "sim/udp_scenario.hpp"
#include "transport/udp/link_frames.hpp"
#include "transport/udp/packet.hpp"

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

using namespace std::chrono_literals;
using braid::Promises;
using braid::protocol::Frame;
using braid::protocol::FrameStatus;
using braid::protocol::FrameType;
using braid::protocol::Framing;
using sim::Isolation;
using sim::StreamPlan;
using sim::UdpScenario;
using sim::UdpWorld;

namespace {

constexpr std::uint64_t rate = 125'000'000;

UdpScenario wide_way() {
    UdpScenario scenario;
    for (auto& path : scenario.way.paths) {
        path.rate_bytes_per_second = rate;
        path.queue_bytes = 10'000'000;
    }
    // Of the others, some send less after a loss, as they must.
    scenario.way.congestion = braid::transport::Congestion::fixed;
    scenario.way.fixed_bytes_per_second = rate;
    scenario.way.packet_bytes_limit = 1'200;
    scenario.way.round_trip_time = 40ms;
    return scenario;
}

/// The mux's frames of a datagram that side 0 sends.
std::vector<Frame> frames_of(std::span<const std::byte> datagram, std::size_t tag_bytes) {
    std::vector<Frame> frames;
    const auto header = braid::transport::decode_packet_header(datagram);
    if (!header) return frames;
    auto payload = datagram.subspan(header->bytes, datagram.size() - header->bytes - tag_bytes);
    braid::transport::LinkFrames own;
    if (decode_link_frames(payload, 0, own)) return frames;
    Frame frame;
    while (!payload.empty() && decode(payload, Framing::unit, frame) == FrameStatus::complete) {
        frames.push_back(frame);
    }
    return frames;
}

struct Loser {
    double share = 0;
    sim::Random random{5};
    std::size_t tag_bytes = 8;
    std::uint64_t lost = 0;

    /// Some of the datagrams that have messages of the first stream and nothing else.
    static bool loses(void* context, std::size_t side, std::span<const std::byte> bytes) {
        auto& loser = *static_cast<Loser*>(context);
        if (side != 0 || loser.share == 0) return false;
        const auto frames = frames_of(bytes, loser.tag_bytes);
        const bool only_first = std::all_of(frames.begin(), frames.end(), [](const Frame& frame) {
            return frame.type == FrameType::message && frame.slot == 0;
        });
        const bool loses = !frames.empty() && only_first && loser.random.chance(loser.share);
        loser.lost += loses ? 1 : 0;
        return loses;
    }
};

Isolation::Times times_of_second(Loser& loser, Promises promises) {
    auto scenario = wide_way();
    scenario.plans = Isolation::plans(promises);
    UdpWorld run{scenario};
    run.network().lose_if(Loser::loses, &loser);
    auto& world = run.world();
    world.peer(0).mux.ping();
    return Isolation::times_of_second(world);
}

}  // namespace

TEST_CASE("What one stream loses over UDP never delays another stream") {
    const auto promises = GENERATE(Promises::reliable, Promises::guaranteed_delivery);
    Loser undisturbed;
    const auto times = times_of_second(undisturbed, promises);
    Loser loser;
    loser.share = 0.3;
    const auto disturbed = times_of_second(loser, promises);
    CHECK(loser.lost > 50);
    // All that is left between them is that a packet cannot leave while others do: the pacer lets
    // a message that goes again leave at once.
    constexpr auto packets_time = 4 * 1'200s / static_cast<double>(rate);
    CHECK(Isolation::difference(times, disturbed) <= packets_time);
}

TEST_CASE("What was not stored over UDP is not acknowledged and comes again") {
    // The OPEN is lost, and what follows it is more than a port holds back for one.
    auto scenario = wide_way();
    StreamPlan plan;
    plan.options.promises = Promises::guaranteed_delivery;
    plan.open_at = 100ms;
    plan.flows[0] = {
        .begin = 100ms, .count = 1, .batch = 1, .bytes_min = 200'000, .bytes_max = 200'000};
    scenario.plans = {plan};
    UdpWorld run{scenario};
    run.network().lose_if(
        [](void*, std::size_t side, std::span<const std::byte> bytes) {
            if (side != 0) return false;
            const auto frames = frames_of(bytes, 8);
            return std::any_of(frames.begin(), frames.end(),
                               [](const Frame& frame) { return frame.type == FrameType::open; });
        },
        nullptr);
    auto& world = run.world();
    world.peer(0).mux.ping();
    CHECK_NOTHROW(world.run_for(400ms));
    CHECK(run.end(1).link().counters().packets_not_stored > 50);
    run.network().lose_if(nullptr, nullptr);
    CHECK_NOTHROW(world.wind_up());
}
