#pragma once

#include "runtime/clock.hpp"
#include "runtime/entropy.hpp"
#include "runtime/timers.hpp"
#include "transport/driver.hpp"

#include <memory>

namespace braid::runtime {

/// What a Network has of the world: the machine's, or a simulated one.
struct Environment {
    std::shared_ptr<Clock> clock;
    std::shared_ptr<Timers> timers;
    std::shared_ptr<Entropy> entropy;
    std::shared_ptr<transport::Transports> transports;
};

}  // namespace braid::runtime
