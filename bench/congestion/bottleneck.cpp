#include "congestion/bottleneck.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace bench {
namespace {

using braid::protocol::Duration;
using braid::protocol::Time;

double seconds(Time at) { return std::chrono::duration<double>{at.time_since_epoch()}.count(); }

Time at_seconds(double seconds) {
    return Time{std::chrono::duration_cast<Duration>(std::chrono::duration<double>{seconds})};
}

double products_in_bytes(const PathPlan& plan) {
    return plan.queue_products * plan.bits_per_second / 8 * plan.round_trip_ms / 1000;
}

// Even the shortest queue of a real box holds some packets.
constexpr double queue_bytes_least = 3000;

}  // namespace

Bottleneck::Bottleneck(const PathPlan& plan, std::uint64_t seed)
    : plan_{plan},
      random_{seed},
      queue_limit_{std::max(products_in_bytes(plan), queue_bytes_least)},
      bucket_{plan.policed_bits_per_second / 8 * plan.policer_ms / 1000} {}

std::optional<Time> Bottleneck::carry(Time now, unsigned bytes) {
    const auto start = seconds(now);
    while (!queue_.empty() && queue_.front().until <= start) {
        queued_bytes_ -= queue_.front().bytes;
        queue_.pop_front();
    }
    if (policer_drops(start, bytes) || queued_bytes_ + bytes > queue_limit_) return std::nullopt;
    free_at_ = finished(std::max(start, free_at_), bytes);
    queue_.push_back({free_at_, bytes});
    queued_bytes_ += bytes;
    if (lost()) return std::nullopt;
    auto arrives = free_at_ + one_way_seconds(free_at_);
    if (plan_.jitter_ms > 0) {
        arrives += plan_.jitter_ms / 1000 * static_cast<double>(random_.below(1000)) / 1000;
    }
    if (plan_.spike_ms > 0) {
        const auto into = arrives - std::floor(arrives);
        if (into < plan_.spike_ms / 1000) arrives += plan_.spike_ms / 1000 - into;
    }
    return at_seconds(arrives);
}

std::optional<Time> Bottleneck::carry_back(Time now) {
    if (random_.chance(plan_.loss)) return std::nullopt;
    return at_seconds(seconds(now) + one_way_seconds(seconds(now)));
}

double Bottleneck::rate_at(double now) const {
    auto rate = plan_.bits_per_second;
    for (const auto& step : plan_.steps) {
        if (step.at_seconds <= now) rate = step.bits_per_second;
    }
    return rate / 8;
}

double Bottleneck::one_way_seconds(double now) const {
    const bool detour = plan_.detour_round_trip_ms > 0 && now >= plan_.detour_at_seconds;
    return (detour ? plan_.detour_round_trip_ms : plan_.round_trip_ms) / 2000;
}

double Bottleneck::finished(double start, double bytes) const {
    for (const auto& step : plan_.steps) {
        if (step.at_seconds <= start) continue;
        const auto before = (step.at_seconds - start) * rate_at(start);
        if (before >= bytes) break;
        bytes -= before;
        start = step.at_seconds;
    }
    return start + bytes / rate_at(start);
}

bool Bottleneck::policer_drops(double now, unsigned bytes) {
    if (plan_.policed_bits_per_second <= 0) return false;
    const auto rate = plan_.policed_bits_per_second / 8;
    bucket_ = std::min(rate * plan_.policer_ms / 1000, bucket_ + (now - bucket_at_) * rate);
    bucket_at_ = now;
    if (bucket_ < bytes) return true;
    bucket_ -= bytes;
    return false;
}

bool Bottleneck::lost() {
    if (plan_.burst_begins > 0) {
        in_burst_ = in_burst_ ? !random_.chance(1 / plan_.burst_packets)
                              : random_.chance(plan_.burst_begins);
        if (in_burst_) return true;
    }
    return random_.chance(plan_.loss);
}

}  // namespace bench
