#include "transport/simulated/path.hpp"

#include <algorithm>
#include <chrono>

namespace braid::transport {

namespace {

using protocol::Duration;

constexpr double unit_seconds = 0.004;
constexpr std::size_t unit_bytes_max = 64u << 10;
constexpr Duration delay_max = std::chrono::minutes{1};

}  // namespace

// Written so that NaN fits nowhere.
std::string SimulatedPath::problem(const LinkSimulation::Direction& direction) {
    const auto delay = [](Duration value) {
        return value >= Duration::zero() && value <= delay_max;
    };
    if (!delay(direction.latency)) return "latency must be from 0 to a minute";
    if (!delay(direction.jitter)) return "jitter must be from 0 to a minute";
    if (!(direction.loss >= 0 && direction.loss < 1)) return "loss must be from 0 to below 1";
    if (!(direction.duplication >= 0 && direction.duplication <= 1)) {
        return "duplication must be from 0 to 1";
    }
    return {};
}

SimulatedPath::Passage SimulatedPath::pass(std::size_t bytes, protocol::Time from) noexcept {
    Passage passage;
    free_at_ = std::max(free_at_, from);
    if (const auto rate = direction_.rate_bytes_per_second; rate != 0) {
        const auto nanoseconds = 1e9 * static_cast<double>(bytes) / static_cast<double>(rate);
        free_at_ += Duration{static_cast<Duration::rep>(nanoseconds)};
    }
    const auto jitter = static_cast<double>(direction_.jitter.count()) * share();
    passage.arrives = free_at_ + direction_.latency + Duration{static_cast<Duration::rep>(jitter)};
    passage.packets = static_cast<unsigned>((bytes + packet_bytes - 1) / packet_bytes);
    for (unsigned packet = 0; packet < passage.packets; ++packet) {
        unsigned losses = 0;
        while (losses < losses_max && share() < direction_.loss) ++losses;
        if (losses > 0 && passage.losses == 0) {
            passage.packets_after_loss = passage.packets - packet - 1;
        }
        passage.losses = std::max(passage.losses, losses);
        if (share() < direction_.duplication) ++passage.duplicates;
    }
    return passage;
}

std::size_t SimulatedPath::unit_bytes() const noexcept {
    const auto rate = direction_.rate_bytes_per_second;
    if (rate == 0) return unit_bytes_max;
    const auto bytes =
        std::clamp(static_cast<double>(rate) * unit_seconds, static_cast<double>(packet_bytes),
                   static_cast<double>(unit_bytes_max));
    return static_cast<std::size_t>(bytes);
}

// From 0 to below 1: splitmix64 of G. Steele, D. Lea and C. Flood (2014). std's distributions
// differ from one standard library to the next.
double SimulatedPath::share() noexcept {
    auto mixed = state_ += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    mixed ^= mixed >> 31;
    return static_cast<double>(mixed >> 11) * 0x1.0p-53;
}

}  // namespace braid::transport
