#pragma once

#include "protocol/time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace braid::protocol {

/// What a message costs on top of its bytes, so that empty messages cost something too.
inline constexpr std::uint64_t message_charge = 32;

/// Credit received: how much guaranteed data may be sent for the first time. Limits only grow.
class SendCredit {
public:
    explicit SendCredit(std::uint64_t limit) noexcept : window_min_{limit}, limit_{limit} {}

    /// The peer's window, unless it has grown since.
    std::uint64_t window_min() const noexcept { return window_min_; }
    std::uint64_t limit() const noexcept { return limit_; }
    std::uint64_t used() const noexcept { return used_; }
    std::uint64_t left() const noexcept { return limit_ - used_; }
    void use(std::uint64_t bytes) noexcept { used_ += bytes; }

    /// @returns true if that was news
    bool raise(std::uint64_t limit) noexcept {
        if (limit <= limit_) return false;
        limit_ = limit;
        return true;
    }

    /// True once for each limit: the peer is to be told that it holds us up.
    bool tell_blocked() noexcept {
        if (told_blocked()) return false;
        told_ = limit_ + 1;
        return true;
    }

    /// True if the peer was told so of the present limit. It may wait for that before it gives
    /// more: a word of it that is lost has to be said again.
    bool told_blocked() const noexcept { return told_ == limit_ + 1; }

private:
    std::uint64_t window_min_;
    std::uint64_t limit_;
    std::uint64_t used_ = 0;
    std::uint64_t told_ = 0;
};

/// Credit given. The limit slides past what was consumed; the window grows while the peer uses it
/// up faster than two round trips, or by widen(); room for messages longer than the window is
/// reserved on top.
class ReceiveCredit {
public:
    ReceiveCredit(std::uint64_t window, std::uint64_t window_max) noexcept
        : window_{window}, window_max_{std::max(window, window_max)}, announced_{window} {}

    std::uint64_t window() const noexcept { return window_; }
    std::uint64_t announced() const noexcept { return announced_; }
    std::uint64_t charged() const noexcept { return charged_; }
    std::uint64_t reserved() const noexcept { return reserved_; }
    std::uint64_t headroom() const noexcept { return announced_ - charged_; }
    /// What was charged and is not consumed.
    std::uint64_t held() const noexcept { return charged_ - consumed_; }

    /// @returns false if the peer was not given that much
    bool charge(std::uint64_t bytes) noexcept {
        if (bytes > headroom()) return false;
        charged_ += bytes;
        return true;
    }

    void consume(std::uint64_t bytes) noexcept { consumed_ += bytes; }
    void reserve(std::uint64_t bytes) noexcept { reserved_ += bytes; }

    /// `bytes` that were reserved are consumed: the limit stays where it is.
    void unreserve(std::uint64_t bytes) noexcept { reserved_ -= std::min(reserved_, bytes); }

    /// True if there is a higher limit to announce and the peer is about to need it.
    bool due() const noexcept { return limit() > announced_ && headroom() < window_ / 2; }

    /// True if there is a higher limit to announce.
    bool raised() const noexcept { return limit() > announced_; }

    /// Doubles the window at once, up to its bound.
    void widen() noexcept { window_ = std::min(window_ * 2, window_max_); }

    /// @returns the limit to announce now
    std::uint64_t announce(Time now, Duration round_trip_time) noexcept {
        constexpr Duration quick = std::chrono::milliseconds{10};
        const auto pause = std::max(2 * round_trip_time, quick);
        if (announced_at_ != Time{} && now - announced_at_ < pause) widen();
        announced_at_ = now;
        announced_ = std::max(announced_, limit());
        return announced_;
    }

private:
    std::uint64_t limit() const noexcept { return consumed_ + window_ + reserved_; }

    std::uint64_t window_;
    std::uint64_t window_max_;
    std::uint64_t announced_;
    std::uint64_t charged_ = 0;
    std::uint64_t consumed_ = 0;
    std::uint64_t reserved_ = 0;
    Time announced_at_{};
};

}  // namespace braid::protocol
