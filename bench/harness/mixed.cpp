#include "harness/mixed.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <thread>

namespace bench {

namespace {

constexpr double nanoseconds_per_second = 1e9;

std::int64_t nanoseconds_of(double seconds) {
    return static_cast<std::int64_t>(seconds * nanoseconds_per_second);
}

std::int64_t window_begin(const MixedTask& task) { return nanoseconds_of(task.warm_up_seconds); }
std::int64_t window_end(const MixedTask& task) {
    return nanoseconds_of(task.warm_up_seconds + task.seconds);
}

std::int64_t due_after_begin(const Flow& flow, std::uint32_t number) {
    return nanoseconds_of((number + 0.5) / flow.per_second);
}

/// How many messages of a flow are due before that time.
std::uint32_t due_before(const Flow& flow, std::int64_t after_begin_ns) {
    if (flow.per_second <= 0) return 0;
    std::uint32_t count = 0;
    while (due_after_begin(flow, count) < after_begin_ns) ++count;
    return count;
}

void stamp_header(std::vector<std::byte>& message, const MixedHeader& header) {
    std::memcpy(message.data(), &header, sizeof header);
}

}  // namespace

MixedHeader header_of(std::span<const std::byte> message) {
    MixedHeader header;
    if (message.size() >= sizeof header) std::memcpy(&header, message.data(), sizeof header);
    return header;
}

MixedSender::MixedSender(const MixedTask& task, MixedBoard& board) : task_(task), board_(board) {
    for (std::size_t flow = 0; flow < flows_max; ++flow) {
        messages_[flow].assign(std::max(task.flows[flow].bytes, sizeof(MixedHeader)),
                               std::byte{0x5A});
    }
    bulk_.assign(std::max(task.bulk_bytes, sizeof(MixedHeader)), std::byte{0xA5});
}

std::uint16_t MixedSender::port() const {
    wait_until([&] { return board_.port.load() != 0; }, 10, "the receiver to listen");
    return static_cast<std::uint16_t>(board_.port.load());
}

void MixedSender::connected() { board_.begin_ns = now_ns(); }

std::int64_t MixedSender::next_due_ns() const noexcept {
    std::int64_t next = std::numeric_limits<std::int64_t>::max();
    for (std::size_t flow = 0; flow < flows_max; ++flow) {
        if (task_.flows[flow].per_second <= 0) continue;
        next = std::min(next, due_after_begin(task_.flows[flow], numbers_[flow]));
    }
    return next == std::numeric_limits<std::int64_t>::max() ? next : board_.begin_ns + next;
}

std::optional<MixedSender::Due> MixedSender::due() {
    const std::int64_t since_begin = now_ns() - board_.begin_ns;
    for (std::size_t flow = 0; flow < flows_max; ++flow) {
        if (task_.flows[flow].per_second <= 0) continue;
        const std::int64_t due = due_after_begin(task_.flows[flow], numbers_[flow]);
        if (due > since_begin || due >= window_end(task_)) continue;
        stamp_header(messages_[flow],
                     {static_cast<std::uint32_t>(flow), numbers_[flow]++, board_.begin_ns + due});
        return Due{flow, messages_[flow]};
    }
    return std::nullopt;
}

std::span<const std::byte> MixedSender::bulk() {
    stamp_header(bulk_, {bulk_flow, bulk_number_++, now_ns()});
    return bulk_;
}

bool MixedSender::finished() const noexcept { return board_.finished; }

MixedSender::~MixedSender() { board_.cpu_ns[0] = cpu_ns(); }

MixedReceiver::MixedReceiver(const MixedTask& task, MixedBoard& board)
    : task_(task), board_(board) {
    for (std::size_t flow = 0; flow < flows_max; ++flow) {
        expected_[flow] = due_before(task.flows[flow], window_end(task)) -
                          due_before(task.flows[flow], window_begin(task));
    }
}

void MixedReceiver::listening(std::uint16_t port) { board_.port = port; }

bool MixedReceiver::is_in_window(std::int64_t time_ns) const {
    const std::int64_t since_begin = time_ns - board_.begin_ns;
    return since_begin >= window_begin(task_) && since_begin < window_end(task_);
}

void MixedReceiver::received(std::span<const std::byte> message) {
    const MixedHeader header = header_of(message);
    if (header.flow == bulk_flow) {
        if (message.size() != task_.bulk_bytes) ++board_.errors;
        received_bulk_bytes(message.size());
        return;
    }
    if (header.flow >= flows_max || message.size() != task_.flows[header.flow].bytes) {
        ++board_.errors;
        return;
    }
    std::uint32_t& next = next_number_[header.flow];
    if (task_.flows[header.flow].reliable && header.number != next) ++board_.errors;
    next = header.number + 1;
    if (is_in_window(header.due_ns)) note(header.flow, now_ns() - header.due_ns);
}

void MixedReceiver::received_bulk_bytes(std::size_t bytes) {
    bulk_piece_bytes_ += bytes;
    if (bulk_piece_bytes_ < task_.bulk_bytes) return;
    bulk_piece_bytes_ -= task_.bulk_bytes;
    const std::int64_t now = now_ns();
    if (!is_in_window(now)) return;
    // The first one only starts the clock: a part of it came before the window.
    if (bulk_first_ns_ == 0) {
        bulk_first_ns_ = now;
        return;
    }
    ++board_.bulk_messages;
    board_.bulk_ns = now - bulk_first_ns_;
}

void MixedReceiver::note(std::size_t flow, std::int64_t latency_ns) {
    const std::uint32_t place = board_.latencies[flow];
    ++taken_[flow];
    if (place >= latencies_max) return;
    const std::int64_t microseconds = std::max<std::int64_t>(latency_ns / 1'000, 0);
    board_.latencies_us[flow][place] = static_cast<std::uint32_t>(microseconds);
    board_.latencies[flow] = place + 1;
}

bool MixedReceiver::finished() {
    if (closed_) return true;
    if (board_.begin_ns == 0) return false;
    const std::int64_t since_begin = now_ns() - board_.begin_ns;
    if (since_begin < window_end(task_)) return false;
    // What is unreliable gets a moment: of most of it that is missing nothing will come.
    bool all_here = since_begin > window_end(task_) + nanoseconds_of(1);
    for (std::size_t flow = 0; flow < flows_max; ++flow) {
        const bool waits = task_.flows[flow].reliable && taken_[flow] < expected_[flow];
        all_here = all_here && !waits;
    }
    if (!all_here && since_begin < window_end(task_) + nanoseconds_of(task_.grace_seconds)) {
        return false;
    }
    close_books();
    return true;
}

void MixedReceiver::close_books() {
    closed_ = true;
    for (std::size_t flow = 0; flow < flows_max; ++flow) {
        if (!task_.flows[flow].reliable) continue;
        // Those that never came took the grace at least.
        while (taken_[flow] < expected_[flow]) note(flow, nanoseconds_of(task_.grace_seconds));
    }
    board_.finished = true;
    // The sender has to see it before it sees that nobody is there any more.
    sleep_ns(nanoseconds_of(0.1));
}

MixedReceiver::~MixedReceiver() { board_.cpu_ns[1] = cpu_ns(); }

namespace {

MixedResult result_of(const MixedTask& task, const MixedBoard& board, std::string problem) {
    MixedResult result;
    result.problem = std::move(problem);
    if (result.problem.empty() && !board.finished) result.problem = "did not finish";
    if (result.problem.empty() && board.errors != 0) {
        result.problem = std::to_string(board.errors) + " messages out of order or broken";
    }
    if (board.bulk_ns > 0) {
        result.bulk_bytes_per_second =
            static_cast<double>(board.bulk_messages * task.bulk_bytes) /
            (static_cast<double>(board.bulk_ns) / nanoseconds_per_second);
    }
    for (std::size_t flow = 0; flow < flows_max; ++flow) {
        const auto begin = board.latencies_us[flow].begin();
        auto& latencies = result.latencies_us[flow];
        latencies.assign(begin, begin + board.latencies[flow]);
        std::sort(latencies.begin(), latencies.end());
        const double expected = due_before(task.flows[flow], window_end(task)) -
                                due_before(task.flows[flow], window_begin(task));
        result.delivered[flow] = static_cast<double>(latencies.size()) / std::max(expected, 1.0);
    }
    result.cpu_seconds =
        static_cast<double>(board.cpu_ns[0] + board.cpu_ns[1]) / nanoseconds_per_second;
    return result;
}

std::string run_cell(const MixedCell& cell, const net::Link& link, MixedBoard& board) {
    const double seconds_max =
        cell.task.warm_up_seconds + cell.task.seconds + cell.task.grace_seconds + 20;
    return run_two_processes(
        [&] {
            link.far().enter();
            MixedReceiver receiver(cell.task, board);
            cell.peer->receive(receiver);
        },
        [&] {
            link.near().enter();
            MixedSender sender(cell.task, board);
            cell.peer->send(sender);
        },
        Placement::anywhere, seconds_max);
}

}  // namespace

bool links_available() {
    const std::string why_not = net::namespaces_unavailable();
    if (!why_not.empty()) {
        std::fprintf(stderr, "no link can be emulated here: %s\n", why_not.c_str());
    }
    return why_not.empty();
}

MixedRun measure_mixed(const std::vector<net::LinkOptions>& links,
                       const std::vector<MixedCell>& cells) {
    net::Emulator emulator;
    std::vector<net::Link*> made;
    for (const net::LinkOptions& options : links) made.push_back(&emulator.add(options));
    emulator.start();
    std::vector<SharedBoard<MixedBoard>> boards(cells.size());
    std::vector<std::string> problems(cells.size());
    std::vector<std::thread> threads;
    for (std::size_t index = 0; index < cells.size(); ++index) {
        threads.emplace_back([&, index] {
            problems[index] = run_cell(cells[index], *made[cells[index].link], *boards[index]);
        });
    }
    for (std::thread& thread : threads) thread.join();
    emulator.stop();
    MixedRun run;
    run.lateness = emulator.lateness();
    for (const net::Link* link : made) {
        run.link_bytes.push_back(link->outbound().bytes + link->inbound().bytes);
    }
    for (std::size_t index = 0; index < cells.size(); ++index) {
        run.results.push_back(result_of(cells[index].task, *boards[index], problems[index]));
    }
    return run;
}

}  // namespace bench
