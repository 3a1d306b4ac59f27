#pragma once

#include "runtime/clock.hpp"
#include "runtime/timers.hpp"

#include <memory>
#include <mutex>
#include <vector>

/// A clock that stands still until it is told, and timers that go by it.
class SimulatedTimers final : public braid::runtime::Clock, public braid::runtime::Timers {
public:
    braid::protocol::Time now() const noexcept override {
        const std::lock_guard lock{mutex_};
        return now_;
    }

    void arm(Entry& entry, braid::protocol::Time at) override {
        if (braid::runtime::TimerHeap::postpone(entry, at)) return;
        const std::lock_guard lock{mutex_};
        heap_.arm(entry);
    }

    void remove(Entry& entry) noexcept override {
        const std::lock_guard lock{mutex_};
        heap_.remove(entry);
    }

    braid::protocol::Time earliest() const {
        const std::lock_guard lock{mutex_};
        return heap_.earliest();
    }

    /// Goes on to that time and rings what is due by then.
    void advance_to(braid::protocol::Time at) {
        std::vector<std::shared_ptr<braid::runtime::Alarmed>> due;
        {
            const std::lock_guard lock{mutex_};
            if (at > now_) now_ = at;
            heap_.expire(now_, due);
        }
        rung_ += due.size();
        for (const auto& each : due) each->alarm();
    }

    /// How many alarms there were.
    std::size_t rung() const noexcept { return rung_; }

private:
    mutable std::mutex mutex_;
    // Not zero, which means "never yet" to some.
    braid::protocol::Time now_{std::chrono::hours{1}};
    braid::runtime::TimerHeap heap_;
    std::size_t rung_ = 0;
};
