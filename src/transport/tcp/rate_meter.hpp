#pragma once

#include "protocol/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace braid::transport {

/// What a path carries, as far as can be told from traffic. Only while writes had to wait does
/// traffic show what the path can do; otherwise it shows what the path can do at least.
class RateMeter {
public:
    static constexpr protocol::Duration window = std::chrono::milliseconds{100};

    /// The system's own estimate.
    void sampled(std::uint64_t bytes_per_second, bool saturated) noexcept {
        if (saturated) {
            rate_ = bytes_per_second;
            floor_ = bytes_per_second;
        } else {
            if (rate_ != 0) rate_ = std::max(rate_, bytes_per_second);
            floor_ = std::max(floor_, bytes_per_second);
        }
    }

    /// Where the system has none: what it accepted since the last call, and whether it made us
    /// wait.
    void accepted(std::size_t bytes, bool waited, protocol::Time now) noexcept {
        if (!started_) {
            started_ = true;
            start_ = now;
        }
        bytes_ += bytes;
        waited_ = waited_ || waited;
        const auto elapsed = now - start_;
        if (elapsed < window) return;
        const auto seconds = std::chrono::duration<double>(elapsed).count();
        const auto measured = static_cast<std::uint64_t>(static_cast<double>(bytes_) / seconds);
        sampled(waited_ && rate_ != 0 ? (rate_ + measured) / 2 : measured, waited_);
        start_ = now;
        bytes_ = 0;
        waited_ = false;
    }

    /// 0 while the path was never saturated.
    std::uint64_t bytes_per_second() const noexcept { return rate_; }

    /// 0 before anything was measured.
    std::uint64_t bytes_per_second_min() const noexcept { return floor_; }

private:
    protocol::Time start_{};
    std::uint64_t bytes_ = 0;
    std::uint64_t rate_ = 0;
    std::uint64_t floor_ = 0;
    bool started_ = false;
    bool waited_ = false;
};

}  // namespace braid::transport
