#pragma once

#include <braid/priority.hpp>
#include <braid/promises.hpp>

#include <chrono>
#include <cstdint>
#include <type_traits>

namespace braid {

/// What Participant::open() asks for; both ends see the same.
struct StreamOptions {
    Priority priority = 4;                         ///< 0 leaves first
    Promises promises = Promises::reliable;        ///< of both directions
    std::uint64_t bandwidth_bytes_per_second = 0;  ///< guaranteed; 0 for none
    std::uint64_t tag = 0;  ///< tells the peer what the stream is for; braid does not read it

    /// How long a message may wait before it is dropped unsent; 0 for ever. Not for streams with
    /// guaranteed_delivery. Each end sets its own.
    std::chrono::milliseconds time_to_live{0};

    /// A new message replaces one that still waits. Not for streams with guaranteed_delivery.
    bool latest_only = false;
};

static_assert(std::is_trivially_destructible_v<StreamOptions>);

}  // namespace braid
