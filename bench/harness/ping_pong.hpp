#pragma once

#include "harness/measure.hpp"
#include "harness/one_way.hpp"
#include "harness/two_processes.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// The ping-pong workload: one process sends a message, the other sends it back, then the next one
/// leaves. Nobody spins.
namespace bench {

struct PingPongTask {
    std::size_t message_bytes = 64;
    double seconds = 0.7;
    unsigned warm_up_trips = 1'000;
};

struct PingPongBoard {
    std::atomic<std::uint32_t> port{0};
    std::atomic<std::uint64_t> trips{0};
    std::atomic<std::uint64_t> errors{0};
    std::atomic<std::int64_t> asking_cpu_ns{0};
    std::atomic<std::int64_t> answering_cpu_ns{0};
    std::atomic<double> p50_ns{0};
    std::atomic<double> p99_ns{0};
    std::atomic<double> p999_ns{0};
};

/// The measuring half of the side that asks: connect to `port()`; `connected()`; while `next()`:
/// send a message that begins with `sequence()`, receive one and give what it begins with to
/// `received()`; then close the connection and call `closed()`.
class PingPongAsker {
public:
    PingPongAsker(const PingPongTask& task, PingPongBoard& board);

    std::size_t message_bytes() const noexcept { return task_.message_bytes; }
    std::uint16_t port() const;
    void connected();
    bool next();
    std::uint64_t sequence() const noexcept { return sequence_; }
    void received(std::uint64_t sequence);
    void closed();

private:
    const PingPongTask& task_;
    PingPongBoard& board_;
    std::vector<std::uint32_t> samples_ns_;
    std::uint64_t sequence_ = 0;
    std::uint64_t errors_ = 0;
    std::int64_t start_ns_ = 0;
    std::int64_t sent_ns_ = 0;
    std::int64_t start_cpu_ns_ = 0;
};

/// The side that answers: listen; `listening(port)`; accept; `connected()`; echo until the other
/// side closes; `closed()`.
class PingPongAnswerer {
public:
    PingPongAnswerer(const PingPongTask& task, PingPongBoard& board);

    std::size_t message_bytes() const noexcept { return task_.message_bytes; }
    void listening(std::uint16_t port);
    void connected();
    void closed();

private:
    const PingPongTask& task_;
    PingPongBoard& board_;
    std::int64_t start_cpu_ns_ = 0;
};

struct PingPongPeer {
    std::string name;
    std::function<void(PingPongAnswerer&)> answer;
    std::function<void(PingPongAsker&)> ask;
};

struct PingPongResult {
    std::string problem;
    std::uint64_t trips = 0;
    double p50_us = 0;
    double p99_us = 0;
    double p999_us = 0;
    double cpu_us_per_trip = 0;  ///< both processes together
};

PingPongResult measure_ping_pong(const PingPongPeer& peer, const PingPongTask& task,
                                 Placement placement, Sides sides = Sides::processes);

}  // namespace bench
