#include "harness/mixed_series.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace bench {

namespace {

constexpr unsigned tries_max = 3;

}  // namespace

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

std::vector<double> MixedSeries::bulk_megabytes_per_second() const {
    std::vector<double> megabytes = bulk_megabits_per_second;
    for (double& value : megabytes) value /= 8;
    return megabytes;
}

std::vector<MixedSeries> measure_side_by_side(const std::vector<MixedPeer>& peers,
                                              const SideBySide& what) {
    std::vector<MixedSeries> series(peers.size());
    const std::size_t runs = what.seeds * peers.size();
    const std::size_t at_once = what.links_at_once == 0 ? peers.size() : what.links_at_once;
    for (std::size_t first = 0; first < runs; first += at_once) {
        std::vector<net::LinkOptions> links;
        std::vector<MixedCell> cells;
        const std::size_t end = std::min(runs, first + at_once);
        for (std::size_t index = first; index < end; ++index) {
            cells.push_back({&peers[index % peers.size()], what.task, links.size()});
            links.push_back(what.link);
            links.back().seed = index / peers.size() + 1;
        }
        const MixedRun run = measure_credibly(links, cells);
        for (std::size_t index = first; index < end; ++index) {
            series[index % peers.size()].add(run.results[index - first]);
        }
    }
    return series;
}

}  // namespace bench
