#pragma once

#include "harness/one_way.hpp"
#include "harness/ping_pong.hpp"

namespace bench {

/// Awaitables, the framing of frame.hpp, one async_write for each 128 KiB.
OneWayPeer asio_one_way();

/// The tutorial's echo: async_read and async_write awaitables, no framing.
PingPongPeer asio_ping_pong();

}  // namespace bench
