#pragma once

#include "protocol/scheduler.hpp"
#include "protocol/time.hpp"

#include <braid/participant_event.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace braid::runtime {

/// Turns what a scheduler counts into two events: guarantees are scaled from now on, and they have
/// not been for a second. Streams that send in bursts would else raise two for each burst.
class GuaranteeWatch {
public:
    static constexpr protocol::Duration calm = std::chrono::seconds{1};

    /// What has changed since the last call.
    std::optional<ParticipantEvent> look(const protocol::Scheduler::Counters& counters,
                                         protocol::Time now) {
        using Kind = ParticipantEvent::Kind;
        if (std::exchange(seen_, counters.guarantee_missed) != counters.guarantee_missed) {
            restored_at_ = now + calm;
            if (std::exchange(scaled_, true)) return std::nullopt;
            return ParticipantEvent{Kind::guarantee_scaled, counters.asked_bytes_per_second,
                                    counters.granted_bytes_per_second};
        }
        if (!scaled_ || now < restored_at_) return std::nullopt;
        scaled_ = false;
        return ParticipantEvent{Kind::guarantee_restored, counters.asked_bytes_per_second,
                                counters.asked_bytes_per_second};
    }

    /// When to look again, whatever happens.
    protocol::Time deadline() const noexcept { return scaled_ ? restored_at_ : protocol::never; }

private:
    std::uint64_t seen_ = 0;
    bool scaled_ = false;
    protocol::Time restored_at_{};
};

}  // namespace braid::runtime
