#pragma once

#include "protocol/time.hpp"
#include "sim/random.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace bench {

/// From `at` on the bottleneck has this rate.
struct RateStep {
    double at_seconds = 0;
    double bits_per_second = 0;
};

/// A path as one describes it.
struct PathPlan {
    double bits_per_second = 20e6;
    double round_trip_ms = 50;
    double detour_at_seconds = 0;  ///< from then on, the round trip takes the following
    double detour_round_trip_ms = 0;
    double queue_products = 1;  ///< length of the queue, in products of rate and round trip
    double loss = 0;            ///< of each packet, there and back
    double burst_begins = 0;    ///< chance of each packet to begin a burst of losses
    double burst_packets = 4;   ///< in the mean
    double jitter_ms = 0;       ///< each packet is late by up to that, and may overtake others
    double spike_ms = 0;        ///< each second nothing arrives for so long, then all of it
    double policed_bits_per_second = 0;  ///< what exceeds it is dropped, not queued
    double policer_ms = 10;              ///< depth of the policer's bucket, at its rate
    std::vector<RateStep> steps;
};

/// One queue that all flows of a simulation share, and the way behind it.
class Bottleneck {
public:
    Bottleneck(const PathPlan& plan, std::uint64_t seed);

    /// When a packet that enters now arrives at the other end; nothing if it is dropped.
    std::optional<braid::protocol::Time> carry(braid::protocol::Time now, unsigned bytes);

    /// When an acknowledgement that leaves now arrives: the way back has no queue.
    std::optional<braid::protocol::Time> carry_back(braid::protocol::Time now);

private:
    double rate_at(double seconds) const;
    double one_way_seconds(double seconds) const;
    double finished(double start, double bytes) const;
    bool policer_drops(double now, unsigned bytes);
    bool lost();

    struct Waiting {
        double until = 0;
        unsigned bytes = 0;
    };

    PathPlan plan_;
    sim::Random random_;
    double queue_limit_;
    std::deque<Waiting> queue_;
    double queued_bytes_ = 0;
    double free_at_ = 0;
    double bucket_;
    double bucket_at_ = 0;
    bool in_burst_ = false;
};

}  // namespace bench
