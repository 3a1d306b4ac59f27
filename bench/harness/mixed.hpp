#pragma once

#include "harness/measure.hpp"
#include "harness/two_processes.hpp"
#include "net/emulator.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// The mixed workload, one way over an emulated link: bulk messages that are always waiting to be
/// sent, beside flows of small messages that are due at fixed times. The latency of those counts
/// from when they were due, so that a sender which is held up hides nothing, and reliable ones that
/// are late are waited for.
namespace bench {

inline constexpr std::size_t flows_max = 2;
inline constexpr std::size_t latencies_max = 16'384;

/// Small messages at a steady rate.
struct Flow {
    std::string name;
    double per_second = 0;  ///< 0: there is none
    std::size_t bytes = 64;
    bool reliable = false;  ///< and then ordered, too
};

struct MixedTask {
    std::size_t bulk_bytes = 8'192;            ///< of each message; 0: no bulk
    std::size_t bulk_ahead_bytes = 512 << 10;  ///< given to the library and not yet confirmed
    std::array<Flow, flows_max> flows;
    double warm_up_seconds = 2;  ///< not measured
    double seconds = 10;
    double grace_seconds = 10;  ///< for what is late
};

/// What the two processes tell each other and the one that started them.
struct MixedBoard {
    std::atomic<std::uint32_t> port{0};
    std::atomic<std::int64_t> begin_ns{0};
    std::atomic<bool> finished{false};
    std::atomic<std::uint64_t> bulk_messages{0};
    std::atomic<std::int64_t> bulk_ns{0};  ///< from the first of them that counts to the last
    std::atomic<std::uint64_t> errors{0};  ///< out of order, repeated or of a wrong length
    std::array<std::atomic<std::uint32_t>, flows_max> latencies{};
    std::array<std::array<std::uint32_t, latencies_max>, flows_max> latencies_us{};
    std::array<std::atomic<std::int64_t>, 2> cpu_ns{};
};

inline constexpr std::uint32_t bulk_flow = ~std::uint32_t{0};

/// What every message begins with.
struct MixedHeader {
    std::uint32_t flow = bulk_flow;
    std::uint32_t number = 0;
    std::int64_t due_ns = 0;
};

MixedHeader header_of(std::span<const std::byte> message);

/// The measuring half of a sender. A peer's function: connect to `port()` at net::far_address;
/// `connected()`; until `finished()`: send what is `due()`, sleep no longer than to
/// `next_due_ns()`, and keep the bulk going.
class MixedSender {
public:
    MixedSender(const MixedTask& task, MixedBoard& board);

    const MixedTask& task() const noexcept { return task_; }
    std::uint16_t port() const;
    void connected();

    /// No message is due before this time.
    std::int64_t next_due_ns() const noexcept;

    struct Due {
        std::size_t flow;
        std::span<const std::byte> message;  ///< until the next call
    };
    std::optional<Due> due();

    /// The next bulk message, until the next call.
    std::span<const std::byte> bulk();

    /// The receiver has all it waited for.
    bool finished() const noexcept;

    ~MixedSender();

private:
    const MixedTask& task_;
    MixedBoard& board_;
    std::array<std::vector<std::byte>, flows_max> messages_;
    std::array<std::uint32_t, flows_max> numbers_{};
    std::vector<std::byte> bulk_;
    std::uint32_t bulk_number_ = 0;
};

/// The measuring half of a receiver: listen at net::far_address; `listening(port)`; accept; until
/// `finished()`: give each message to `received()`, and look at `finished()` every 50 ms at least.
class MixedReceiver {
public:
    MixedReceiver(const MixedTask& task, MixedBoard& board);

    const MixedTask& task() const noexcept { return task_; }
    void listening(std::uint16_t port);
    void received(std::span<const std::byte> message);
    /// Of a transport that cuts bulk messages up itself: the same for a piece of one.
    void received_bulk_bytes(std::size_t bytes);
    bool finished();

    ~MixedReceiver();

private:
    bool is_in_window(std::int64_t time_ns) const;
    void note(std::size_t flow, std::int64_t latency_ns);
    void close_books();

    const MixedTask& task_;
    MixedBoard& board_;
    std::array<std::uint32_t, flows_max> next_number_{};
    std::array<std::uint32_t, flows_max> taken_{};
    std::array<std::uint32_t, flows_max> expected_{};
    std::size_t bulk_piece_bytes_ = 0;
    std::int64_t bulk_first_ns_ = 0;
    bool closed_ = false;
};

/// One library or technique that can carry the workload.
struct MixedPeer {
    std::string name;
    std::function<void(MixedReceiver&)> receive;
    std::function<void(MixedSender&)> send;
};

/// One peer on one of the links of a run.
struct MixedCell {
    const MixedPeer* peer = nullptr;
    MixedTask task;
    std::size_t link = 0;
};

struct MixedResult {
    std::string problem;  ///< empty when all went well
    double bulk_bytes_per_second = 0;
    std::array<std::vector<std::uint32_t>, flows_max> latencies_us;  ///< sorted
    std::array<double, flows_max> delivered{};                       ///< share of what was due
    double cpu_seconds = 0;                                          ///< both processes together
};

struct MixedRun {
    std::vector<MixedResult> results;  ///< of each cell
    net::Lateness lateness;
    std::vector<std::uint64_t> link_bytes;  ///< of IP packets, both ways, on each link
};

/// False, and said on stderr, where no link can be emulated.
bool links_available();

/// Runs all cells at once, over links of one emulator.
MixedRun measure_mixed(const std::vector<net::LinkOptions>& links,
                       const std::vector<MixedCell>& cells);

}  // namespace bench
