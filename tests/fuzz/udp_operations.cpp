// Two real ends of UDP and the network between them: streams that are opened, written, read and
// ended, and faults of the network, are read from the input, and every invariant of the simulator
// is watched.

#include "input.hpp"
#include "sim/check.hpp"
#include "sim/udp_scenario.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace std::chrono_literals;
using fuzz::Input;

namespace {

constexpr int operations_max = 16;
constexpr std::size_t streams_max = 4;

// What may last is bearable: half of what is sent gets through.
sim::Fault fault(Input& input) {
    sim::Fault made;
    made.kind = static_cast<sim::Fault::Kind>(input.take() % sim::Fault::kinds);
    const auto flags = input.take();
    made.side = flags & 1u;
    made.first = (flags & 2u) != 0;
    made.at = input.milliseconds(10);
    made.length = input.milliseconds(4);
    made.share = input.take() / 512.0;
    const std::uint64_t amount = input.take();
    switch (made.kind) {
        case sim::Fault::Kind::rate: made.amount = 20'000 + amount * 1'000; break;
        case sim::Fault::Kind::black_hole:
        case sim::Fault::Kind::interface: made.amount = 1'200 + amount; break;
        default: made.amount = amount * 1'000'000; break;  // nanoseconds
    }
    if (made.kind == sim::Fault::Kind::port || made.kind == sim::Fault::Kind::host) made.side = 0;
    return made;
}

sim::Flow flow(Input& input) {
    sim::Flow made;
    made.begin = input.milliseconds(4);
    made.interval = 1ms + input.milliseconds(1);
    made.count = input.take() % 64u;
    const auto flags = input.take();
    made.batch = flags % 4u + 1;
    made.reading = static_cast<sim::Reading>(flags >> 2u & 3u);
    made.read_every = 1ms + flags * 1ms;
    made.confirm = (flags & 16u) != 0;
    made.receipts = (flags & 32u) != 0 ? 0.5 : 0;
    made.finish = (flags & 64u) != 0;
    made.bytes_max = std::size_t{16} * input.take();
    if ((flags & 128u) != 0) {
        made.large = 0.1;
        made.large_bytes = std::size_t{512} * input.take();
    }
    return made;
}

sim::StreamPlan plan(Input& input) {
    sim::StreamPlan made;
    const auto flags = input.take();
    made.opener = flags & 1u;
    auto& options = made.options;
    options.promises = static_cast<braid::Promises>(flags >> 1u & 15u);
    options.priority = flags >> 5u;
    made.open_at = input.milliseconds(8);
    const auto more = input.take();
    const bool lossy = !covers(options.promises, braid::Promises::guaranteed_delivery);
    if ((more & 1u) != 0) options.copies = more >> 6u;
    if ((more & 2u) != 0) options.bandwidth_bytes_per_second = 1'000u * (more >> 2u) + 1;
    if (lossy && (more & 4u) != 0) options.time_to_live = 5ms + (more >> 3u) * 5ms;
    options.latest_only = lossy && (more & 8u) != 0;
    if (lossy && covers(options.promises, braid::Promises::ordered) && (more & 16u) != 0) {
        options.reorder_wait = 1ms + (more >> 5u) * 7ms;
    }
    for (auto& each : made.flows) each = flow(input);
    const auto end = input.take();
    if ((end & 1u) != 0) {
        made.early = static_cast<sim::Ending>(end >> 1u & 3u);
        made.early_by = end >> 3u & 1u;
        made.early_at = (end >> 4u) * 100ms;
    }
    made.refused = (end & 0xfeu) == 0xfeu;
    return made;
}

sim::UdpScenario scenario(Input& input) {
    sim::UdpScenario made;
    made.length = 3s;
    made.way.seed = input.take();
    made.limits.idle = 60s;
    made.way.idle = made.limits.idle;
    const auto flags = input.take();
    made.way.congestion = static_cast<braid::transport::Congestion>(flags % 3u);
    made.way.client_id = (flags & 4u) != 0;
    made.way.tag_bytes = (flags & 8u) != 0 ? 16 : 8;
    if ((flags & 32u) != 0) {
        auto& limits = made.limits;
        limits.stream_receive_window_bytes = 4'000;
        limits.participant_receive_window_bytes = 16'000;
        limits.stream_receive_window_bytes_max = 32'000;
        limits.participant_receive_window_bytes_max = 128'000;
    }
    for (int i = 0; i < operations_max && input.size > 0; ++i) {
        if ((input.take() & 1u) != 0 && made.plans.size() < streams_max) {
            made.plans.push_back(plan(input));
        } else {
            made.faults.push_back(fault(input));
        }
    }
    // Who never reads keeps a stream open: others would wait for its place for ever.
    const bool all_end = std::ranges::none_of(made.plans, [](const sim::StreamPlan& plan) {
        return plan.flows[0].reading == sim::Reading::never ||
               plan.flows[1].reading == sim::Reading::never;
    });
    if ((flags & 16u) != 0 && all_end) made.limits.peer_streams = 2;
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input{data, size};
    try {
        sim::run(scenario(input));
    } catch (const sim::Violation& violation) {
        std::fputs(violation.what(), stderr);
        std::abort();
    }
    return 0;
}
