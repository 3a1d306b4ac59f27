#include "counting/allocation_count.hpp"
#include "counting/system_call_count.hpp"
#include "harness/command_line.hpp"
#include "harness/one_way.hpp"
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

struct Counts {
    AllocationCount allocations;
    SystemCallCount system_calls;
    std::uint64_t messages = 0;

    static Counts now(std::uint64_t messages) noexcept {
        return {allocations_so_far(), system_calls_so_far(), messages};
    }
};

/// What one process counted. It lies in memory that the parent sees too.
struct Side {
    Counts start;
    Counts warm;
    Counts end;
    Counts exit;

    void note(Moment moment, std::uint64_t messages) {
        (moment == Moment::warm ? warm : end) = Counts::now(messages);
    }
    double messages() const {
        return end.messages > warm.messages ? static_cast<double>(end.messages - warm.messages)
                                            : std::nan("");
    }
    double allocations_per_message() const {
        return static_cast<double>(end.allocations.allocations - warm.allocations.allocations) /
               messages();
    }
    double system_calls_per_message() const {
        return static_cast<double>((end.system_calls - warm.system_calls).total()) / messages();
    }
};

struct Board {
    Side sender;
    Side receiver;
};

struct Series {
    std::vector<double> sender_allocations;
    std::vector<double> receiver_allocations;
    std::vector<double> allocations;
    std::vector<double> sender_system_calls;
    std::vector<double> receiver_system_calls;
    std::vector<double> system_calls;
    Board last;
    std::string problem;

    void add(const Board& board) {
        last = board;
        sender_allocations.push_back(board.sender.allocations_per_message());
        receiver_allocations.push_back(board.receiver.allocations_per_message());
        allocations.push_back(sender_allocations.back() + receiver_allocations.back());
        sender_system_calls.push_back(board.sender.system_calls_per_message());
        receiver_system_calls.push_back(board.receiver.system_calls_per_message());
        system_calls.push_back(sender_system_calls.back() + receiver_system_calls.back());
    }
};

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

void measure(const OneWayPeer& peer, OneWayTask task, Placement placement, Series& series) {
    SharedBoard<Board> board;
    task.sender_observer = [&](Moment moment, std::uint64_t messages) {
        board->sender.note(moment, messages);
    };
    task.receiver_observer = [&](Moment moment, std::uint64_t messages) {
        board->receiver.note(moment, messages);
    };
    OneWayPeer counted{peer.name,
                       [&](OneWayReceiver& receiver) {
                           board->receiver.start = Counts::now(0);
                           peer.receive(receiver);
                           board->receiver.exit = Counts::now(0);
                       },
                       [&](OneWaySender& sender) {
                           board->sender.start = Counts::now(0);
                           peer.send(sender);
                           board->sender.exit = Counts::now(0);
                       }};
    const OneWayResult result = measure_one_way(counted, task, placement);
    if (result.problem.empty()) {
        series.add(*board);
    } else {
        series.problem = result.problem;
    }
}

/// The last round of a peer, call by call. `whole` is from the start of the process to its end, the
/// figures that `strace -c -f` should show as well.
void print_calls(const std::string& peer, const Board& board) {
    Table table({peer + ", last round", "sender", "per message", "whole", "receiver", "per message",
                 "whole"});
    const auto cells = [](const Side& side, SystemCall call, std::vector<std::string>& row) {
        const auto steady =
            static_cast<double>(side.end.system_calls[call] - side.warm.system_calls[call]);
        const auto whole = side.exit.system_calls[call] - side.start.system_calls[call];
        row.push_back(short_number(steady));
        row.push_back(short_number(steady / side.messages()));
        row.push_back(std::to_string(whole));
        return whole != 0;
    };
    for (std::size_t kind = 0; kind < static_cast<std::size_t>(SystemCall::count); ++kind) {
        const auto call = static_cast<SystemCall>(kind);
        std::vector<std::string> row{name_of(call)};
        const bool sent = cells(board.sender, call, row);
        const bool received = cells(board.receiver, call, row);
        if (sent || received) {
            table.row(std::move(row));
        }
    }
    const auto allocations = [](const Side& side, std::vector<std::string>& row) {
        const auto steady = static_cast<double>(side.end.allocations.allocations -
                                                side.warm.allocations.allocations);
        row.push_back(short_number(steady));
        row.push_back(short_number(steady / side.messages()));
        row.push_back(
            std::to_string(side.exit.allocations.allocations - side.start.allocations.allocations));
    };
    std::vector<std::string> row{"(heap allocations)"};
    allocations(board.sender, row);
    allocations(board.receiver, row);
    table.row(std::move(row));
    table.print();
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    run.rounds = 3;
    run.seconds = 1;
    double warm_up_seconds = 0.4;
    unsigned message_bytes = 64;
    bool by_call = false;
    CommandLine command_line(
        "Heap allocations and system calls per message of a one-way stream once it is warm: two\n"
        "processes, TCP loopback, malloc, operator new and the system calls' wrappers replaced by\n"
        "counting ones. To check the counting, compare --by-call with\n"
        "strace -c -f steady_state --rounds 1 --peers NAME --by-call",
        run);
    command_line.number("warm-up", warm_up_seconds, "seconds before the counting starts");
    command_line.number("bytes", message_bytes, "message bytes, 8 at least");
    command_line.flag("by-call", by_call, "list the system calls of the last round by name");
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    if (message_bytes < sizeof(std::uint64_t)) {
        std::fprintf(stderr, "a message needs at least 8 bytes\n");
        return 2;
    }
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    print_conditions(run.rounds, run.seconds, name_of(Placement::split), exclusive);

    OneWayTask task;
    task.message_bytes = message_bytes;
    task.seconds = run.seconds + warm_up_seconds;
    task.warm_up_seconds = warm_up_seconds;
    std::vector<OneWayPeer> peers = all_peers();
    std::erase_if(peers, [&](const OneWayPeer& peer) { return !run.wants(peer.name); });
    std::map<std::string, Series> series;
    interleave(run.rounds, peers.size(), [&](unsigned, std::size_t peer) {
        measure(peers[peer], task, Placement::split, series[peers[peer].name]);
    });

    Table table({std::to_string(message_bytes) + " B, per message", "allocations: sender",
                 "receiver", "system calls: sender", "receiver"});
    for (const OneWayPeer& peer : peers) {
        const Series& mine = series[peer.name];
        table.row({peer.name, short_spread(spread_of(mine.sender_allocations)),
                   short_spread(spread_of(mine.receiver_allocations)),
                   short_spread(spread_of(mine.sender_system_calls)),
                   short_spread(spread_of(mine.receiver_system_calls))});
    }
    table.print();
    for (const OneWayPeer& peer : peers) {
        const Series& mine = series[peer.name];
        if (!mine.problem.empty()) {
            std::printf("%s failed: %s\n\n", peer.name.c_str(), mine.problem.c_str());
        } else if (by_call) {
            print_calls(peer.name, mine.last);
        }
    }
    Targets targets;
    targets.at_most("heap allocations per message, both sides together",
                    spread_of(series["braid"].allocations), 0.001);
    targets.at_most("system calls per message, both sides together",
                    spread_of(series["braid"].system_calls), 0.05);
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
