#include "transport/simulated/driver.hpp"

#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <system_error>
#include <utility>

namespace braid::transport {

SimulatedDriver::SimulatedDriver(std::unique_ptr<Driver> within, SimulatedLink& link) noexcept
    : within_{std::move(within)}, link_{link} {
    link_.observe(*this);
}

asio::awaitable<void> SimulatedDriver::read() {
    while (link_.reading_paused()) {
        if (!pause_) {
            const auto executor = co_await asio::this_coro::executor;
            pause_.emplace(executor, asio::steady_timer::time_point::max());
        }
        std::error_code ignored;
        co_await pause_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (!link_.failure()) co_await within_->read();
}

bool SimulatedDriver::try_write() {
    if (!within_->try_write()) return false;
    written();
    return true;
}

asio::awaitable<void> SimulatedDriver::write() {
    co_await within_->write();
    written();
}

void SimulatedDriver::written() noexcept {
    // Whoever reads may not know yet, and the end is told through him.
    if (link_.failed_unnoticed()) within_->close();
    if (finishing_ && link_.outgoing_empty()) {
        finishing_ = false;
        within_->finish();
    }
}

void SimulatedDriver::finish() noexcept {
    finishing_ = true;
    written();
}

void SimulatedDriver::close() noexcept {
    link_.close();
    within_->close();
    drained();
}

void SimulatedDriver::drained() noexcept {
    if (pause_) pause_->cancel();
}

}  // namespace braid::transport
