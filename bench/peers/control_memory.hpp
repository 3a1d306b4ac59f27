#pragma once

#include "harness/one_way.hpp"
#include "harness/ping_pong.hpp"

namespace bench {

/// Two threads with an io_context each, and between them an asio::experimental::concurrent_channel
/// of std::string for up to 1024 messages.
OneWayPeer channel_one_way();
PingPongPeer channel_ping_pong();

/// The same two threads, which post the message to each other: what a wake costs at least.
PingPongPeer post_ping_pong();

/// The same with a timer in each context, as in any that braid runs in: they wait in epoll then.
PingPongPeer post_with_timer_ping_pong();

#ifdef BRAID_BENCH_ZEROMQ
/// PUSH and PULL, or PAIR, over inproc; high-water mark 1000.
OneWayPeer zeromq_one_way_within();
PingPongPeer zeromq_ping_pong_within();
#endif

}  // namespace bench
