#include "harness/command_line.hpp"
#include "harness/one_way.hpp"
#include "harness/report.hpp"
#include "peers/control_asio.hpp"
#include "peers/control_tcp.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>
#ifdef BRAID_BENCH_ZEROMQ
#include "peers/control_zeromq.hpp"
#endif
#include "peers/braid_tcp.hpp"

namespace {

using namespace bench;

/// What one peer did with one message size, a value a round; NaN where a round failed.
struct Series {
    std::vector<double> messages_per_second;
    std::vector<double> bytes_per_second;
    std::vector<double> cpu_ns_per_message;
    std::string problem;

    void add(const OneWayResult& result) {
        const bool good = result.problem.empty();
        messages_per_second.push_back(good ? result.messages_per_second : std::nan(""));
        bytes_per_second.push_back(good ? result.bytes_per_second : std::nan(""));
        cpu_ns_per_message.push_back(good ? result.cpu_ns_per_message : std::nan(""));
        if (!good) {
            problem = result.problem;
        }
    }
};

using SeriesByPeer = std::map<std::string, Series>;

const std::string control = "raw-tcp";

std::vector<OneWayPeer> all_peers() {
    std::vector<OneWayPeer> peers;
    peers.push_back(tcp_one_way());
    peers.push_back(braid_one_way());
#ifdef BRAID_BENCH_ZEROMQ
    peers.push_back(zeromq_one_way());
#endif
    peers.push_back(asio_one_way());
    return peers;
}

void print_size(std::size_t message_bytes, const std::vector<OneWayPeer>& peers,
                SeriesByPeer& series) {
    const Series& reference = series[control];
    Table table({std::to_string(message_bytes) + " B", "messages/s", "MB/s", "CPU ns/message",
                 "rate / control", "CPU / control"});
    for (const OneWayPeer& peer : peers) {
        const Series& mine = series[peer.name];
        std::vector<double> megabytes = mine.bytes_per_second;
        for (double& value : megabytes) {
            value /= 1e6;
        }
        table.row({peer.name, short_spread(spread_of(mine.messages_per_second)),
                   short_spread(spread_of(megabytes)),
                   short_spread(spread_of(mine.cpu_ns_per_message)),
                   short_spread(ratio_of(mine.messages_per_second, reference.messages_per_second)),
                   short_spread(ratio_of(mine.cpu_ns_per_message, reference.cpu_ns_per_message))});
    }
    table.print();
    for (const OneWayPeer& peer : peers) {
        if (!series[peer.name].problem.empty()) {
            std::printf("%s failed: %s\n\n", peer.name.c_str(), series[peer.name].problem.c_str());
        }
    }
    std::fflush(stdout);
}

void judge_size(std::size_t message_bytes, SeriesByPeer& series, Targets& targets) {
    const Series& braid = series["braid"];
    const Series& reference = series[control];
    const std::string size = std::to_string(message_bytes) + " B ";
    const Spread rate = ratio_of(braid.messages_per_second, reference.messages_per_second);
    if (message_bytes == 64) {
        targets.at_least(size + "messages/s, of the control's", rate, 0.35);
        targets.at_most(size + "CPU per message, of the control's",
                        ratio_of(braid.cpu_ns_per_message, reference.cpu_ns_per_message), 3);
        targets.at_least(size + "messages/s, of ZeroMQ's",
                         ratio_of(braid.messages_per_second, series["zeromq"].messages_per_second),
                         3);
    } else {
        // With one message size, messages/s and bytes/s have the same ratio.
        targets.at_least(size + "bytes/s, of the control's", rate, 0.6);
    }
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    std::string sizes = "64,1024,65536,1048576";
    std::string placement_name = "split";
    CommandLine command_line(
        "One-way throughput over TCP loopback: two processes of one application thread each, one\n"
        "connection, messages checked for order by the receiver.",
        run);
    command_line.text("sizes", sizes, "message bytes, comma-separated");
    command_line.text("placement", placement_name,
                      "processors of the two processes: split, same or anywhere");
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    const Placement placement = placement_name == "same"    ? Placement::same
                                : placement_name == "split" ? Placement::split
                                                            : Placement::anywhere;
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, name_of(placement), exclusive);

    std::vector<OneWayPeer> peers = all_peers();
    std::erase_if(peers, [&](const OneWayPeer& peer) { return !run.wants(peer.name); });
    Targets targets;
    for (const std::string& size : split_at_commas(sizes)) {
        OneWayTask task;
        task.message_bytes = std::strtoull(size.c_str(), nullptr, 10);
        task.seconds = run.seconds;
        if (task.message_bytes < sizeof(std::uint64_t)) {
            std::fprintf(stderr, "a message needs at least 8 bytes\n");
            return 2;
        }
        SeriesByPeer series;
        interleave(run.rounds, peers.size(), [&](unsigned, std::size_t peer) {
            series[peers[peer].name].add(measure_one_way(peers[peer], task, placement));
        });
        print_size(task.message_bytes, peers, series);
        judge_size(task.message_bytes, series, targets);
    }
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
