#pragma once

#include "protocol/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace braid::transport {

/// Estimates the rate of a path from what the system accepted over time, where the system itself
/// does not tell. Only while writes had to wait does that say what the path can carry; otherwise
/// it is a lower bound.
class RateMeter {
public:
    static constexpr protocol::Duration window = std::chrono::milliseconds{100};

    void accepted(std::size_t bytes, bool blocked, protocol::Time now) noexcept {
        if (!started_) {
            started_ = true;
            start_ = now;
        }
        bytes_ += bytes;
        blocked_ = blocked_ || blocked;
        const auto elapsed = now - start_;
        if (elapsed < window) return;
        const auto seconds = std::chrono::duration<double>(elapsed).count();
        const auto measured = static_cast<std::uint64_t>(static_cast<double>(bytes_) / seconds);
        if (blocked_) {
            rate_ = rate_ == 0 ? measured : (rate_ + measured) / 2;
        } else if (measured > rate_) {
            rate_ = measured;
        }
        start_ = now;
        bytes_ = 0;
        blocked_ = false;
    }

    /// 0 before the first window is over.
    std::uint64_t bytes_per_second() const noexcept { return rate_; }

private:
    protocol::Time start_{};
    std::uint64_t bytes_ = 0;
    std::uint64_t rate_ = 0;
    bool started_ = false;
    bool blocked_ = false;
};

}  // namespace braid::transport
