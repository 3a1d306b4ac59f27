#include "transport/udp/simulated_datagrams.hpp"

#include <algorithm>

namespace braid::transport {

SimulatedDatagrams::SimulatedDatagrams(const LinkSimulation::Direction& direction,
                                       std::uint64_t seed,
                                       protocol::Duration round_trip_time) noexcept
    : path_{direction, seed}, queue_time_{std::max(round_trip_time, queue_time_min)} {}

void SimulatedDatagrams::enter(const SocketAddress& address, std::span<const std::byte> bytes,
                               protocol::Time now) {
    if (path_.free_at() > now + queue_time_ || held_bytes_ + bytes.size() > held_bytes_max) {
        ++counters_.dropped;
        return;
    }
    const auto passage = path_.pass(std::max<std::size_t>(bytes.size(), 1), now);
    if (passage.losses != 0) {
        ++counters_.lost;
        return;
    }
    const unsigned copies = passage.duplicates != 0 ? 2 : 1;
    counters_.doubled += copies - 1;
    for (unsigned i = 0; i < copies; ++i) {
        held_bytes_ += bytes.size();
        under_way_.emplace(passage.arrives, Datagram{address, {bytes.begin(), bytes.end()}});
    }
}

void SimulatedDatagrams::pop() noexcept {
    held_bytes_ -= front().bytes.size();
    under_way_.erase(under_way_.begin());
}

}  // namespace braid::transport
