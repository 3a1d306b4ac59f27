#include "harness/command_line.hpp"
#include "harness/ping_pong.hpp"
#include "harness/report.hpp"
#include "peers/control_asio.hpp"
#include "peers/control_tcp.hpp"

#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>
#ifdef BRAID_BENCH_ZEROMQ
#include "peers/control_zeromq.hpp"
#endif
#include "peers/braid_tcp.hpp"

namespace {

using namespace bench;

struct Series {
    std::vector<double> p50_us;
    std::vector<double> p99_us;
    std::vector<double> p999_us;
    std::vector<double> cpu_us_per_trip;
    std::string problem;

    void add(const PingPongResult& result) {
        const bool good = result.problem.empty();
        p50_us.push_back(good ? result.p50_us : std::nan(""));
        p99_us.push_back(good ? result.p99_us : std::nan(""));
        p999_us.push_back(good ? result.p999_us : std::nan(""));
        cpu_us_per_trip.push_back(good ? result.cpu_us_per_trip : std::nan(""));
        if (!good) {
            problem = result.problem;
        }
    }
};

using SeriesByPeer = std::map<std::string, Series>;

const std::string control = "asio-echo";

std::vector<PingPongPeer> all_peers() {
    std::vector<PingPongPeer> peers;
    peers.push_back(tcp_ping_pong());
    peers.push_back(asio_ping_pong());
    peers.push_back(braid_ping_pong());
#ifdef BRAID_BENCH_ZEROMQ
    peers.push_back(zeromq_ping_pong());
#endif
    return peers;
}

void print_placement(Placement placement, const std::vector<PingPongPeer>& peers,
                     SeriesByPeer& series) {
    const Series& reference = series[control];
    Table table({std::string("processors: ") + name_of(placement), "p50 us", "p99 us", "p99.9 us",
                 "CPU us/trip", "p50 / asio-echo"});
    for (const PingPongPeer& peer : peers) {
        const Series& mine = series[peer.name];
        table.row({peer.name, short_spread(spread_of(mine.p50_us)),
                   short_spread(spread_of(mine.p99_us)), short_spread(spread_of(mine.p999_us)),
                   short_spread(spread_of(mine.cpu_us_per_trip)),
                   short_spread(ratio_of(mine.p50_us, reference.p50_us))});
    }
    table.print();
    for (const PingPongPeer& peer : peers) {
        if (!series[peer.name].problem.empty()) {
            std::printf("%s failed: %s\n\n", peer.name.c_str(), series[peer.name].problem.c_str());
        }
    }
    std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    CommandLine command_line(
        "Round trips of 64 bytes over TCP loopback: two processes of one thread each, once on the "
        "same\n"
        "processor, once on one each; 1,000 round trips of warm-up.",
        run);
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, "same and split", exclusive);

    std::vector<PingPongPeer> peers = all_peers();
    std::erase_if(peers, [&](const PingPongPeer& peer) { return !run.wants(peer.name); });
    PingPongTask task;
    task.seconds = run.seconds;
    Targets targets;
    for (const Placement placement : {Placement::same, Placement::split}) {
        SeriesByPeer series;
        interleave(run.rounds, peers.size(), [&](unsigned, std::size_t peer) {
            series[peers[peer].name].add(measure_ping_pong(peers[peer], task, placement));
        });
        print_placement(placement, peers, series);
        targets.at_most(
            std::string("p50, processors ") + name_of(placement) + ", of the asio coroutine echo's",
            ratio_of(series["braid"].p50_us, series[control].p50_us), 1.3);
    }
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
