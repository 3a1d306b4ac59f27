#pragma once

#include "congestion/bottleneck.hpp"
#include "congestion/flow.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace bench {

/// Flows over one bottleneck for so many seconds of simulated time. The same plan and seed give
/// the same results.
std::vector<FlowResult> simulate(const PathPlan& path, const std::vector<FlowPlan>& flows,
                                 double seconds, std::uint64_t seed);

}  // namespace bench
