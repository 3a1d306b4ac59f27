#include "transport/bell.hpp"

#include <asio/associated_allocator.hpp>
#include <asio/async_result.hpp>
#include <asio/use_awaitable.hpp>

#include <memory>
#include <system_error>
#include <utility>

namespace braid::transport {

// A Waiter would keep an executor to go on by, which costs an allocation each time; this one goes
// on where it is rung.
template <typename Handler>
class Bell::HandlerSleeper final : public Sleeper {
public:
    static Sleeper* make(Handler handler) {
        Allocator allocator{asio::get_associated_allocator(handler)};
        auto* const memory = std::allocator_traits<Allocator>::allocate(allocator, 1);
        return ::new (memory) HandlerSleeper{std::move(handler)};
    }

    void wake() override {
        auto handler = take();
        std::move(handler)(std::error_code{});
    }

    void destroy() noexcept override { take(); }

private:
    using Allocator = typename std::allocator_traits<
        asio::associated_allocator_t<Handler>>::template rebind_alloc<HandlerSleeper>;

    explicit HandlerSleeper(Handler handler) noexcept : handler_{std::move(handler)} {}
    ~HandlerSleeper() = default;

    // The memory is free before the handler runs, for what it awaits next.
    Handler take() noexcept {
        auto handler = std::move(handler_);
        Allocator allocator{asio::get_associated_allocator(handler)};
        this->~HandlerSleeper();
        std::allocator_traits<Allocator>::deallocate(allocator, this, 1);
        return handler;
    }

    Handler handler_;
};

struct Bell::Start {
    template <typename Handler>
    void operator()(Handler handler, Bell* bell) const {
        bell->sleeper_ = HandlerSleeper<Handler>::make(std::move(handler));
    }
};

asio::awaitable<void> Bell::wait() {
    return asio::async_initiate<const asio::use_awaitable_t<>, void(std::error_code)>(
        Start{}, asio::use_awaitable, this);
}

void Bell::ring() {
    if (auto* const sleeper = std::exchange(sleeper_, nullptr)) {
        sleeper->wake();
    } else {
        rung_ = true;
    }
}

void Bell::drop() noexcept {
    if (auto* const sleeper = std::exchange(sleeper_, nullptr)) sleeper->destroy();
}

}  // namespace braid::transport
