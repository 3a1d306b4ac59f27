#pragma once

#include "harness/mixed.hpp"

namespace bench {

/// ENet with a channel for each flow and one for the bulk. Its throttle, which drops unreliable
/// messages when the round trip grows, is off.
MixedPeer enet_mixed();

}  // namespace bench
