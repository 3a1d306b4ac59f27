#pragma once

#include "protocol/time.hpp"
#include "transport/simulated/path.hpp"
#include "transport/udp/socket_address.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace braid::transport {

/// Datagrams on their way over a simulated path, as a network carries them: some get lost, some
/// come twice, and with jitter some overtake others. Where there is a rate, what finds the
/// bottleneck's queue full is dropped, as routers do.
class SimulatedDatagrams {
public:
    /// The queue of the bottleneck: what the rate carries in a round trip, and at least so much.
    static constexpr protocol::Duration queue_time_min = std::chrono::milliseconds{50};

    /// More than that is never under way.
    static constexpr std::size_t held_bytes_max = 16u << 20;

    struct Datagram {
        SocketAddress address;
        std::vector<std::byte> bytes;
    };

    struct Counters {
        std::uint64_t lost = 0;
        std::uint64_t dropped = 0;  ///< the queue was full
        std::uint64_t doubled = 0;
    };

    SimulatedDatagrams(const LinkSimulation::Direction& direction, std::uint64_t seed,
                       protocol::Duration round_trip_time) noexcept;

    void enter(const SocketAddress& address, std::span<const std::byte> bytes, protocol::Time now);

    /// When front() arrives; `never` if there is none.
    protocol::Time due() const noexcept {
        return under_way_.empty() ? protocol::never : under_way_.begin()->first;
    }

    /// What arrives next.
    Datagram& front() noexcept { return under_way_.begin()->second; }
    const Datagram& front() const noexcept { return under_way_.begin()->second; }
    void pop() noexcept;

    bool empty() const noexcept { return under_way_.empty(); }
    const Counters& counters() const noexcept { return counters_; }

private:
    SimulatedPath path_;
    protocol::Duration queue_time_;
    std::multimap<protocol::Time, Datagram> under_way_;
    std::size_t held_bytes_ = 0;
    Counters counters_;
};

}  // namespace braid::transport
