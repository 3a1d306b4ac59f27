#pragma once

#include "harness/mixed.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// What one peer did on one kind of link, a value for each seed; NaN where it failed.
struct MixedSeries {
    std::vector<double> bulk_megabits_per_second;
    std::array<std::vector<double>, flows_max> p50_ms;
    std::array<std::vector<double>, flows_max> p99_ms;
    std::array<std::vector<double>, flows_max> delivered;
    std::vector<double> cpu_seconds;
    std::array<std::uint64_t, flows_max> messages{};  ///< that were measured in all
    std::string problem;

    void add(const MixedResult& result);
    std::vector<double> bulk_megabytes_per_second() const;
};

struct SideBySide {
    net::LinkOptions link;  ///< each peer has one of its own
    MixedTask task;
    unsigned seeds = 5;
    unsigned links_at_once = 0;  ///< 0: one for each peer
};

/// As measure_mixed(), but what was measured while the emulator was late is thrown away and
/// measured again, three times at most, after which it counts as failed.
MixedRun measure_credibly(const std::vector<net::LinkOptions>& links,
                          const std::vector<MixedCell>& cells);

/// Runs all peers with each seed, as many at the same time as there may be links.
std::vector<MixedSeries> measure_side_by_side(const std::vector<MixedPeer>& peers,
                                              const SideBySide& what);

}  // namespace bench
