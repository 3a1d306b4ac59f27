#pragma once

#include "sim/world.hpp"

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

namespace sim {

/// A world that follows from its seed alone.
struct Scenario {
    std::unique_ptr<World> world;
    Duration length{0};
    std::string description;
};

/// What all streams of a scenario have in common.
struct Flavour {
    Duration length{0};
    std::uint64_t bytes_each = 0;
    bool large = false;  ///< many long messages at once: they compete for credit
};

Duration some(Random& random, Duration least, Duration most);
StreamPlan make_plan(Random& random, const Flavour& flavour);
void describe_plan(const StreamPlan& plan, std::ostream& out);

Scenario make_scenario(std::uint64_t seed);

/// Runs the scenario of `seed` to its end, every invariant watched.
/// @returns the trace's hash
/// @throws Violation, with the scenario in its text
std::uint64_t run_scenario(std::uint64_t seed);

}  // namespace sim
