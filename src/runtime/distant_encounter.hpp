#pragma once

#include "runtime/environment.hpp"
#include "transport/driver.hpp"

#include <braid/link_simulation.hpp>

#include <memory>

namespace braid::runtime {

/// The encounter as if over that link: each hello takes its latency. What a transport does before,
/// TCP's own handshake, takes no longer than it does.
std::unique_ptr<transport::Encounter> distant(std::unique_ptr<transport::Encounter> encounter,
                                              const LinkSimulation& simulation,
                                              const Environment& environment);

}  // namespace braid::runtime
