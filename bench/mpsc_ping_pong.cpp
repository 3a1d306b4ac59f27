#include "harness/command_line.hpp"
#include "harness/ping_pong.hpp"
#include "harness/report.hpp"
#include "peers/braid_tcp.hpp"
#include "peers/control_memory.hpp"

#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace bench;

struct Series {
    std::vector<double> p50_us;
    std::vector<double> p99_us;
    std::vector<double> cpu_us_per_trip;
    std::string problem;
};

/// A peer is made anew for each round: what its two threads share is used up by one.
using MakePeer = std::function<PingPongPeer()>;

std::vector<MakePeer> all_peers() {
    std::vector<MakePeer> peers{post_ping_pong, post_with_timer_ping_pong, braid_ping_pong_within,
                                channel_ping_pong};
#ifdef BRAID_BENCH_ZEROMQ
    peers.emplace_back(zeromq_ping_pong_within);
#endif
    return peers;
}

void print_placement(Placement placement, const std::map<std::string, Series>& series,
                     const std::vector<double>& reference) {
    Table table({std::string("processors: ") + name_of(placement), "p50 us", "p99 us",
                 "CPU us/trip", "p50 / asio-post"});
    for (const auto& [name, mine] : series) {
        table.row({name, short_spread(spread_of(mine.p50_us)), short_spread(spread_of(mine.p99_us)),
                   short_spread(spread_of(mine.cpu_us_per_trip)),
                   short_spread(ratio_of(mine.p50_us, reference))});
        if (!mine.problem.empty()) {
            std::printf("%s failed: %s\n", name.c_str(), mine.problem.c_str());
        }
    }
    table.print();
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    CommandLine command_line(
        "Round trips of 64 bytes within a process: two threads with an executor each, once on the\n"
        "same processor, once on one each; 1,000 round trips of warm-up. The yardstick is two\n"
        "io_contexts that post to each other.",
        run);
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, "two threads, same and split", exclusive);

    std::vector<MakePeer> peers = all_peers();
    std::erase_if(peers, [&](const MakePeer& make) { return !run.wants(make().name); });
    PingPongTask task;
    task.seconds = run.seconds;
    Targets targets;
    for (const Placement placement : {Placement::same, Placement::split}) {
        std::map<std::string, Series> series;
        interleave(run.rounds, peers.size(), [&](unsigned, std::size_t index) {
            const PingPongPeer peer = peers[index]();
            const PingPongResult result = measure_ping_pong(peer, task, placement, Sides::threads);
            const bool good = result.problem.empty();
            Series& mine = series[peer.name];
            mine.p50_us.push_back(good ? result.p50_us : std::nan(""));
            mine.p99_us.push_back(good ? result.p99_us : std::nan(""));
            mine.cpu_us_per_trip.push_back(good ? result.cpu_us_per_trip : std::nan(""));
            if (!good) {
                mine.problem = result.problem;
            }
        });
        const auto& reference = series["asio-post"].p50_us;
        print_placement(placement, series, reference);
        targets.at_most(std::string("p50, processors ") + name_of(placement) +
                            ", of two contexts that post to each other",
                        ratio_of(series["braid"].p50_us, reference), 1.2);
    }
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
