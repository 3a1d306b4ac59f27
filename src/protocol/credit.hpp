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
    /// It may not have heard.
    void forget_told() noexcept { told_ = 0; }

private:
    std::uint64_t window_min_;
    std::uint64_t limit_;
    std::uint64_t used_ = 0;
    std::uint64_t told_ = 0;
};

/// Which streams have paid for a part of a message with the participant's credit. The receiver
/// gives that back only when it has the rest, so that these must always be able to pay it, one
/// after the other. As they do if each part is paid for only when
///
/// - the credit at hand would pay for the rest of its message, or
/// - all others wait for credit of their own streams, and what their rests need is set aside.
///
/// Then an order in which all can be finished exists at any time: after the first kind of payment,
/// its message goes before the others, and after the second, behind them.
///
/// After E. W. Dijkstra: Een algorithme ter voorkoming van de dodelijke omarming (EWD 108, 1964),
/// the banker's algorithm.
class UnfinishedMessages {
public:
    /// A stream's place in it.
    struct Place {
        bool paying = false;
        std::uint64_t set_aside = 0;
    };

    /// The message of this stream still needs `unpaid` bytes of credit, 0 if none is unfinished.
    /// @returns true if another one may be able to go on now that could not before
    bool note(Place& place, std::uint64_t unpaid, bool waits_for_stream) noexcept {
        const bool pays = unpaid != 0 && !waits_for_stream;
        const auto aside = waits_for_stream ? unpaid : 0;
        if (pays == place.paying && aside == place.set_aside) return false;
        const bool less = place.paying > pays || place.set_aside > aside;
        if (pays && !place.paying) ++paying_;
        if (!pays && place.paying) --paying_;
        set_aside_ += aside - place.set_aside;
        place = {pays, aside};
        return less && paying_ <= 1;
    }

    /// True if no other stream has an unfinished message that does not wait for its own credit.
    bool alone(const Place& place) const noexcept { return paying_ == (place.paying ? 1u : 0u); }
    std::size_t paying() const noexcept { return paying_; }

    /// What others need that wait for their own credit.
    std::uint64_t set_aside(const Place& place) const noexcept {
        return set_aside_ - place.set_aside;
    }

private:
    std::size_t paying_ = 0;
    std::uint64_t set_aside_ = 0;
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

    /// From now on there is as much beyond the window as is reserved now, be it reserved or not.
    void keep_reserved() noexcept { kept_ = std::max(kept_, reserved_); }

    /// `bytes` that were reserved are consumed: the limit stays where it is.
    void unreserve(std::uint64_t bytes) noexcept { reserved_ -= std::min(reserved_, bytes); }

    /// True if there is a higher limit to announce and the peer is about to need it.
    bool due() const noexcept { return limit() > announced_ && headroom() < window_ / 2; }

    /// True if there is a higher limit to announce.
    bool raised() const noexcept { return limit() > announced_; }

    /// Doubles the window at once, up to its bound.
    void widen() noexcept { window_ = std::min(window_ * 2, window_max_); }
    bool widest() const noexcept { return window_ == window_max_; }

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
    std::uint64_t limit() const noexcept {
        return consumed_ + window_ + std::max(reserved_, kept_);
    }

    std::uint64_t window_;
    std::uint64_t window_max_;
    std::uint64_t announced_;
    std::uint64_t charged_ = 0;
    std::uint64_t consumed_ = 0;
    std::uint64_t reserved_ = 0;
    std::uint64_t kept_ = 0;
    Time announced_at_{};
};

}  // namespace braid::protocol
