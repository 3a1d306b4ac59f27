#include "harness/command_line.hpp"
#include "harness/mixed_series.hpp"
#include "harness/plot.hpp"
#include "harness/report.hpp"
#include "peers/mixed_peers.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace bench;
using namespace std::chrono_literals;

constexpr std::size_t game = 0;
constexpr std::size_t reliable = 1;
const std::string braid_name = "braid-udp";

/// What braid is to reach at a share of loss: the table.
struct Promise {
    double loss_percent;
    double megabits_per_second;
    double game_p99_ms;
    double reliable_p99_ms;
};
constexpr Promise promises[] = {
    {0, 18.6, 35, 38}, {1, 18.2, 38, 50}, {5, 17.0, 40, 60}, {10, 15.8, 45, 100}};

using SeriesByPeer = std::vector<MixedSeries>;

SideBySide workload(double loss_percent, const RunOptions& run) {
    SideBySide what;
    net::LinkShape shape;
    shape.bits_per_second = 20e6;
    shape.delay = 25ms;
    shape.queue_time(50ms);
    shape.loss = loss_percent / 100;
    what.link.outbound = shape;
    what.link.inbound = shape;
    what.task.bulk_bytes = 8'192;
    what.task.flows[game] = {"game", 60, 64, false};
    what.task.flows[reliable] = {"reliable", 10, 100, true};
    what.task.seconds = run.seconds;
    what.seeds = run.rounds;
    return what;
}

void print(double loss_percent, const std::vector<MixedPeer>& peers, const SeriesByPeer& series) {
    Table table({short_number(loss_percent) + " % loss", "bulk Mbit/s", "game p50 ms", "p99",
                 "delivered", "reliable p50 ms", "p99", "messages", "CPU s"});
    for (std::size_t index = 0; index < peers.size(); ++index) {
        const MixedSeries& mine = series[index];
        table.row(
            {peers[index].name, short_spread(spread_of(mine.bulk_megabits_per_second)),
             short_spread(spread_of(mine.p50_ms[game])), short_spread(spread_of(mine.p99_ms[game])),
             short_spread(spread_of(mine.delivered[game])),
             short_spread(spread_of(mine.p50_ms[reliable])),
             short_spread(spread_of(mine.p99_ms[reliable])),
             std::to_string(mine.messages[reliable]), short_spread(spread_of(mine.cpu_seconds))});
    }
    table.print();
    for (std::size_t index = 0; index < peers.size(); ++index) {
        if (series[index].problem.empty()) continue;
        std::printf("%s failed: %s\n\n", peers[index].name.c_str(), series[index].problem.c_str());
    }
    std::fflush(stdout);
}

void judge(double loss_percent, const MixedSeries& mine, Targets& targets) {
    for (const Promise& promise : promises) {
        if (promise.loss_percent != loss_percent) continue;
        const std::string where = short_number(loss_percent) + " % loss: ";
        targets.at_least(where + "bulk Mbit/s", spread_of(mine.bulk_megabits_per_second),
                         promise.megabits_per_second);
        targets.at_most(where + "game p99 ms", spread_of(mine.p99_ms[game]), promise.game_p99_ms);
        targets.at_most(where + "reliable p99 ms", spread_of(mine.p99_ms[reliable]),
                        promise.reliable_p99_ms);
    }
}

void plot(const std::string& path, const std::vector<MixedPeer>& peers,
          const std::map<double, SeriesByPeer>& series_by_loss) {
    const auto lines = [&](std::size_t flow, bool of_p99) {
        std::vector<Plot::Line> all;
        for (std::size_t index = 0; index < peers.size(); ++index) {
            Plot::Line line{peers[index].name, {}};
            for (const auto& [loss, series] : series_by_loss) {
                const auto& values = of_p99 ? series[index].p99_ms : series[index].p50_ms;
                const Spread spread = spread_of(values[flow]);
                if (spread.count != 0) line.points.emplace_back(loss, spread.median);
            }
            all.push_back(std::move(line));
        }
        return all;
    };
    Plot plot("loss each way, %", "ms");
    plot.panel("game messages, p99", lines(game, true));
    plot.panel("reliable messages, p50", lines(reliable, false));
    plot.panel("reliable messages, p99", lines(reliable, true));
    plot.write(path);
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    run.seconds = 25;
    std::string losses = "0,1,5,10";
    std::string svg;
    unsigned links_at_once = 0;
    CommandLine command_line(
        "A game on a bad link: 8 KiB reliable messages always waiting, beside 60 unreliable\n"
        "messages of 64 B and 10 reliable ordered ones of 100 B a second, one way over an "
        "emulated\n"
        "link of 20 Mbit/s and 50 ms round trip with a queue of 50 ms and loss each way. One-way\n"
        "latency counts from when a message is due. All peers run at once, each on its own link,\n"
        "with the same losses; a round is a seed.",
        run);
    command_line.text("losses", losses, "in percent, comma-separated");
    command_line.text("svg", svg, "file for a plot of latency against loss");
    command_line.number("links", links_at_once, "at the same time; 0: one for each peer");
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    if (!links_available()) return 1;
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, name_of(Placement::anywhere), exclusive);

    std::vector<MixedPeer> peers = mixed_peers();
    std::erase_if(peers, [&](const MixedPeer& peer) { return !run.wants(peer.name); });
    std::map<double, SeriesByPeer> series_by_loss;
    Targets targets;
    for (const std::string& loss : split_at_commas(losses)) {
        const double percent = std::strtod(loss.c_str(), nullptr);
        SideBySide what = workload(percent, run);
        what.links_at_once = links_at_once;
        SeriesByPeer& series = series_by_loss[percent];
        series = measure_side_by_side(peers, what);
        print(percent, peers, series);
        for (std::size_t index = 0; index < peers.size(); ++index) {
            if (peers[index].name == braid_name) judge(percent, series[index], targets);
        }
    }
    if (!svg.empty()) plot(svg, peers, series_by_loss);
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
