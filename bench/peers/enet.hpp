#pragma once

#include "harness/mixed.hpp"
#include "harness/one_way.hpp"

#include <cstddef>
#include <string>

namespace bench {

/// ENet with a channel for each flow and one for the bulk. Its throttle, which drops unreliable
/// messages when the round trip grows, is off.
MixedPeer enet_mixed();

/// One channel of reliable messages, of which so many bytes may be given and not acknowledged.
/// ENet's window is 64 KiB; beyond twice of that more only makes it slower.
OneWayPeer enet_one_way(std::string name = "enet", std::size_t ahead_bytes = 128 * 1024);

}  // namespace bench
