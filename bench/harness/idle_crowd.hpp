#pragma once

#include "harness/measure.hpp"
#include "harness/two_processes.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

/// The idle workload: many connections between two processes that say nothing. A program that uses
/// it links the counting of counting/ as well.
namespace bench {

struct IdleTask {
    unsigned participants = 10'000;
    double seconds = 5;
    /// Between the last connection and the first look: longer than a handshake may take, so that a
    /// timer that was set for one and is not needed any more has gone off.
    double settle_seconds = 7;
};

/// What one process did while nothing happened.
struct IdleCounts {
    double heap_bytes_per_participant = 0;
    double resident_bytes_per_participant = 0;
    std::uint64_t wake_ups = 0;          ///< epoll_wait returned
    std::uint64_t context_switches = 0;  ///< of all threads but the one that looks
    std::uint64_t system_calls = 0;
    double cpu_ms = 0;
};

struct IdleBoard {
    std::atomic<std::uint32_t> port{0};
    std::array<std::atomic<unsigned>, 2> established{};
    std::array<std::atomic<bool>, 2> measured{};
    std::atomic<double> connect_seconds{0};
    std::array<IdleCounts, 2> counts{};
};

/// One of the two processes. Its peer function calls begin(), then sets everything up in the thread
/// it was called in, calls established() for each connection, and goes on running its loop. A
/// second thread looks at it and ends the process when all is measured.
class IdleSide {
public:
    enum Role : std::size_t { listening_side, dialling_side };

    IdleSide(const IdleTask& task, IdleBoard& board, Role role);

    unsigned participants() const noexcept { return task_.participants; }
    double seconds_max() const noexcept { return task_.seconds + task_.settle_seconds + 120; }
    void listening(std::uint16_t port);
    std::uint16_t port() const;
    void begin();
    void established();

private:
    void observe();
    void measure();

    const IdleTask& task_;
    IdleBoard& board_;
    Role role_;
    std::uint64_t heap_at_start_ = 0;
    std::uint64_t resident_at_start_ = 0;
    std::int64_t start_ns_ = 0;
};

struct IdlePeer {
    std::string name;
    std::function<void(IdleSide&)> listen;
    std::function<void(IdleSide&)> dial;
};

struct IdleResult {
    std::string problem;
    double connect_seconds = 0;
    IdleCounts listening;
    IdleCounts dialling;
};

IdleResult measure_idle(const IdlePeer& peer, const IdleTask& task);

}  // namespace bench
