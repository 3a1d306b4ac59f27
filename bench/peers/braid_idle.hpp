#pragma once

#include "harness/idle_crowd.hpp"

#include <string>

namespace bench {

/// As many Networks as participants, all in one process, dial one Network in the other.
/// @param scheme of the address, "tcp" or "udp"
IdlePeer braid_idle(const std::string& scheme);

}  // namespace bench
