#include "counting/system_call_count.hpp"
#include "harness/command_line.hpp"
#include "harness/one_way.hpp"
#include "harness/report.hpp"
#include "peers/braid_tcp.hpp"
#include "peers/control_udp.hpp"
#ifdef BRAID_BENCH_ENET
#include "peers/enet.hpp"
#endif

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace bench;

struct Calls {
    std::uint64_t warm = 0;
    std::uint64_t end = 0;
    std::uint64_t messages_warm = 0;
    std::uint64_t messages_end = 0;

    void note(Moment moment, std::uint64_t messages) {
        const std::uint64_t calls = system_calls_so_far().total();
        (moment == Moment::warm ? warm : end) = calls;
        (moment == Moment::warm ? messages_warm : messages_end) = messages;
    }
    double per_message() const {
        return messages_end > messages_warm ? static_cast<double>(end - warm) /
                                                  static_cast<double>(messages_end - messages_warm)
                                            : std::nan("");
    }
};

struct Series {
    std::vector<double> messages_per_second;
    std::vector<double> megabytes_per_second;
    std::vector<double> cpu_ns_per_message;
    std::vector<double> cpu_us_per_packet;
    std::vector<double> sender_calls;
    std::vector<double> receiver_calls;
    std::string problem;
};
using SeriesByPeer = std::map<std::string, Series>;

const std::string control = "sendmmsg";

std::vector<OneWayPeer> all_peers() {
    std::vector<OneWayPeer> peers{udp_one_way(), braid_one_way_udp()};
#ifdef BRAID_BENCH_ENET
    peers.push_back(enet_one_way());
    peers.push_back(enet_one_way("enet-4MiB", 4 << 20));
#endif
    return peers;
}

void measure(const OneWayPeer& peer, OneWayTask task, Placement placement, Series& series) {
    SharedBoard<std::array<Calls, 2>> calls;
    task.sender_observer = [&](Moment moment, std::uint64_t messages) {
        (*calls)[0].note(moment, messages);
    };
    task.receiver_observer = [&](Moment moment, std::uint64_t messages) {
        (*calls)[1].note(moment, messages);
    };
    const OneWayResult result = measure_one_way(peer, task, placement);
    const bool good = result.problem.empty();
    if (!good) series.problem = result.problem;
    const auto value = [&](double measured) { return good ? measured : std::nan(""); };
    series.messages_per_second.push_back(value(result.messages_per_second));
    series.megabytes_per_second.push_back(value(result.bytes_per_second / 1e6));
    series.cpu_ns_per_message.push_back(value(result.cpu_ns_per_message));
    const double per_packet =
        static_cast<double>(result.messages) / static_cast<double>(result.packets);
    series.cpu_us_per_packet.push_back(
        value(result.packets == 0 ? std::nan("") : result.cpu_ns_per_message * per_packet / 1e3));
    series.sender_calls.push_back(value((*calls)[0].per_message()));
    series.receiver_calls.push_back(value((*calls)[1].per_message()));
}

void print_size(std::size_t message_bytes, const std::vector<OneWayPeer>& peers,
                SeriesByPeer& series) {
    Table table({std::to_string(message_bytes) + " B", "messages/s", "MB/s", "CPU ns/message",
                 "CPU us/packet", "calls/message: sender", "receiver", "rate / " + control});
    for (const OneWayPeer& peer : peers) {
        const Series& mine = series[peer.name];
        table.row({peer.name, short_spread(spread_of(mine.messages_per_second)),
                   short_spread(spread_of(mine.megabytes_per_second)),
                   short_spread(spread_of(mine.cpu_ns_per_message)),
                   short_spread(spread_of(mine.cpu_us_per_packet)),
                   short_spread(spread_of(mine.sender_calls)),
                   short_spread(spread_of(mine.receiver_calls)),
                   short_spread(
                       ratio_of(mine.messages_per_second, series[control].messages_per_second))});
    }
    table.print();
    for (const OneWayPeer& peer : peers) {
        if (series[peer.name].problem.empty()) continue;
        std::printf("%s failed: %s\n\n", peer.name.c_str(), series[peer.name].problem.c_str());
    }
    std::fflush(stdout);
}

void judge(std::size_t message_bytes, SeriesByPeer& series, Targets& targets) {
    const auto& braid = series["braid-udp"].messages_per_second;
    const std::string size = std::to_string(message_bytes) + " B ";
    if (message_bytes == 64) {
        targets.at_least(size + "messages/s, of ENet's",
                         ratio_of(braid, series["enet"].messages_per_second), 5);
    }
    if (message_bytes == 1200) {
        targets.at_least(size + "messages/s, of the control's",
                         ratio_of(braid, series[control].messages_per_second), 1.5);
    }
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    run.seconds = 1.5;
    std::string sizes = "64,1200";
    std::string placement_name = "split";
    CommandLine command_line(
        "One-way throughput of guaranteed ordered messages over UDP loopback: two processes, one\n"
        "connection, checked for order by the receiver. The control sends a datagram for each\n"
        "message with sendmmsg. System calls are counted after the first third.",
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
        task.warm_up_seconds = run.seconds / 3;
        SeriesByPeer series;
        interleave(run.rounds, peers.size(), [&](unsigned, std::size_t peer) {
            measure(peers[peer], task, placement, series[peers[peer].name]);
        });
        print_size(task.message_bytes, peers, series);
        judge(task.message_bytes, series, targets);
    }
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
