#pragma once

#include <chrono>
#include <cstdint>
#include <type_traits>

namespace braid {

/// A bad link to play over on a good one. docs/simulated_links.md says what each value does on
/// which transport, and which values are typical.
struct LinkSimulation {
    /// What happens to what goes one way. A packet is up to 1,460 bytes.
    struct Direction {
        std::chrono::nanoseconds latency{0};  ///< one way; at most a minute
        std::chrono::nanoseconds jitter{0};  ///< added to the latency: from nothing to this, evenly
                                             ///< spread; at most a minute
        double loss = 0;                     ///< share of packets lost, from 0 to below 1
        double duplication = 0;              ///< share of packets that come twice, from 0 to 1
        std::uint64_t rate_bytes_per_second = 0;  ///< 0: as fast as the real link
    };

    Direction outgoing;  ///< what this end sends
    Direction incoming;  ///< what it receives

    /// The same seed and the same traffic give the same delays and losses; the participants of a
    /// Network differ from each other.
    std::uint64_t seed = 0;
};

// g++ 12 destroys other aggregates twice in a co_await expression.
static_assert(std::is_trivially_destructible_v<LinkSimulation>);

}  // namespace braid
