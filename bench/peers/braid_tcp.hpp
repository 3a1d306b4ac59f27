#pragma once

#include "harness/one_way.hpp"
#include "harness/ping_pong.hpp"

#include <string>

namespace bench {

/// One reliable stream. Messages of 64 and of 1024 bytes are trivially copyable structs, all others
/// bytes.
OneWayPeer braid_one_way();

/// The same over UDP.
OneWayPeer braid_one_way_udp();

/// The same between two threads of one process.
OneWayPeer braid_one_way_within();

/// The same with messages that exist already, and are sent by reference.
OneWayPeer braid_kept_within();

/// The sender opens `open` streams and goes round the first `active` ones; each has a coroutine of
/// its own that receives and checks its order.
OneWayPeer braid_streams(std::string name, unsigned open, unsigned active);

PingPongPeer braid_ping_pong();
PingPongPeer braid_ping_pong_within();

}  // namespace bench
