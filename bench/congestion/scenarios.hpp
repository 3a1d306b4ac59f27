#pragma once

#include "congestion/bottleneck.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace bench {

struct Scenario {
    std::string name;
    PathPlan path;
    unsigned copies = 1;      ///< flows under test
    unsigned cubics = 0;      ///< flows of a kernel's CUBIC beside them
    double cubics_end = 1e9;  ///< seconds
};

/// "design": those that the constants were picked on. "unseen": others, to check them on. "fresh":
/// run for the first time when nothing was to be changed any more.
/// "sharing": beside CUBIC, and four alike.
std::vector<Scenario> scenarios(std::string_view suite);

}  // namespace bench
