#include "transport/udp/cubic.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace braid::transport {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double unlimited = std::numeric_limits<double>::infinity();

// RFC 9002, 7.2.
constexpr double initial_packets = 10;
constexpr double least_packets = 2;
constexpr double window_most = 1e12;

// RFC 9438, 5: C and beta. 4.3: alpha of the Reno-friendly window. 4.7: fast convergence.
constexpr double growth = 0.4;
constexpr double decrease = 0.7;
constexpr double reno_growth = 3 * (1 - decrease) / (1 + decrease);
constexpr double convergence = (1 + decrease) / 2;
constexpr double target_most = 1.5;

// RFC 9406, 4.3. L is unlimited, as packets are paced.
constexpr std::int64_t rise_least = 4'000'000;
constexpr std::int64_t rise_most = 16'000'000;
constexpr std::int64_t rise_divisor = 8;
constexpr unsigned samples_least = 8;
constexpr double conservative_divisor = 4;
constexpr unsigned conservative_rounds_most = 5;

// RFC 9002, 7.7; in slow start the window doubles in a round trip.
constexpr double pacing_gain = 1.25;
constexpr double pacing_gain_slow_start = 2;

constexpr auto pause_short = std::chrono::seconds{1};
constexpr auto pause_long = std::chrono::seconds{10};
constexpr double packets_after_long_pause = 32;
constexpr unsigned probe_timeouts_of_a_dead_path = 3;

}  // namespace

Cubic::Cubic(std::uint64_t packet_bytes) noexcept
    : packet_bytes_{static_cast<double>(packet_bytes)},
      window_{initial_packets * packet_bytes_},
      threshold_{unlimited} {}

void Cubic::on_sent(protocol::Time, std::uint64_t bytes, std::uint64_t) {
    packet_bytes_ = std::max(packet_bytes_, static_cast<double>(bytes));
}

void Cubic::on_ack(const AckSample& sample) {
    smoothed_ = sample.smoothed_round_trip_time.count();
    if (sample.rate_bytes_per_second > 0 &&
        (!sample.application_limited || sample.rate_bytes_per_second > rate_)) {
        rate_ = sample.rate_bytes_per_second;
    }
    if (sample.rounds != round_) new_round(sample.rounds);
    // RFC 9002, 7.8: a window that is not used does not grow.
    if (2 * static_cast<double>(sample.bytes_in_flight_before) < window_) {
        epoch_.reset();
        return;
    }
    if (in_slow_start()) {
        slow_start(sample);
    } else {
        avoid_congestion(sample);
    }
    window_ = std::min(window_, window_most);
}

void Cubic::new_round(std::uint64_t round) {
    round_ = round;
    if (round_ > ease_round_) ease_in_ = false;
    last_round_ = this_round_;
    this_round_ = {};
    if (in_slow_start() && conservative_ && ++conservative_rounds_ >= conservative_rounds_most) {
        threshold_ = window_;
        conservative_ = false;
    }
}

void Cubic::slow_start(const AckSample& sample) {
    const auto acked = static_cast<double>(sample.bytes_acked);
    window_ += conservative_ ? acked / conservative_divisor : acked;
    if (threshold_ < unlimited) return;  // HyStart++ is for the first time (RFC 9406, 4.3)
    const auto measured = sample.round_trip_time.count();
    if (measured <= 0) return;
    this_round_.least = this_round_.samples == 0 ? measured : std::min(this_round_.least, measured);
    ++this_round_.samples;
    if (this_round_.samples < samples_least || last_round_.samples == 0) return;
    if (conservative_) {
        if (this_round_.least < conservative_baseline_) {
            conservative_ = false;
            conservative_rounds_ = 0;
        }
        return;
    }
    const auto rise = std::clamp(last_round_.least / rise_divisor, rise_least, rise_most);
    if (this_round_.least >= last_round_.least + rise) {
        conservative_ = true;
        conservative_baseline_ = this_round_.least;
        conservative_rounds_ = 0;
    }
}

void Cubic::begin_epoch(protocol::Time now) {
    epoch_ = now;
    reno_window_ = window_;
    if (window_ >= window_before_loss_) {
        window_before_loss_ = window_;
        seconds_to_reach_ = 0;
    } else {
        const auto packets = (window_before_loss_ - window_) / packet_bytes_;
        seconds_to_reach_ = std::cbrt(packets / growth);
    }
}

void Cubic::avoid_congestion(const AckSample& sample) {
    if (!epoch_) begin_epoch(sample.now);
    const auto acked = static_cast<double>(sample.bytes_acked);
    const auto passed = Seconds{sample.now - *epoch_}.count();
    const auto cubic_at = [&](double time) {
        const auto from_plateau = time - seconds_to_reach_;
        return window_before_loss_ +
               growth * from_plateau * from_plateau * from_plateau * packet_bytes_;
    };
    const auto alpha = reno_window_ >= window_before_loss_ ? 1.0 : reno_growth;
    reno_window_ = std::min(reno_window_ + alpha * packet_bytes_ * acked / window_, window_most);
    if (cubic_at(passed) < reno_window_) {
        window_ = std::max(window_, reno_window_);
        return;
    }
    const auto round_trip = Seconds{sample.smoothed_round_trip_time}.count();
    const auto target = std::clamp(cubic_at(passed + round_trip), window_, target_most * window_);
    window_ += (target - window_) * acked / window_;
}

void Cubic::on_loss(const LossSample& sample) {
    // One reduction for what was lost of one flight.
    if (recovery_ && sample.newest_sent_at <= *recovery_) return;
    keep_course();
    recovery_ = sample.now;
    conservative_ = false;
    window_before_loss_ = window_ < window_before_loss_ ? window_ * convergence : window_;
    window_ = std::max(window_ * decrease, least_packets * packet_bytes_);
    threshold_ = window_;
    epoch_.reset();
}

void Cubic::keep_course() noexcept {
    before_loss_ =
        Course{window_, threshold_, window_before_loss_, reno_window_, seconds_to_reach_, epoch_};
}

void Cubic::on_spurious_loss(protocol::Time) {
    if (!before_loss_) return;
    // RFC 9438, 4.9.2.
    window_ = std::max(window_, before_loss_->window);
    threshold_ = before_loss_->threshold;
    window_before_loss_ = before_loss_->window_before_loss;
    reno_window_ = before_loss_->reno_window;
    seconds_to_reach_ = before_loss_->seconds_to_reach;
    epoch_ = before_loss_->epoch;
    before_loss_.reset();
}

void Cubic::on_probe_timeout(protocol::Time now, unsigned in_a_row) {
    if (in_a_row != probe_timeouts_of_a_dead_path) return;
    // RFC 9002, 7.6: persistent congestion.
    keep_course();
    threshold_ = std::max(window_ * decrease, least_packets * packet_bytes_);
    window_before_loss_ = window_;
    window_ = least_packets * packet_bytes_;
    conservative_ = false;
    epoch_.reset();
    recovery_ = now;
}

void Cubic::on_idle(protocol::Time, protocol::Duration idle) {
    epoch_.reset();
    if (idle <= pause_short) return;
    ease_in_ = true;
    ease_round_ = round_ + 1;
    const auto restart = packets_after_long_pause * packet_bytes_;
    if (idle > pause_long && window_ > restart) {
        // RFC 5681, 4.1, with a larger restart window.
        threshold_ = std::max(threshold_ == unlimited ? 0 : threshold_, window_);
        window_ = restart;
    }
}

std::uint64_t Cubic::window_bytes() const noexcept { return static_cast<std::uint64_t>(window_); }

std::uint64_t Cubic::pacing_bytes_per_second() const noexcept {
    if (smoothed_ <= 0) return 0;
    const auto gain = ease_in_ ? 1.0 : (in_slow_start() ? pacing_gain_slow_start : pacing_gain);
    const auto rate = gain * window_ / Seconds{protocol::Duration{smoothed_}}.count();
    return static_cast<std::uint64_t>(std::clamp(rate, 1.0, window_most));
}

std::uint64_t Cubic::rate_bytes_per_second() const noexcept { return rate_; }

}  // namespace braid::transport
