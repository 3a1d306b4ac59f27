#include "runtime/system_timers.hpp"

#include <asio/post.hpp>

#include <utility>

namespace braid::runtime {

std::shared_ptr<SystemTimers> SystemTimers::make(const asio::any_io_executor& executor,
                                                 std::shared_ptr<Clock> clock) {
    std::shared_ptr<SystemTimers> timers{new SystemTimers{executor, std::move(clock)}};
    if (!timers->residents_->enter(*timers)) timers->timer_.reset();
    return timers;
}

SystemTimers::SystemTimers(const asio::any_io_executor& executor, std::shared_ptr<Clock> clock)
    : clock_{std::move(clock)}, residents_{transport::Residents::of(executor)}, timer_{executor} {}

SystemTimers::~SystemTimers() {
    timer_.reset();
    residents_->leave(*this);
}

void SystemTimers::arm(Entry& entry, protocol::Time at) {
    if (TimerHeap::postpone(entry, at)) return;
    const std::lock_guard lock{mutex_};
    heap_.arm(entry);
    set_timer();
}

void SystemTimers::remove(Entry& entry) noexcept {
    const std::lock_guard lock{mutex_};
    heap_.remove(entry);
    // A timer that nobody needs would keep the execution context running.
    if (heap_.earliest() == protocol::never && timer_) {
        timer_at_ = protocol::never;
        timer_->cancel();
    }
}

bool SystemTimers::claim() noexcept {
    claimed_ = weak_from_this().lock();
    return claimed_ != nullptr;
}

void SystemTimers::evict() noexcept {
    const auto self = std::move(claimed_);
    const std::lock_guard lock{mutex_};
    timer_.reset();
}

// Only an earlier deadline moves asio's timer; one that rings too early costs less. One that is due
// already needs none: setting the system's timer costs more than all else here, and a sender that
// is paced comes by for every batch.
void SystemTimers::set_timer() {
    const auto earliest = heap_.earliest();
    if (!timer_ || earliest >= timer_at_) return;
    const auto now = clock_->now();
    if (earliest <= now) {
        if (std::exchange(posted_, true)) return;
        asio::post(timer_->get_executor(), [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->rang(Ringer::post);
        });
        return;
    }
    timer_at_ = earliest;
    timer_->expires_after(earliest - now);
    timer_->async_wait([weak = weak_from_this()](std::error_code error) {
        if (error) return;
        if (const auto self = weak.lock()) self->rang(Ringer::timer);
    });
}

void SystemTimers::rang(Ringer by) {
    std::vector<std::shared_ptr<Alarmed>> due;
    {
        const std::lock_guard lock{mutex_};
        if (by == Ringer::timer) {
            timer_at_ = protocol::never;
        } else {
            posted_ = false;
        }
        heap_.expire(clock_->now(), due);
        set_timer();
    }
    for (const auto& each : due) each->alarm();
}

}  // namespace braid::runtime
