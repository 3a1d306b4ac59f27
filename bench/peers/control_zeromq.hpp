#pragma once

#include "harness/one_way.hpp"
#include "harness/ping_pong.hpp"

namespace bench {

/// PUSH and PULL over TCP, high-water mark 1000, one I/O thread a side.
OneWayPeer zeromq_one_way();

/// PAIR over TCP.
PingPongPeer zeromq_ping_pong();

}  // namespace bench
