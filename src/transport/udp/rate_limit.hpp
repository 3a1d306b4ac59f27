#pragma once

#include "protocol/time.hpp"

#include <algorithm>

namespace braid::transport {

/// So many of something a second, and some at once after a pause: the generic cell rate algorithm
/// (ITU-T I.371), which remembers one time.
class RateLimit {
public:
    struct Rate {
        unsigned per_second = 1;  ///< not 0
        unsigned burst = 1;

        bool operator==(const Rate&) const = default;

        constexpr protocol::Duration interval() const noexcept {
            return protocol::Duration{std::chrono::seconds{1}} / per_second;
        }
    };

    /// True if one more is within the rate.
    bool allows(const Rate& rate, protocol::Time now) const noexcept {
        const auto ahead = std::max(spent_until_, now) - now;
        return ahead + rate.interval() <= rate.burst * rate.interval();
    }

    void take(const Rate& rate, protocol::Time now) noexcept {
        spent_until_ = std::max(spent_until_, now) + rate.interval();
    }

    /// Counts one that is not to be prevented: a rate that is exceeded stays so until there are
    /// fewer, for at most as long as two bursts take.
    void count(const Rate& rate, protocol::Time now) noexcept {
        take(rate, now);
        spent_until_ = std::min(spent_until_, now + 2 * rate.burst * rate.interval());
    }

private:
    protocol::Time spent_until_ = protocol::Time::min();
};

}  // namespace braid::transport
