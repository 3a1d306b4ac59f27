#include "harness/command_line.hpp"
#include "harness/one_way.hpp"
#include "harness/report.hpp"
#include "peers/braid_tcp.hpp"

#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace bench;

struct Series {
    std::vector<double> messages_per_second;
    std::vector<double> cpu_ns_per_message;
    std::string problem;

    void add(const OneWayResult& result) {
        const bool good = result.problem.empty();
        messages_per_second.push_back(good ? result.messages_per_second : std::nan(""));
        cpu_ns_per_message.push_back(good ? result.cpu_ns_per_message : std::nan(""));
        if (!good) problem = result.problem;
    }
};

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    unsigned streams = 10'000;
    CommandLine command_line(
        "What a message of 64 bytes costs when a participant has many streams: one stream alone, "
        "one that is\n"
        "busy among many that are open, and all of them busy. The sender goes round the busy ones.",
        run);
    command_line.number("streams", streams, "how many are many");
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, name_of(Placement::split), exclusive);

    OneWayTask task;
    task.seconds = run.seconds;
    const std::vector<OneWayPeer> peers{braid_streams("single", 1, 1),
                                        braid_streams("one-of-many", streams, 1),
                                        braid_streams("all-busy", streams, streams)};
    std::map<std::string, Series> series;
    interleave(run.rounds, peers.size(), [&](unsigned, std::size_t peer) {
        if (run.wants(peers[peer].name)) {
            series[peers[peer].name].add(measure_one_way(peers[peer], task, Placement::split));
        }
    });

    const Series& single = series["single"];
    const auto cost = [&](const std::string& name) {
        return ratio_of(series[name].cpu_ns_per_message, single.cpu_ns_per_message);
    };
    Table table({std::to_string(streams) + " streams", "messages/s", "CPU ns/message",
                 "CPU / single", "rate / single"});
    for (const OneWayPeer& peer : peers) {
        const Series& mine = series[peer.name];
        table.row({peer.name, short_spread(spread_of(mine.messages_per_second)),
                   short_spread(spread_of(mine.cpu_ns_per_message)), short_spread(cost(peer.name)),
                   short_spread(ratio_of(mine.messages_per_second, single.messages_per_second))});
    }
    table.print();
    for (const OneWayPeer& peer : peers) {
        if (!series[peer.name].problem.empty()) {
            std::printf("%s failed: %s\n\n", peer.name.c_str(), series[peer.name].problem.c_str());
        }
    }
    Targets targets;
    targets.at_most("CPU of one busy stream among many, of a single one's", cost("one-of-many"),
                    1.1);
    targets.at_most("CPU per message with all streams busy, of a single one's", cost("all-busy"),
                    4);
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
