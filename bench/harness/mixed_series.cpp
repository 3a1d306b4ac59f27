#include "harness/mixed_series.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace bench {

namespace {

constexpr unsigned tries_max = 3;

MixedRun measure_credibly(const std::vector<net::LinkOptions>& links,
                          const std::vector<MixedCell>& cells) {
    MixedRun run;
    for (unsigned tries = 0; tries < tries_max; ++tries) {
        run = measure_mixed(links, cells);
        std::fprintf(stderr, "%s\n", run.lateness.describe().c_str());
        if (run.lateness.credible()) return run;
    }
    for (MixedResult& result : run.results) result.problem = "the link emulator was late";
    return run;
}

}  // namespace

void MixedSeries::add(const MixedResult& result) {
    const bool good = result.problem.empty();
    if (!good) problem = result.problem;
    const auto value = [&](double measured) { return good ? measured : std::nan(""); };
    bulk_megabits_per_second.push_back(value(result.bulk_bytes_per_second * 8 / 1e6));
    cpu_seconds.push_back(value(result.cpu_seconds));
    for (std::size_t flow = 0; flow < flows_max; ++flow) {
        const auto& latencies = result.latencies_us[flow];
        p50_ms[flow].push_back(value(percentile(latencies, 0.5) / 1e3));
        p99_ms[flow].push_back(value(percentile(latencies, 0.99) / 1e3));
        delivered[flow].push_back(value(result.delivered[flow]));
        if (good) messages[flow] += latencies.size();
    }
}

std::vector<MixedSeries> measure_side_by_side(const std::vector<MixedPeer>& peers,
                                              const SideBySide& what) {
    std::vector<MixedSeries> series(peers.size());
    for (unsigned first = 0; first < what.seeds; first += what.seeds_at_once) {
        std::vector<net::LinkOptions> links;
        std::vector<MixedCell> cells;
        const unsigned end = std::min(what.seeds, first + what.seeds_at_once);
        for (unsigned seed = first; seed < end; ++seed) {
            for (const MixedPeer& peer : peers) {
                cells.push_back({&peer, what.task, links.size()});
                links.push_back(what.link);
                links.back().seed = seed + 1;
            }
        }
        const MixedRun run = measure_credibly(links, cells);
        for (std::size_t index = 0; index < cells.size(); ++index) {
            series[index % peers.size()].add(run.results[index]);
        }
    }
    return series;
}

}  // namespace bench
