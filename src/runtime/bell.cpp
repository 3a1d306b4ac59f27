#include "runtime/bell.hpp"

namespace braid::runtime {

struct Bell::Start {
    template <typename Handler>
    void operator()(Handler handler, Bell* bell) const {
        bell->waiter_ = HandlerWaiter<Waiter, Handler>::make(std::move(handler));
    }
};

asio::awaitable<void> Bell::wait() {
    if (std::exchange(rung_, false)) co_return;
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::error_code)>(
        Start{}, asio::use_awaitable, this);
}

void Bell::ring() {
    if (auto* const waiter = std::exchange(waiter_, nullptr)) {
        waiter->resume({});
    } else {
        rung_ = true;
    }
}

void Bell::drop() noexcept {
    if (auto* const waiter = std::exchange(waiter_, nullptr)) waiter->destroy();
}

}  // namespace braid::runtime
