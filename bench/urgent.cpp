#include "harness/command_line.hpp"
#include "harness/mixed_series.hpp"
#include "harness/report.hpp"
#include "peers/mixed_peers.hpp"

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace bench;
using namespace std::chrono_literals;

constexpr std::size_t urgent = 0;
constexpr double mebibyte = 1 << 20;

SideBySide workload(const RunOptions& run) {
    SideBySide what;
    net::LinkShape shape;
    shape.bits_per_second = 10e6;
    shape.delay = 20ms;
    shape.queue_time(100ms);
    what.link.outbound = shape;
    what.link.inbound = shape;
    // The next one is given when less than this is unconfirmed: two at most, and one at least.
    what.task.bulk_bytes = static_cast<std::size_t>(mebibyte);
    what.task.bulk_ahead_bytes = static_cast<std::size_t>(1.5 * mebibyte);
    what.task.flows[urgent] = {"urgent", 20, 64, true};
    what.task.warm_up_seconds = 1;
    what.task.seconds = run.seconds;
    what.seeds = run.rounds;
    return what;
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    run.seconds = 9;
    CommandLine command_line(
        "Urgent messages before a large transfer: 64 B, reliable, every 50 ms, beside messages of\n"
        "1 MiB of which two at most are given ahead, over an emulated link of 10 Mbit/s, 20 ms "
        "each\n"
        "way, with a queue of 100 ms. Latency counts from when a message is due, after the first\n"
        "second. All peers run at once, each on its own link.",
        run);
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    if (!links_available()) return 1;
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, name_of(Placement::anywhere), exclusive);

    std::vector<MixedPeer> peers = mixed_peers();
    std::erase_if(peers, [&](const MixedPeer& peer) { return !run.wants(peer.name); });
    const auto series = measure_side_by_side(peers, workload(run));
    Table table({"", "urgent p50 ms", "p99 ms", "messages", "bulk MB/s"});
    Targets targets;
    for (std::size_t index = 0; index < peers.size(); ++index) {
        const MixedSeries& mine = series[index];
        const Spread p50 = spread_of(mine.p50_ms[urgent]);
        const Spread p99 = spread_of(mine.p99_ms[urgent]);
        const Spread bulk = spread_of(mine.bulk_megabytes_per_second());
        table.row({peers[index].name, short_spread(p50), short_spread(p99),
                   std::to_string(mine.messages[urgent]), short_spread(bulk)});
        if (!mine.problem.empty()) {
            std::printf("%s failed: %s\n", peers[index].name.c_str(), mine.problem.c_str());
        }
        if (peers[index].name != "braid-udp") continue;
        targets.at_most("urgent p50 ms", p50, 23);
        targets.at_most("urgent p99 ms", p99, 28);
        targets.at_least("bulk MB/s", bulk, 1.1);
    }
    table.print();
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
