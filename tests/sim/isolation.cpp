#include "sim/isolation.hpp"

#include "sim/check.hpp"

#include <algorithm>

namespace sim {

using namespace std::chrono_literals;

std::vector<StreamPlan> Isolation::plans(braid::Promises promises) {
    StreamPlan first;
    first.options.promises = promises;
    first.options.copies = 0;
    first.flows[0] = {
        .begin = 100'003us, .interval = 3ms, .count = messages, .bytes_min = 8, .bytes_max = 3'000};
    auto second = first;
    second.open_at = 1ms;
    second.flows[0].begin = 101ms;
    return {first, second};
}

Isolation::Times Isolation::times_of_second(World& world) {
    Times times;
    world.peer(1).on_delivered = [&](const End& end, std::uint64_t index, std::size_t, Time now) {
        if (end.plan->options.tag == 1) times[index] = now;
    };
    world.run_for(2s);
    world.wind_up();
    return times;
}

std::chrono::duration<double> Isolation::difference(const Times& undisturbed,
                                                    const Times& disturbed) {
    require(undisturbed.size() == messages && disturbed.size() == messages, "not all arrived");
    Duration most{0};
    for (const auto& [index, time] : undisturbed) {
        most = std::max(most, std::chrono::abs(disturbed.at(index) - time));
    }
    return most;
}

}  // namespace sim
