#include "harness/command_line.hpp"
#include "harness/mixed_series.hpp"
#include "harness/report.hpp"
#include "peers/braid_mixed.hpp"
#include "peers/tcp_mixed.hpp"

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace bench;
using namespace std::chrono_literals;

struct Link {
    double megabits_per_second = 20;
    double round_trip_ms = 50;
    double queue_products = 1;  ///< of rate and round trip
};

net::LinkOptions options_of(const Link& link, std::uint64_t seed) {
    const auto round_trip =
        std::chrono::nanoseconds(static_cast<std::int64_t>(link.round_trip_ms * 1e6));
    net::LinkShape shape;
    shape.bits_per_second = link.megabits_per_second * 1e6;
    shape.delay = round_trip / 2;
    shape.queue_time(round_trip);
    shape.queue_bytes =
        static_cast<std::size_t>(static_cast<double>(shape.queue_bytes) * link.queue_products);
    net::LinkOptions options;
    options.outbound = shape;
    options.inbound = shape;
    options.seed = seed;
    return options;
}

struct Split {
    std::vector<double> megabits_per_second;
    std::vector<double> share_of_first;
    std::string problem;
};

/// Both on one link at the same time.
Split measure(const MixedPeer& first, const MixedPeer& second, const Link& link,
              const RunOptions& run) {
    MixedTask task;
    task.warm_up_seconds = 5;
    task.seconds = run.seconds;
    task.bulk_ahead_bytes = 2 << 20;
    Split split;
    for (unsigned round = 0; round < run.rounds; ++round) {
        const MixedRun result =
            measure_mixed({options_of(link, round + 1)}, {{&first, task, 0}, {&second, task, 0}});
        std::fprintf(stderr, "%s\n", result.lateness.describe().c_str());
        std::string problem;
        for (const MixedResult& one : result.results) {
            if (!one.problem.empty()) problem = one.problem;
        }
        if (!problem.empty()) {
            split.problem = problem;
            continue;
        }
        const double mine = result.results[0].bulk_bytes_per_second;
        const double other = result.results[1].bulk_bytes_per_second;
        split.megabits_per_second.push_back((mine + other) * 8 / 1e6);
        split.share_of_first.push_back(mine / (mine + other));
    }
    return split;
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    run.seconds = 30;
    Link link;
    CommandLine command_line(
        "Who gets how much of one bottleneck: two flows of 8 KiB reliable messages, which start\n"
        "together on one emulated link, measured after 5 seconds. The second is always TCP with\n"
        "cubic. A round is a seed.",
        run);
    command_line.number("mbit", link.megabits_per_second, "rate of the link");
    command_line.number("rtt-ms", link.round_trip_ms, "round trip without the queue");
    command_line.number("queue", link.queue_products, "of the product of both");
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    if (!links_available()) return 1;
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, name_of(Placement::anywhere), exclusive);

    const MixedPeer cubic = tcp_mixed("cubic");
    Table table({"beside tcp-cubic", "its share", "both, Mbit/s"});
    Targets targets;
    for (const MixedPeer& peer : {braid_mixed("udp"), tcp_mixed("cubic"), tcp_mixed("bbr")}) {
        if (!run.wants(peer.name)) continue;
        const Split split = measure(peer, cubic, link, run);
        const Spread share = spread_of(split.share_of_first);
        table.row(
            {peer.name, short_spread(share), short_spread(spread_of(split.megabits_per_second))});
        if (!split.problem.empty()) {
            std::printf("%s failed: %s\n", peer.name.c_str(), split.problem.c_str());
        }
        if (peer.name != "braid-udp") continue;
        targets.at_least("share of the link", share, 0.35);
        targets.at_most("share of the link", share, 0.65);
    }
    table.print();
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
