#pragma once

#include "net/emulator.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <vector>

namespace net {

/// The thread of an Emulator: reads packets from the devices, asks their Path when they arrive, and
/// writes them into the other device at that time.
class Relay {
public:
    Relay(const std::vector<std::unique_ptr<Link>>& links, std::mutex& mutex);

    /// Returns after stop().
    void run();
    void stop();

    Lateness lateness() const;

private:
    static constexpr std::size_t packet_bytes_max = 2048;
    /// Microseconds up to which lateness is told apart.
    static constexpr std::size_t lateness_slots = 5'000;

    struct Direction {
        Link* link;
        bool outbound;
        int source;
        int target;
    };
    struct Packet {
        std::size_t bytes = 0;
        std::array<std::byte, packet_bytes_max> content;
    };
    struct Waiting {
        nanoseconds due;
        std::uint64_t number;  ///< packets due at one time keep their order
        std::size_t packet;
        std::size_t direction;
        bool operator>(const Waiting& other) const noexcept {
            return due != other.due ? due > other.due : number > other.number;
        }
    };

    void watch(int file, std::size_t what);
    void take_from(std::size_t direction_index);
    std::optional<nanoseconds> due(const Direction& direction, Packet& packet, std::size_t bytes);
    void deliver_due();
    void note_lateness(nanoseconds lateness);
    std::size_t free_packet();

    std::mutex& mutex_;
    std::vector<Direction> directions_;
    File poll_;
    File stop_;
    std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
    std::vector<std::unique_ptr<Packet>> packets_;
    std::vector<std::size_t> free_packets_;
    std::uint64_t packets_taken_ = 0;
    std::uint64_t packets_refused_ = 0;  ///< by the kernel, on their way in
    std::array<std::uint64_t, lateness_slots + 1> lateness_us_{};
    nanoseconds lateness_max_{0};
};

}  // namespace net
