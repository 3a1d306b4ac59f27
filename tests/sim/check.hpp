#pragma once

#include <stdexcept>
#include <string>

namespace sim {

/// An invariant that does not hold; whoever runs the world adds the seed and the scenario.
struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void require(bool holds, const char* what) {
    if (!holds) throw Violation{what};
}

template <typename Describe>
void require(bool holds, const Describe& describe) requires requires {
    std::string{describe()};
}
{
    if (!holds) throw Violation{describe()};
}

}  // namespace sim
