#pragma once

#include "harness/idle_crowd.hpp"

namespace bench {

/// As many Networks as participants, all in one process, dial one Network in the other.
IdlePeer braid_idle();

}  // namespace bench
