#include "harness/command_line.hpp"
#include "harness/report.hpp"
#include "harness/two_processes.hpp"

#include <braid/braid.hpp>

#include <arpa/inet.h>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/use_awaitable.hpp>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace bench;
using asio::awaitable;
using asio::ip::tcp;

/// What both processes see.
struct Board {
    std::atomic<std::uint32_t> braid_port{0};
    std::atomic<std::uint32_t> raw_port{0};
    std::atomic<std::uint64_t> braid_messages{0};
    std::atomic<std::uint64_t> raw_bytes{0};
    std::atomic<bool> done{false};
    std::array<double, 64> braid_cpu_ns{};
    std::array<double, 64> braid_ns{};
    std::array<double, 64> raw_cpu_ns{};
    std::array<double, 64> raw_ns{};
};

struct Task {
    unsigned participants = 1'000;
    unsigned rounds = 20;
    std::size_t bytes = 200;
};

std::int64_t thread_cpu_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

braid::NetworkOptions quiet() { return braid::NetworkOptions{}.log_level(braid::LogLevel::off); }

/// The end that receives: braid Networks, and sockets that are read and thrown away.
class Receivers {
public:
    Receivers(const Task& task, Board& board) : task_{task}, board_{board} {}

    void run() {
        wait_until([&] { return board_.braid_port != 0 && board_.raw_port != 0; }, 30,
                   "a listener");
        asio::co_spawn(context_, connect(), asio::detached);
        while (!board_.done) context_.run_for(std::chrono::milliseconds{50});
        std::_Exit(0);
    }

private:
    awaitable<void> connect() {
        const auto address = "tcp://127.0.0.1:" + std::to_string(board_.braid_port);
        const tcp::endpoint raw{asio::ip::address_v4::loopback(),
                                static_cast<std::uint16_t>(board_.raw_port.load())};
        for (unsigned i = 0; i < task_.participants; ++i) {
            auto& network = networks_.emplace_back(context_.get_executor(), quiet());
            auto participant = co_await network.connect(address);
            participants_.push_back(std::move(participant));
            asio::co_spawn(context_, receive(participants_.back(), board_), asio::detached);
            auto& socket = sockets_.emplace_back(context_);
            co_await socket.async_connect(raw, asio::use_awaitable);
            asio::co_spawn(context_, read(socket, board_), asio::detached);
        }
    }

    static awaitable<void> receive(braid::Participant& participant, Board& board) {
        auto stream = co_await participant.opened();
        for (;;) {
            auto message = co_await stream.next<braid::Message>();
            if (!message) co_return;
            board.braid_messages.fetch_add(1, std::memory_order_relaxed);
        }
    }

    static awaitable<void> read(tcp::socket& socket, Board& board) {
        std::vector<std::byte> buffer(64u << 10);
        for (;;) {
            const auto bytes =
                co_await socket.async_read_some(asio::buffer(buffer), asio::use_awaitable);
            board.raw_bytes.fetch_add(bytes, std::memory_order_relaxed);
        }
    }

    const Task& task_;
    Board& board_;
    asio::io_context context_;
    std::deque<braid::Network> networks_;
    std::deque<braid::Participant> participants_;
    std::deque<tcp::socket> sockets_;
};

/// The end that is measured.
class Sender {
public:
    Sender(const Task& task, Board& board) : task_{task}, board_{board} {}

    void run() {
        asio::co_spawn(context_, accept(), asio::detached);
        while (streams_.size() < task_.participants || sockets_.size() < task_.participants) {
            context_.run_for(std::chrono::milliseconds{10});
        }
        const std::vector<std::byte> bytes(task_.bytes, std::byte{7});
        const auto message =
            braid::Message{std::span<const std::byte>{bytes}}.sealed(braid::Promises::reliable);
        // The first round warms up.
        for (unsigned round = 0; round <= task_.rounds; ++round) {
            const auto slot = round == 0 ? board_.braid_ns.size() - 1 : round - 1;
            send_braid(message, round + 1, slot);
            send_raw(bytes, round + 1, slot);
        }
        board_.done = true;
        std::_Exit(0);
    }

private:
    awaitable<void> accept() {
        auto& network = network_.emplace_back(context_.get_executor(), quiet());
        auto listener = co_await network.listen("tcp://127.0.0.1:0");
        tcp::acceptor acceptor{context_, {asio::ip::address_v4::loopback(), 0}};
        board_.raw_port = acceptor.local_endpoint().port();
        const auto address = to_string(listener.address());
        board_.braid_port =
            static_cast<unsigned>(std::stoul(address.substr(address.rfind(':') + 1)));
        for (unsigned i = 0; i < task_.participants; ++i) {
            auto participant = co_await network.connected();
            participants_.push_back(std::move(participant));
            auto stream = co_await participants_.back().open(4, braid::Promises::reliable);
            streams_.push_back(std::move(stream));
            auto socket = co_await acceptor.async_accept(asio::use_awaitable);
            socket.non_blocking(true);
            socket.set_option(tcp::no_delay{true});
            sockets_.push_back(std::move(socket));
        }
    }

    // Until all has been handed to the kernel, and then, unmeasured, until all has arrived.
    void send_braid(const braid::Message& message, unsigned round, std::size_t slot) {
        const auto start = now_ns();
        const auto cpu = thread_cpu_ns();
        {
            const braid::Cork cork;
            for (auto& stream : streams_) stream.send(message);
        }
        while (context_.poll() != 0) continue;
        board_.braid_cpu_ns[slot] = static_cast<double>(thread_cpu_ns() - cpu);
        board_.braid_ns[slot] = static_cast<double>(now_ns() - start);
        const auto wanted = std::uint64_t{round} * task_.participants;
        while (board_.braid_messages < wanted) context_.run_for(std::chrono::milliseconds{1});
        context_.run_for(std::chrono::milliseconds{60});  // what confirms it
    }

    void send_raw(const std::vector<std::byte>& bytes, unsigned round, std::size_t slot) {
        const auto start = now_ns();
        const auto cpu = thread_cpu_ns();
        std::vector<std::pair<int, std::size_t>> rest;
        for (auto& socket : sockets_) {
            const auto fd = socket.native_handle();
            const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            const auto left = bytes.size() - static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
            if (left > 0) rest.emplace_back(fd, left);
        }
        board_.raw_cpu_ns[slot] = static_cast<double>(thread_cpu_ns() - cpu);
        board_.raw_ns[slot] = static_cast<double>(now_ns() - start);
        while (!rest.empty()) {
            auto& [fd, left] = rest.back();
            const auto sent = ::send(fd, bytes.data(), left, MSG_NOSIGNAL);
            left -= static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
            if (left == 0) rest.pop_back();
        }
        const auto wanted = std::uint64_t{round} * task_.participants * bytes.size();
        wait_until([&] { return board_.raw_bytes >= wanted; }, 30, "the bytes to arrive");
    }

    const Task& task_;
    Board& board_;
    asio::io_context context_;
    std::deque<braid::Network> network_;
    std::deque<braid::Participant> participants_;
    std::vector<braid::Stream> streams_;
    std::deque<tcp::socket> sockets_;
};

void measure(const Task& task, Targets& targets) {
    const SharedBoard<Board> board;
    const auto problem = run_two_processes(
        [&] {
            Sender{task, *board}.run();
        },
        [&] {
            Receivers{task, *board}.run();
        },
        Placement::split, 120);
    const auto size = std::to_string(task.bytes) + " B ";
    if (!problem.empty() && !board->done) {
        std::printf("%s failed: %s\n", size.c_str(), problem.c_str());
        targets.not_measured(size + "to all participants");
        return;
    }
    const auto values = [&](const std::array<double, 64>& all) {
        return std::vector<double>(all.begin(), all.begin() + task.rounds);
    };
    const auto each = [&](const std::array<double, 64>& all) {
        auto result = values(all);
        for (auto& value : result) value /= task.participants;
        return short_spread(spread_of(result));
    };
    Table table({size + "x " + std::to_string(task.participants), "ns each", "CPU ns each"});
    table.row({"raw sends", each(board->raw_ns), each(board->raw_cpu_ns)});
    table.row({"braid", each(board->braid_ns), each(board->braid_cpu_ns)});
    table.print();
    targets.at_most(size + "to all, time, of raw sends'",
                    ratio_of(values(board->braid_ns), values(board->raw_ns)), 1.5);
    targets.at_most(size + "to all, CPU, of raw sends'",
                    ratio_of(values(board->braid_cpu_ns), values(board->raw_cpu_ns)), 1.5);
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    run.rounds = 20;
    Task task;
    std::string sizes = "200,1400,65536";
    CommandLine command_line(
        "One Message to many participants over TCP loopback, under a Cork, against as many raw\n"
        "non-blocking sends of the same bytes: what the sending thread needs until the kernel has\n"
        "it. Both in the same rounds, one after the other.",
        run);
    command_line.number("participants", task.participants, "how many receive it");
    command_line.text("sizes", sizes, "message bytes, comma-separated");
    if (command_line.parse(count, arguments) == CommandLine::Outcome::stop) {
        return command_line.exit_code();
    }
    const bool exclusive = run.exclusive && raise_autogroup_priority();
    task.rounds = std::min(run.rounds, 60u);
    print_conditions(task.rounds, run.seconds, name_of(Placement::split), exclusive);
    raise_open_files(4 * task.participants + 1'000);
    Targets targets;
    for (const auto& size : split_at_commas(sizes)) {
        task.bytes = std::strtoull(size.c_str(), nullptr, 10);
        measure(task, targets);
    }
    targets.print();
    return run.check && !targets.all_met() ? 1 : 0;
}
