#pragma once

#include "harness/mixed.hpp"

#include <vector>

namespace bench {

/// All that are compared over emulated links: braid over UDP and TCP, ENet if it was there when
/// this was built, TCP with bbr and cubic.
std::vector<MixedPeer> mixed_peers();

}  // namespace bench
