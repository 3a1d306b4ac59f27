#include "harness/one_way.hpp"

#include <algorithm>

namespace bench {

namespace {

/// A look at the clock costs about as much as a small message, so small ones share one.
std::uint64_t messages_per_look(std::size_t message_bytes) {
    return std::clamp<std::uint64_t>(16'384 / message_bytes, 1, 64);
}

constexpr std::uint64_t messages_per_receiver_look = 1'024;

double seconds_since(std::int64_t start_ns) {
    return static_cast<double>(now_ns() - start_ns) / 1e9;
}

}  // namespace

OneWaySender::OneWaySender(const OneWayTask& task, OneWayBoard& board)
    : task_(task), board_(board), look_every_(messages_per_look(task.message_bytes)) {}

std::uint16_t OneWaySender::port() const {
    wait_until([&] { return board_.port.load() != 0; }, 10, "the receiver to listen");
    return static_cast<std::uint16_t>(board_.port.load());
}

void OneWaySender::connected() {
    start_cpu_ns_ = cpu_ns();
    start_ns_ = now_ns();
}

void OneWaySender::look_at_clock() {
    const double seconds = seconds_since(start_ns_);
    if (!warm_ && task_.sender_observer && seconds >= task_.warm_up_seconds) {
        warm_ = true;
        task_.sender_observer(Moment::warm, sequence_);
    }
    if (seconds >= task_.seconds && !time_over_) {
        time_over_ = true;
        if (task_.sender_observer) {
            task_.sender_observer(Moment::end, sequence_);
        }
    }
    look_at_ = sequence_ + look_every_;
}

void OneWaySender::wait_until_received() {
    wait_until([&] { return board_.finished.load(); }, task_.seconds + 20,
               "the receiver to see the last message");
    board_.sender_cpu_ns = cpu_ns() - start_cpu_ns_;
}

OneWayReceiver::OneWayReceiver(const OneWayTask& task, OneWayBoard& board)
    : task_(task), board_(board) {}

void OneWayReceiver::listening(std::uint16_t port) { board_.port = port; }

void OneWayReceiver::connected() { start_cpu_ns_ = cpu_ns(); }

bool OneWayReceiver::accept_other(std::uint64_t sequence) {
    if (sequence != end_sequence) {
        ++order_errors_;
        expected_ = sequence + 1;
        return true;
    }
    board_.receive_ns = now_ns() - first_ns_;
    board_.receiver_cpu_ns = cpu_ns() - start_cpu_ns_;
    board_.messages = expected_;
    board_.order_errors = order_errors_;
    if (task_.receiver_observer) {
        task_.receiver_observer(Moment::end, expected_);
    }
    board_.finished = true;
    return false;
}

void OneWayReceiver::look_at_clock() {
    if (first_ns_ == 0) {
        first_ns_ = now_ns();
        look_at_ = task_.receiver_observer ? messages_per_receiver_look : end_sequence;
        return;
    }
    if (seconds_since(first_ns_) < task_.warm_up_seconds) {
        look_at_ += messages_per_receiver_look;
        return;
    }
    task_.receiver_observer(Moment::warm, expected_);
    look_at_ = end_sequence;
}

OneWayResult measure_one_way(const OneWayPeer& peer, const OneWayTask& task, Placement placement,
                             Sides sides) {
    SharedBoard<OneWayBoard> board;
    OneWayResult result;
    const auto receive = [&] {
        OneWayReceiver receiver(task, *board);
        peer.receive(receiver);
    };
    const auto send = [&] {
        OneWaySender sender(task, *board);
        peer.send(sender);
    };
    result.problem = sides == Sides::threads
                         ? run_two_threads(receive, send, placement, task.seconds + 30)
                         : run_two_processes(receive, send, placement, task.seconds + 30);
    if (!result.problem.empty()) {
        return result;
    }
    if (board->order_errors != 0) {
        result.problem = std::to_string(board->order_errors) + " messages out of order";
        return result;
    }
    if (board->messages == 0 || board->receive_ns <= 0) {
        result.problem = "no message arrived";
        return result;
    }
    result.messages = board->messages;
    result.packets = board->packets;
    const auto messages = static_cast<double>(result.messages);
    result.messages_per_second = messages / (static_cast<double>(board->receive_ns) / 1e9);
    result.bytes_per_second = result.messages_per_second * static_cast<double>(task.message_bytes);
    const std::int64_t receiver_cpu_ns =
        sides == Sides::threads ? 0 : board->receiver_cpu_ns.load();
    result.cpu_ns_per_message =
        static_cast<double>(board->sender_cpu_ns + receiver_cpu_ns) / messages;
    return result;
}

}  // namespace bench
