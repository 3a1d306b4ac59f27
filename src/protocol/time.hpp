#pragma once

#include <chrono>

namespace braid::protocol {

/// Nobody's clock: protocol code is told the time, it never asks.
struct ToldClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<ToldClock>;
    static constexpr bool is_steady = true;
};

using Duration = ToldClock::duration;
using Time = ToldClock::time_point;

/// A deadline that never comes.
inline constexpr Time never = Time::max();

/// So much later than `now`; never if that is beyond all times.
constexpr Time after(Time now, Duration wait) noexcept {
    return wait > never - now ? never : now + wait;
}

}  // namespace braid::protocol
