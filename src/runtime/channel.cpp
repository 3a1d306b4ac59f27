#include "runtime/channel.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <utility>

namespace braid::runtime {

Channel::Channel(std::shared_ptr<ChannelEvents> events, std::shared_ptr<Clock> clock,
                 transport::Connection connection) noexcept
    : events_{std::move(events)}, clock_{std::move(clock)}, connection_{std::move(connection)} {}

void Channel::start(const asio::any_io_executor& strand, protocol::MuxPort& port) {
    port_ = &port;
    loops_ = 2;
    asio::co_spawn(strand, read(shared_from_this()), asio::detached);
    asio::co_spawn(strand, write(shared_from_this()), asio::detached);
}

asio::awaitable<void> Channel::read(std::shared_ptr<Channel> self) {
    auto& link = self->link();
    while (!link.failure()) {
        co_await self->connection_.driver->read();
        const auto now = self->clock_->now();
        link.drain(*self->port_, now);
        self->events_->received(now);
        // After the goodbye, the link ends when it finds nothing more to say.
        if (link.failure() || self->goodbye_ || self->port_->pending(now)) self->wake();
    }
    self->loop_ended();
}

asio::awaitable<void> Channel::write(std::shared_ptr<Channel> self) {
    auto& link = self->link();
    while (!link.failure()) {
        const bool more = self->fill();
        co_await self->connection_.driver->write();
        if (more || link.failure()) continue;
        if (self->events_->said_goodbye() && !std::exchange(self->goodbye_, true)) {
            self->connection_.driver->finish();
            continue;
        }
        if (self->bell_.take_ring()) continue;
        self->idle_ = true;
        co_await self->bell_.wait();
        self->idle_ = false;
    }
    self->loop_ended();
}

void Channel::wake() {
    if (pumping_) {
        again_ = true;
        return;
    }
    if (idle_) {
        pumping_ = true;
        again_ = false;
        const bool done = pump();
        pumping_ = false;
        if (done && !again_) return;
    }
    bell_.ring();
}

// The writing loop's round, without a coroutine to go on. False if it takes the loop after all.
bool Channel::pump() {
    if (link().failure()) return false;
    const bool more = fill();
    return connection_.driver->try_write() && !more && !events_->said_goodbye();
}

// True if there is more than the link had room for.
bool Channel::fill() {
    const auto now = clock_->now();
    port_->set_path(link().path());
    link().fill(*port_, now);
    events_->filled(now);
    return link().would_fill(*port_, now);
}

void Channel::catch_up(protocol::Time now) {
    if (!connection_.driver->catch_up()) return;
    link().drain(*port_, now);
    events_->received(now);
}

void Channel::advance(protocol::Time now) {
    auto& own = link();
    if (now < own.deadline()) return;
    if (now - own.deadline() >= late) {
        catch_up(now);
        if (connection_.link == nullptr || now < own.deadline()) return;
    }
    own.advance(now);
    own.drain(*port_, now);
    events_->received(now);
    // The reading loop may be waiting for what never comes.
    if (connection_.link != nullptr && own.failure()) close();
}

void Channel::close() noexcept { connection_.driver->close(); }

void Channel::drop() noexcept {
    bell_.drop();
    connection_ = {};
    events_.reset();
}

// The first to end ends the other.
void Channel::loop_ended() {
    if (--loops_ > 0) {
        connection_.driver->close();
        bell_.ring();
        return;
    }
    const auto reason = link().failure();
    const auto events = std::exchange(events_, nullptr);
    // What it has not sent refers to the participant's memory.
    connection_ = {};
    events->channel_ended(reason);
}

}  // namespace braid::runtime
