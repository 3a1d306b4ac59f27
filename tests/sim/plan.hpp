#pragma once

#include "protocol/time.hpp"

#include <braid/limits.hpp>
#include <braid/stream_options.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sim {

using braid::protocol::Duration;
using braid::protocol::Time;

enum class Reading : std::uint8_t { at_once, late, in_bursts, never };
enum class Ending : std::uint8_t { finish, reset, stop, release };

/// What an application does with one direction of a stream. Times count from the world's start.
struct Flow {
    Duration begin{0};
    Duration interval = std::chrono::milliseconds{20};
    std::uint64_t count = 0;
    std::uint64_t batch = 1;  ///< messages each time
    std::size_t bytes_min = 0;
    std::size_t bytes_max = 200;
    double large = 0;  ///< share of messages that are of up to `large_bytes`
    std::size_t large_bytes = 0;
    Reading reading = Reading::at_once;
    Duration read_every{0};
    bool confirm = false;  ///< asks for confirmation now and then
    double receipts = 0;   ///< share of messages of which it wants to know when they arrive
    bool finish = false;   ///< after the last message; else when the world winds up
};

/// A stream from its opening to its end.
struct StreamPlan {
    std::size_t opener = 0;
    Duration open_at{0};
    braid::StreamOptions options;
    std::array<Flow, 2> flows;  ///< [0] from the opener to the other, [1] back
    std::optional<Ending> early;
    std::size_t early_by = 0;  ///< who: 0 the opener
    Duration early_at{0};
    bool refused = false;  ///< by the other side, as soon as it hears of it

    // What came of it.
    bool opened = false;
    std::array<bool, 2> cut{};  ///< this direction ended before all was delivered
};

}  // namespace sim
