#pragma once

#include "sim/world.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

namespace sim {

/// Two streams alike that send at the same time: what the first loses must not delay the second.
struct Isolation {
    /// When each message of the second stream arrived.
    using Times = std::map<std::uint64_t, Time>;

    static std::vector<StreamPlan> plans(braid::Promises promises);

    /// Lets `world`, which follows these plans, run to its end.
    static Times times_of_second(World& world);

    /// By how much a message came earlier or later than undisturbed, at most.
    /// @throws Violation if one did not come
    static std::chrono::duration<double> difference(const Times& undisturbed,
                                                    const Times& disturbed);

private:
    static constexpr std::uint64_t messages = 300;
};

}  // namespace sim
