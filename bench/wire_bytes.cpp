#include "harness/command_line.hpp"
#include "harness/mixed.hpp"
#include "harness/report.hpp"
#include "peers/mixed_peers.hpp"

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace bench;
using namespace std::chrono_literals;

constexpr std::size_t message_bytes = 64;
constexpr double per_second = 100;

struct Kind {
    const char* name;
    MixedTask task;
};

/// @param bulk the link is full of them, else each goes alone
Kind kind(const char* name, bool bulk, bool reliable, double seconds) {
    Kind result{name, {}};
    result.task.bulk_bytes = bulk ? message_bytes : 0;
    if (!bulk) result.task.flows[0] = {"single", per_second, message_bytes, reliable};
    result.task.warm_up_seconds = 0;
    result.task.seconds = seconds;
    return result;
}

net::LinkOptions link_of_2_megabits() {
    net::LinkShape shape;
    shape.bits_per_second = 2e6;
    shape.delay = 10ms;
    // Room for ENet's whole window, which it sends without asking what fits.
    shape.queue_time(500ms);
    net::LinkOptions options;
    options.outbound = shape;
    options.inbound = shape;
    return options;
}

double messages_of(const MixedResult& result, const MixedTask& task) {
    return task.bulk_bytes != 0 ? result.bulk_bytes_per_second * task.seconds / message_bytes
                                : static_cast<double>(result.latencies_us[0].size());
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    run.rounds = 3;
    run.seconds = 10;
    CommandLine command_line(
        "Bytes of IP packets in both directions, with connecting and acknowledging, for each\n"
        "message of 64 B: alone, 100 a second, and when the link (2 Mbit/s, 20 ms round trip) is\n"
        "full of them.",
        run);
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    if (!links_available()) return 1;
    print_conditions(run.rounds, run.seconds, name_of(Placement::anywhere), false);

    std::vector<MixedPeer> peers = mixed_peers();
    std::erase_if(peers, [&](const MixedPeer& peer) { return !run.wants(peer.name); });
    const Kind kinds[] = {kind("unreliable, alone", false, false, run.seconds),
                          kind("reliable, alone", false, true, run.seconds),
                          kind("reliable, link full", true, true, run.seconds)};
    Table table({"bytes a message of 64 B", kinds[0].name, kinds[1].name, kinds[2].name});
    for (const MixedPeer& peer : peers) {
        std::vector<std::string> row{peer.name};
        for (const Kind& each : kinds) {
            std::vector<double> bytes;
            for (unsigned round = 0; round < run.rounds; ++round) {
                const MixedRun result =
                    measure_mixed({link_of_2_megabits()}, {{&peer, each.task, 0}});
                const MixedResult& one = result.results[0];
                if (!one.problem.empty()) {
                    std::printf("%s failed: %s\n", peer.name.c_str(), one.problem.c_str());
                    continue;
                }
                bytes.push_back(static_cast<double>(result.link_bytes[0]) /
                                messages_of(one, each.task));
            }
            row.push_back(short_spread(spread_of(bytes)));
        }
        table.row(std::move(row));
    }
    table.print();
    return 0;
}
