#include "harness/command_line.hpp"
#include "harness/idle_crowd.hpp"
#include "harness/report.hpp"
#include "peers/asio_idle.hpp"
#include "peers/braid_idle.hpp"

#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace bench;

struct SideSeries {
    std::vector<double> heap_bytes;
    std::vector<double> resident_bytes;
    std::vector<double> wake_ups;
    std::vector<double> context_switches;
    std::vector<double> system_calls;
    std::vector<double> cpu_ms;

    void add(const IdleCounts& counts) {
        heap_bytes.push_back(counts.heap_bytes_per_participant);
        resident_bytes.push_back(counts.resident_bytes_per_participant);
        wake_ups.push_back(static_cast<double>(counts.wake_ups));
        context_switches.push_back(static_cast<double>(counts.context_switches));
        system_calls.push_back(static_cast<double>(counts.system_calls));
        cpu_ms.push_back(counts.cpu_ms);
    }
};

struct Series {
    SideSeries listening;
    SideSeries dialling;
    std::vector<double> connect_seconds;
    std::string problem;

    void add(const IdleResult& result) {
        if (!result.problem.empty()) {
            problem = result.problem;
            return;
        }
        listening.add(result.listening);
        dialling.add(result.dialling);
        connect_seconds.push_back(result.connect_seconds);
    }
};

void add_row(Table& table, const std::string& name, const SideSeries& side,
             const std::vector<double>& connect_seconds) {
    table.row({name, short_spread(spread_of(side.heap_bytes)),
               short_spread(spread_of(side.resident_bytes)), short_spread(spread_of(side.wake_ups)),
               short_spread(spread_of(side.context_switches)),
               short_spread(spread_of(side.system_calls)), short_spread(spread_of(side.cpu_ms)),
               short_spread(spread_of(connect_seconds))});
}

void judge(const std::string& which, const SideSeries& side, Targets& targets) {
    targets.at_most(which + ", epoll_wait returns while idle", spread_of(side.wake_ups), 0);
    targets.at_most(which + ", context switches while idle", spread_of(side.context_switches), 0);
    targets.at_most(which + ", heap bytes per participant", spread_of(side.heap_bytes), 8 * 1024);
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    run.rounds = 3;
    run.seconds = 5;
    IdleTask task;
    CommandLine command_line(
        "What participants that say nothing cost: so many dial one listener in another process,\n"
        "then both are watched between two keep-alives.",
        run);
    command_line.number("count", task.participants, "participants");
    command_line.number("settle", task.settle_seconds, "seconds to wait before looking");
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    task.seconds = run.seconds;
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, name_of(Placement::anywhere), exclusive);

    std::vector<IdlePeer> peers;
    for (const std::string scheme : {"tcp", "udp"}) peers.push_back(braid_idle(scheme));
    peers.push_back(asio_idle());
    std::erase_if(peers, [&](const IdlePeer& peer) { return !run.wants(peer.name); });
    std::map<std::string, Series> series;
    interleave(run.rounds, peers.size(), [&](unsigned, std::size_t peer) {
        series[peers[peer].name].add(measure_idle(peers[peer], task));
    });

    Table table({std::to_string(task.participants) + " idle", "heap B each", "resident B each",
                 "wake-ups", "context switches", "system calls", "CPU ms", "connect all s"});
    for (const IdlePeer& peer : peers) {
        const Series& mine = series[peer.name];
        add_row(table, peer.name + ", listening", mine.listening, mine.connect_seconds);
        add_row(table, peer.name + ", dialling", mine.dialling, mine.connect_seconds);
    }
    table.print();
    for (const IdlePeer& peer : peers) {
        if (!series[peer.name].problem.empty()) {
            std::printf("%s failed: %s\n\n", peer.name.c_str(), series[peer.name].problem.c_str());
        }
    }
    Targets targets;
    for (const std::string scheme : {"tcp", "udp"}) {
        const auto& braid = series["braid-" + scheme];
        judge(scheme + ", listening side", braid.listening, targets);
        judge(scheme + ", dialling side", braid.dialling, targets);
    }
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
