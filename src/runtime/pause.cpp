#include "runtime/pause.hpp"

#include <asio/error.hpp>

#include <system_error>
#include <utility>

namespace braid::runtime {

std::shared_ptr<Pause> Pause::make(std::shared_ptr<Clock> clock, std::shared_ptr<Timers> timers) {
    std::shared_ptr<Pause> pause{new Pause{std::move(clock), std::move(timers)}};
    pause->entry_.set_target(pause);
    return pause;
}

Pause::Pause(std::shared_ptr<Clock> clock, std::shared_ptr<Timers> timers) noexcept
    : clock_{std::move(clock)}, timers_{std::move(timers)} {}

Pause::~Pause() { timers_->remove(entry_); }

asio::awaitable<void> Pause::pass(std::shared_ptr<Pause> self, protocol::Duration time) {
    const auto until = self->clock_->now() + time;
    for (;;) {
        const auto ticket = self->changes_.ticket();
        if (self->ended_) throw std::system_error{asio::error::operation_aborted};
        if (self->clock_->now() >= until) co_return;
        self->timers_->arm(self->entry_, until);
        co_await self->changes_.wait(ticket, self);
    }
}

void Pause::end() noexcept {
    ended_ = true;
    changes_.notify();
}

}  // namespace braid::runtime
