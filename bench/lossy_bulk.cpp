#include "harness/command_line.hpp"
#include "harness/mixed_series.hpp"
#include "harness/report.hpp"
#include "peers/mixed_peers.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace bench;
using namespace std::chrono_literals;

struct Promise {
    double loss_percent;
    double megabytes_per_second;
};
constexpr Promise promises[] = {{0, 11.2}, {1, 10.8}, {5, 10.0}, {10, 9.0}};

SideBySide workload(double loss_percent, const RunOptions& run) {
    SideBySide what;
    net::LinkShape shape;
    shape.bits_per_second = 100e6;
    shape.delay = 25ms;
    shape.queue_time(50ms);
    shape.loss = loss_percent / 100;
    what.link.outbound = shape;
    what.link.inbound = shape;
    what.task.bulk_bytes = 16 << 10;
    // Three times what link and queue hold.
    what.task.bulk_ahead_bytes = 4 << 20;
    what.task.warm_up_seconds = 0;
    what.task.seconds = run.seconds;
    what.seeds = run.rounds;
    return what;
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    run.seconds = 6;
    std::string losses = "0,1,5,10";
    unsigned links_at_once = 2;
    CommandLine command_line(
        "Reliable messages of 16 KiB as fast as they go, from the first one on, over an emulated\n"
        "link of 100 Mbit/s, 25 ms each way, with a queue of 50 ms and loss each way; MB/s at the\n"
        "receiver. A round is a seed.",
        run);
    command_line.text("losses", losses, "in percent, comma-separated");
    command_line.number("links", links_at_once, "at the same time; 0: one for each peer");
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    if (!links_available()) return 1;
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, name_of(Placement::anywhere), exclusive);

    std::vector<MixedPeer> peers = mixed_peers();
    std::erase_if(peers, [&](const MixedPeer& peer) { return !run.wants(peer.name); });
    Targets targets;
    for (const std::string& loss : split_at_commas(losses)) {
        const double percent = std::strtod(loss.c_str(), nullptr);
        SideBySide what = workload(percent, run);
        what.links_at_once = links_at_once;
        const auto series = measure_side_by_side(peers, what);
        Table table({short_number(percent) + " % loss", "MB/s", "CPU s"});
        for (std::size_t index = 0; index < peers.size(); ++index) {
            const MixedSeries& mine = series[index];
            const Spread bulk = spread_of(mine.bulk_megabytes_per_second());
            table.row(
                {peers[index].name, short_spread(bulk), short_spread(spread_of(mine.cpu_seconds))});
            if (!mine.problem.empty()) {
                std::printf("%s failed: %s\n", peers[index].name.c_str(), mine.problem.c_str());
            }
            if (peers[index].name != "braid-udp") continue;
            for (const Promise& promise : promises) {
                if (promise.loss_percent != percent) continue;
                targets.at_least(short_number(percent) + " % loss: MB/s", bulk,
                                 promise.megabytes_per_second);
            }
        }
        table.print();
        std::fflush(stdout);
    }
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
