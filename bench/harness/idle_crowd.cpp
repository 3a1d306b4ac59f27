#include "harness/idle_crowd.hpp"

#include "counting/allocation_count.hpp"
#include "counting/system_call_count.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace bench {

namespace {

std::uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Voluntary and forced ones of every thread but the calling one.
std::uint64_t context_switches_of_others() {
    const std::string mine = std::to_string(::syscall(SYS_gettid));
    std::uint64_t sum = 0;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
        if (thread.path().filename() == mine) {
            continue;
        }
        std::ifstream status(thread.path() / "status");
        for (std::string line; std::getline(status, line);) {
            const auto found = line.find("ctxt_switches:");
            if (found != std::string::npos) {
                sum += std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10);
            }
        }
    }
    return sum;
}

std::int64_t nanoseconds(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }

}  // namespace

IdleSide::IdleSide(const IdleTask& task, IdleBoard& board, Role role)
    : task_(task), board_(board), role_(role) {}

void IdleSide::listening(std::uint16_t port) { board_.port = port; }

std::uint16_t IdleSide::port() const {
    wait_until([&] { return board_.port.load() != 0; }, 10, "the other side to listen");
    return static_cast<std::uint16_t>(board_.port.load());
}

void IdleSide::begin() {
    if (raise_open_files(task_.participants + 100) < task_.participants + 50) {
        throw std::runtime_error("too few open files allowed; use a smaller --count");
    }
    std::thread([this] { observe(); }).detach();
    heap_at_start_ = heap_bytes_in_use();
    resident_at_start_ = resident_bytes();
    start_ns_ = now_ns();
}

void IdleSide::established() { board_.established[role_].fetch_add(1); }

void IdleSide::observe() {
    try {
        measure();
        ::_exit(0);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "idle: %s (%u accepted, %u dialled)\n", error.what(),
                     board_.established[listening_side].load(),
                     board_.established[dialling_side].load());
        ::_exit(1);
    }
}

void IdleSide::measure() {
    const auto all_there = [&] {
        return std::all_of(
            board_.established.begin(), board_.established.end(),
            [&](const std::atomic<unsigned>& side) { return side >= task_.participants; });
    };
    wait_until(all_there, 110, "all connections");
    board_.connect_seconds = static_cast<double>(now_ns() - start_ns_) / 1e9;
    sleep_ns(nanoseconds(task_.settle_seconds));

    IdleCounts counts;
    const auto participants = static_cast<double>(task_.participants);
    counts.heap_bytes_per_participant =
        (static_cast<double>(heap_bytes_in_use()) - static_cast<double>(heap_at_start_)) /
        participants;
    counts.resident_bytes_per_participant =
        (static_cast<double>(resident_bytes()) - static_cast<double>(resident_at_start_)) /
        participants;

    const std::uint64_t switches = context_switches_of_others();
    const SystemCallCount calls = system_calls_so_far();
    const std::int64_t cpu = cpu_ns();
    // The observer's own sleep is a single call, which is taken off below.
    sleep_ns(nanoseconds(task_.seconds));
    counts.cpu_ms = static_cast<double>(cpu_ns() - cpu) / 1e6;
    const SystemCallCount made = system_calls_so_far() - calls;
    counts.context_switches = context_switches_of_others() - switches;
    counts.wake_ups = made[SystemCall::epoll_wait];
    counts.system_calls = made.total() - made[SystemCall::nanosleep];
    board_.counts[role_] = counts;

    // Ending earlier would wake the other side up.
    board_.measured[role_] = true;
    wait_until([&] { return board_.measured[0].load() && board_.measured[1].load(); }, 10,
               "the other side to finish");
}

IdleResult measure_idle(const IdlePeer& peer, const IdleTask& task) {
    SharedBoard<IdleBoard> board;
    IdleResult result;
    result.problem = run_two_processes(
        [&] {
            IdleSide side(task, *board, IdleSide::listening_side);
            peer.listen(side);
            throw std::runtime_error("the loop ended by itself");
        },
        [&] {
            IdleSide side(task, *board, IdleSide::dialling_side);
            peer.dial(side);
            throw std::runtime_error("the loop ended by itself");
        },
        Placement::anywhere, task.seconds + task.settle_seconds + 120);
    result.connect_seconds = board->connect_seconds;
    result.listening = board->counts[IdleSide::listening_side];
    result.dialling = board->counts[IdleSide::dialling_side];
    return result;
}

}  // namespace bench
