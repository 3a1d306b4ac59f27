#include "harness/command_line.hpp"
#include "harness/one_way.hpp"
#include "harness/report.hpp"
#include "peers/braid_tcp.hpp"
#include "peers/control_memory.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace bench;

struct Series {
    std::vector<double> messages_per_second;
    std::vector<double> cpu_ns_per_message;
    std::string problem;
};

/// A peer is made anew for each round: what its two threads share is used up by one.
using MakePeer = std::function<OneWayPeer()>;

/// From here on braid passes messages by reference.
constexpr std::size_t large_bytes_min = 16 * 1024;

std::vector<MakePeer> all_peers(std::size_t message_bytes) {
    std::vector<MakePeer> peers{channel_one_way, braid_one_way_within};
    if (message_bytes >= large_bytes_min) peers.emplace_back(braid_kept_within);
#ifdef BRAID_BENCH_ZEROMQ
    peers.emplace_back(zeromq_one_way_within);
#endif
    return peers;
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    std::string sizes = "64,1024,65536,1048576";
    CommandLine command_line(
        "One-way throughput within a process: two threads with an executor and a processor each;\n"
        "messages are checked for order by the receiver. Small ones are structs (braid) or\n"
        "std::string (channel); braid-kept sends\n"
        "messages that exist already, by reference.",
        run);
    command_line.text("sizes", sizes, "message bytes, comma-separated");
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, "two threads, split", exclusive);

    Targets targets;
    for (const std::string& size : split_at_commas(sizes)) {
        OneWayTask task;
        task.message_bytes = std::strtoull(size.c_str(), nullptr, 10);
        task.seconds = run.seconds;
        std::vector<MakePeer> peers = all_peers(task.message_bytes);
        std::erase_if(peers, [&](const MakePeer& make) { return !run.wants(make().name); });
        std::map<std::string, Series> series;
        interleave(run.rounds, peers.size(), [&](unsigned, std::size_t index) {
            const OneWayPeer peer = peers[index]();
            const OneWayResult result =
                measure_one_way(peer, task, Placement::split, Sides::threads);
            const bool good = result.problem.empty();
            Series& mine = series[peer.name];
            mine.messages_per_second.push_back(good ? result.messages_per_second : std::nan(""));
            mine.cpu_ns_per_message.push_back(good ? result.cpu_ns_per_message : std::nan(""));
            if (!good) {
                mine.problem = result.problem;
            }
        });
        Table table({size + " B", "messages/s", "MB/s", "CPU ns/message", "rate / channel"});
        const auto& reference = series["channel"].messages_per_second;
        for (const auto& [name, mine] : series) {
            std::vector<double> megabytes = mine.messages_per_second;
            for (double& value : megabytes) {
                value *= static_cast<double>(task.message_bytes) / 1e6;
            }
            table.row({name, short_spread(spread_of(mine.messages_per_second)),
                       short_spread(spread_of(megabytes)),
                       short_spread(spread_of(mine.cpu_ns_per_message)),
                       short_spread(ratio_of(mine.messages_per_second, reference))});
            if (!mine.problem.empty()) {
                std::printf("%s failed: %s\n", name.c_str(), mine.problem.c_str());
            }
        }
        table.print();
        if (task.message_bytes != 64) {
            continue;
        }
        const auto& braid = series["braid"].messages_per_second;
        targets.at_least("64 B messages/s, of concurrent_channel's", ratio_of(braid, reference), 5);
        targets.at_least("64 B messages/s, of ZeroMQ inproc's",
                         ratio_of(braid, series["zeromq"].messages_per_second), 2);
    }
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
