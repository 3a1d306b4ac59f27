#include "transport/udp/round_trip_time.hpp"

#include "transport/udp/acknowledgements.hpp"

#include <algorithm>

namespace braid::transport {

void RoundTripTime::sample(protocol::Duration measured, protocol::Duration delay) noexcept {
    // No more than the peer promised to wait, and nothing that makes the path faster than it ever
    // was: a peer that lies about its delay gains nothing.
    measured = std::max(measured, protocol::Duration{1});
    delay = std::clamp(delay, protocol::Duration{0}, Acknowledgements::delay_max);
    if (!known_) {
        known_ = true;
        least_ = latest_ = smoothed_ = measured;
        variation_ = measured / 2;
        return;
    }
    least_ = std::min(least_, measured);
    latest_ = measured - least_ >= delay ? measured - delay : measured;
    const auto deviation = latest_ > smoothed_ ? latest_ - smoothed_ : smoothed_ - latest_;
    variation_ += (deviation - variation_) / 4;
    smoothed_ += (latest_ - smoothed_) / 8;
}

bool RoundTripTime::known() const noexcept { return known_; }
protocol::Duration RoundTripTime::smoothed() const noexcept { return smoothed_; }
protocol::Duration RoundTripTime::variation() const noexcept { return variation_; }
protocol::Duration RoundTripTime::latest() const noexcept { return latest_; }
protocol::Duration RoundTripTime::least() const noexcept { return least_; }

}  // namespace braid::transport
