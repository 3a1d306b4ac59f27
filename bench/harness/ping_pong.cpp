#include "harness/ping_pong.hpp"

#include <algorithm>
#include <limits>

namespace bench {

namespace {

constexpr std::size_t samples_max = 4'000'000;

}  // namespace

PingPongAsker::PingPongAsker(const PingPongTask& task, PingPongBoard& board)
    : task_(task), board_(board) {
    // Touched now, so that no page fault falls into a measured round trip.
    samples_ns_.resize(static_cast<std::size_t>(task.seconds * 500'000));
    samples_ns_.clear();
}

std::uint16_t PingPongAsker::port() const {
    wait_until([&] { return board_.port.load() != 0; }, 10, "the other side to listen");
    return static_cast<std::uint16_t>(board_.port.load());
}

void PingPongAsker::connected() { start_cpu_ns_ = cpu_ns(); }

bool PingPongAsker::next() {
    sent_ns_ = now_ns();
    if (sequence_ <= task_.warm_up_trips) {
        start_ns_ = sent_ns_;
    }
    return static_cast<double>(sent_ns_ - start_ns_) < task_.seconds * 1e9 &&
           samples_ns_.size() < samples_max;
}

void PingPongAsker::received(std::uint64_t sequence) {
    const std::int64_t trip_ns = now_ns() - sent_ns_;
    errors_ += sequence != sequence_ ? 1 : 0;
    if (++sequence_ > task_.warm_up_trips) {
        samples_ns_.push_back(static_cast<std::uint32_t>(
            std::min<std::int64_t>(trip_ns, std::numeric_limits<std::uint32_t>::max())));
    }
}

void PingPongAsker::closed() {
    board_.asking_cpu_ns = cpu_ns() - start_cpu_ns_;
    std::sort(samples_ns_.begin(), samples_ns_.end());
    board_.p50_ns = percentile(samples_ns_, 0.5);
    board_.p99_ns = percentile(samples_ns_, 0.99);
    board_.p999_ns = percentile(samples_ns_, 0.999);
    board_.errors = errors_;
    board_.trips = sequence_;
}

PingPongAnswerer::PingPongAnswerer(const PingPongTask& task, PingPongBoard& board)
    : task_(task), board_(board) {}

void PingPongAnswerer::listening(std::uint16_t port) { board_.port = port; }

void PingPongAnswerer::connected() { start_cpu_ns_ = cpu_ns(); }

void PingPongAnswerer::closed() { board_.answering_cpu_ns = cpu_ns() - start_cpu_ns_; }

PingPongResult measure_ping_pong(const PingPongPeer& peer, const PingPongTask& task,
                                 Placement placement, Sides sides) {
    SharedBoard<PingPongBoard> board;
    PingPongResult result;
    const auto answer = [&] {
        PingPongAnswerer answerer(task, *board);
        peer.answer(answerer);
    };
    const auto ask = [&] {
        PingPongAsker asker(task, *board);
        peer.ask(asker);
    };
    result.problem = sides == Sides::threads
                         ? run_two_threads(answer, ask, placement, task.seconds + 30)
                         : run_two_processes(answer, ask, placement, task.seconds + 30);
    if (result.problem.empty() && board->errors != 0) {
        result.problem = std::to_string(board->errors) + " answers did not match";
    }
    if (result.problem.empty() && board->trips <= task.warm_up_trips) {
        result.problem = "too few round trips to measure";
    }
    if (!result.problem.empty()) {
        return result;
    }
    result.trips = board->trips;
    result.p50_us = board->p50_ns / 1e3;
    result.p99_us = board->p99_ns / 1e3;
    result.p999_us = board->p999_ns / 1e3;
    const std::int64_t answering_cpu_ns =
        sides == Sides::threads ? 0 : board->answering_cpu_ns.load();
    result.cpu_us_per_trip = static_cast<double>(board->asking_cpu_ns + answering_cpu_ns) / 1e3 /
                             static_cast<double>(result.trips);
    return result;
}

}  // namespace bench
