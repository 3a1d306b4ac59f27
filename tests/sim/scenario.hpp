#pragma once

#include "sim/world.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace sim {

/// A world that follows from its seed alone.
struct Scenario {
    std::unique_ptr<World> world;
    Duration length{0};
    std::string description;
};

Scenario make_scenario(std::uint64_t seed);

/// Runs the scenario of `seed` to its end, every invariant watched.
/// @returns the trace's hash
/// @throws Violation, with the scenario in its text
std::uint64_t run_scenario(std::uint64_t seed);

}  // namespace sim
