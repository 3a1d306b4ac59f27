#include "transport/udp/fixed.hpp"

#include "transport/udp/round_trip_time.hpp"

#include <algorithm>
#include <chrono>

namespace braid::transport {
namespace {

using Seconds = std::chrono::duration<double>;

// The rate decides, the window only ends what a peer that is gone is sent: after so many round
// trips of silence, and not before a loss could have been repaired.
constexpr double window_round_trips = 4;
constexpr auto window_least = std::chrono::milliseconds{250};
constexpr std::uint64_t window_packets_least = 16;
constexpr double window_most = 1e12;

}  // namespace

FixedRate::FixedRate(std::uint64_t packet_bytes, std::uint64_t bytes_per_second) noexcept
    : packet_bytes_{packet_bytes},
      bytes_per_second_{std::max(bytes_per_second, packet_bytes)},
      round_trip_time_{RoundTripTime::initial} {}

void FixedRate::on_ack(const AckSample& sample) {
    if (sample.smoothed_round_trip_time > protocol::Duration::zero()) {
        round_trip_time_ = sample.smoothed_round_trip_time;
    }
}

std::uint64_t FixedRate::window_bytes() const noexcept {
    const auto time =
        std::max(window_round_trips * Seconds{round_trip_time_}, Seconds{window_least});
    const auto bytes = std::min(static_cast<double>(bytes_per_second_) * time.count(), window_most);
    return std::max(static_cast<std::uint64_t>(bytes), window_packets_least * packet_bytes_);
}

}  // namespace braid::transport
