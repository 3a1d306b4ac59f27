#include "transport/udp/pacer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace braid::transport {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr auto burst_time = std::chrono::milliseconds{1};

// What rounding may leave of a shortage when its time is over: less than this is none.
constexpr double bytes_negligible = 0.001;

// Longer waits than any link lives are all alike.
constexpr Seconds wait_max = std::chrono::hours{24 * 365};

}  // namespace

std::uint64_t Pacer::burst(std::uint64_t bytes_per_second, std::uint64_t packet_bytes,
                           unsigned packets) noexcept {
    const auto most = packet_bytes * std::max(packets, 1u);
    const auto in_time = Seconds{burst_time}.count() * static_cast<double>(bytes_per_second);
    if (in_time >= static_cast<double>(most)) return most;
    return std::max(packet_bytes, static_cast<std::uint64_t>(in_time));
}

void Pacer::set(std::uint64_t bytes_per_second, std::uint64_t burst_bytes) noexcept {
    bytes_per_second_ = static_cast<double>(bytes_per_second);
    burst_ = static_cast<double>(burst_bytes);
}

double Pacer::credit(protocol::Time now) const noexcept {
    if (!begun_) return burst_;
    const Seconds passed = std::max(now - counted_at_, protocol::Duration::zero());
    return std::min(burst_, credit_ + passed.count() * bytes_per_second_);
}

void Pacer::sent(protocol::Time now, std::uint64_t bytes) noexcept {
    // While nothing is paced there is no debt either: it would have to be paid later.
    if (bytes_per_second_ <= 0) {
        credit_ = burst_;
    } else {
        credit_ = credit(now) - static_cast<double>(bytes);
    }
    counted_at_ = begun_ ? std::max(counted_at_, now) : now;
    begun_ = true;
}

protocol::Time Pacer::next(protocol::Time now, std::uint64_t bytes,
                           protocol::Duration early) const noexcept {
    if (bytes_per_second_ <= 0) return now;
    const auto needed = std::min(static_cast<double>(bytes), burst_);
    const auto lent = Seconds{early}.count() * bytes_per_second_;
    const auto missing = needed - lent - credit(now);
    if (missing < bytes_negligible) return now;
    const Seconds wait = std::min(Seconds{missing / bytes_per_second_}, wait_max);
    const auto ticks = std::ceil(std::chrono::duration<double, std::nano>{wait}.count());
    return protocol::after(now, protocol::Duration{static_cast<protocol::Duration::rep>(ticks)});
}

}  // namespace braid::transport
