#pragma once

/// All of braid but what is opt-in: <braid/io_thread.hpp>.

#include <braid/address.hpp>
#include <braid/close_code.hpp>
#include <braid/congestion_algorithm.hpp>
#include <braid/cork.hpp>
#include <braid/disconnect_result.hpp>
#include <braid/error.hpp>
#include <braid/id.hpp>
#include <braid/limits.hpp>
#include <braid/link_simulation.hpp>
#include <braid/message.hpp>
#include <braid/network.hpp>
#include <braid/network_options.hpp>
#include <braid/participant.hpp>
#include <braid/participant_event.hpp>
#include <braid/peer_stream_limits.hpp>
#include <braid/pid.hpp>
#include <braid/priority.hpp>
#include <braid/promises.hpp>
#include <braid/recv_operation.hpp>
#include <braid/result.hpp>
#include <braid/run.hpp>
#include <braid/serialize.hpp>
#include <braid/stats.hpp>
#include <braid/stream.hpp>
#include <braid/stream_options.hpp>

#include <asio/awaitable.hpp>
