#pragma once

#include "protocol/mux.hpp"

#include <braid/limits.hpp>

namespace sim {

/// Of one of two ends that have the same limits, of which one has the even ids.
inline braid::protocol::MuxOptions mux_options(const braid::Limits& limits, bool even) {
    braid::protocol::MuxOptions options;
    options.even_ids = even;
    options.limits = limits;
    options.peer.stream_credit = limits.stream_receive_window_bytes;
    options.peer.participant_credit = limits.participant_receive_window_bytes;
    options.peer.streams = limits.peer_streams;
    options.peer.message_bytes_max = limits.message_bytes;
    options.peer.idle = limits.idle;
    return options;
}

}  // namespace sim
