#pragma once

#include "harness/one_way.hpp"
#include "harness/ping_pong.hpp"

namespace bench {

/// Blocking sockets, the framing of frame.hpp, 128 KiB a call: about what TCP can do here.
OneWayPeer tcp_one_way();

/// Blocking sockets, one write and one read a message, no framing.
PingPongPeer tcp_ping_pong();

}  // namespace bench
