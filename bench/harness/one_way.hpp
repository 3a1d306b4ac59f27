#pragma once

#include "harness/measure.hpp"
#include "harness/two_processes.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

/// The one-way workload: one process sends messages as fast as back-pressure allows, the other
/// receives them and checks their order. Every message begins with a 64-bit sequence number; the
/// last one carries `end_sequence`.
namespace bench {

inline constexpr std::uint64_t end_sequence = std::numeric_limits<std::uint64_t>::max();

/// When an observer is called: once the warm-up is over, and when the measurement is.
enum class Moment : std::uint8_t { warm, end };

using Observer = std::function<void(Moment moment, std::uint64_t messages)>;

struct OneWayTask {
    std::size_t message_bytes = 64;
    double seconds = 0.7;
    double warm_up_seconds = 0;  ///< counted in `seconds`; only the observers care
    Observer sender_observer;
    Observer receiver_observer;
};

/// What the two processes tell each other and the one that started them.
struct OneWayBoard {
    std::atomic<std::uint32_t> port{0};
    std::atomic<bool> finished{false};
    std::atomic<std::uint64_t> messages{0};
    std::atomic<std::uint64_t> order_errors{0};
    std::atomic<std::uint64_t> packets{0};
    std::atomic<std::int64_t> receive_ns{0};  ///< from the first message to the last
    std::atomic<std::int64_t> sender_cpu_ns{0};
    std::atomic<std::int64_t> receiver_cpu_ns{0};
};

/// The measuring half of a sender. A peer's send function does, in this order: connect to
/// `port()`; `connected()`; send a message for every `next()` until that is `end_sequence`, which
/// it sends too; push out what it buffered; `wait_until_received()`; close.
class OneWaySender {
public:
    OneWaySender(const OneWayTask& task, OneWayBoard& board);

    std::size_t message_bytes() const noexcept { return task_.message_bytes; }
    std::uint16_t port() const;
    void connected();

    std::uint64_t next() {
        if (sequence_ == look_at_) {
            look_at_clock();
        }
        return time_over_ ? end_sequence : sequence_++;
    }

    /// How many datagrams the messages took, where the peer can tell.
    void took(std::uint64_t packets) { board_.packets = packets; }

    /// Blocks. What this process still works on in other threads goes on and is counted.
    void wait_until_received();

private:
    void look_at_clock();

    const OneWayTask& task_;
    OneWayBoard& board_;
    std::uint64_t sequence_ = 0;
    std::uint64_t look_at_ = 0;
    std::uint64_t look_every_;
    std::int64_t start_ns_ = 0;
    std::int64_t start_cpu_ns_ = 0;
    bool warm_ = false;
    bool time_over_ = false;
};

/// The measuring half of a receiver: listen; `listening(port)`; accept; `connected()`; `accept()`
/// the sequence of each message until it returns false.
class OneWayReceiver {
public:
    OneWayReceiver(const OneWayTask& task, OneWayBoard& board);

    std::size_t message_bytes() const noexcept { return task_.message_bytes; }
    void listening(std::uint16_t port);
    void connected();

    bool accept(std::uint64_t sequence) {
        if (sequence != expected_) [[unlikely]] {
            return accept_other(sequence);
        }
        if (++expected_ == look_at_) [[unlikely]] {
            look_at_clock();
        }
        return true;
    }

private:
    bool accept_other(std::uint64_t sequence);
    void look_at_clock();

    const OneWayTask& task_;
    OneWayBoard& board_;
    std::uint64_t expected_ = 0;
    std::uint64_t look_at_ = 1;
    std::uint64_t order_errors_ = 0;
    std::int64_t first_ns_ = 0;
    std::int64_t start_cpu_ns_ = 0;
};

/// One library or technique that can carry the workload.
struct OneWayPeer {
    std::string name;
    std::function<void(OneWayReceiver&)> receive;
    std::function<void(OneWaySender&)> send;
};

struct OneWayResult {
    std::string problem;  ///< empty when all went well
    std::uint64_t messages = 0;
    double messages_per_second = 0;
    double bytes_per_second = 0;
    double cpu_ns_per_message = 0;  ///< both processes together
    std::uint64_t packets = 0;      ///< that the sender sent; 0 if not known
};

/// Where the two sides run.
enum class Sides : std::uint8_t { processes, threads };

OneWayResult measure_one_way(const OneWayPeer& peer, const OneWayTask& task, Placement placement,
                             Sides sides = Sides::processes);

}  // namespace bench
