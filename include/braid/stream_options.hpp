#pragma once

#include <braid/priority.hpp>
#include <braid/promises.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
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

    /// How many times more a message is sent before anybody knows that it was lost, at most
    /// copies_max; on links that lose, and within a tenth of what these carry. With
    /// guaranteed_delivery after a quarter of a round trip each; else with what leaves next. Unset:
    /// once, if delivery is guaranteed, the priority is 0 to 2, the stream carries less than
    /// 64 kbit/s and the link loses more than 0.5 %; else not at all. Each end sets its own.
    std::optional<std::uint8_t> copies = std::nullopt;
    static constexpr std::uint8_t copies_max = 3;

    /// How long a message is held back for an older one that is still missing, at most
    /// reorder_wait_max; for streams that are ordered but not guaranteed, of both directions.
    std::chrono::milliseconds reorder_wait{0};
    static constexpr std::chrono::milliseconds reorder_wait_max{50};
};

static_assert(std::is_trivially_destructible_v<StreamOptions>);

}  // namespace braid
