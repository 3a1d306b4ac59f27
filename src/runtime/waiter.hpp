#pragma once

#include "transport/context_service.hpp"
#include "transport/strand_executor.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/prefer.hpp>
#include <asio/use_awaitable.hpp>

#include <memory>
#include <system_error>
#include <utility>

namespace braid::runtime {

/// A coroutine that is suspended until something happens: its stored completion handler.
class Waiter {
public:
    /// Goes on by itself, on its own executor. The Waiter is gone.
    virtual void complete(std::error_code error) noexcept = 0;

    /// Goes on by itself; within this call if the calling thread may run it.
    virtual void go_on(std::error_code error) = 0;

    /// Goes on right here, which must be on its executor. The Waiter is gone.
    virtual void resume(std::error_code error) = 0;

    /// Where it goes on.
    virtual asio::any_io_executor executor() const noexcept = 0;

    /// Never goes on. The Waiter is gone.
    virtual void destroy() noexcept = 0;

protected:
    ~Waiter() = default;
};

/// The Waiter of a completion handler. `Base` is what its owner wants to know of it on top.
template <typename Base, typename Handler>
class HandlerWaiter final : public Base {
public:
    /// Keeps the handler's executor busy, whose run() shall not return while it waits.
    template <typename... Arguments>
    static Base* make(Handler handler, Arguments&&... arguments) {
        Allocator allocator{asio::get_associated_allocator(handler)};
        auto* const memory = std::allocator_traits<Allocator>::allocate(allocator, 1);
        return ::new (memory)
            HandlerWaiter{std::move(handler), std::forward<Arguments>(arguments)...};
    }

    void complete(std::error_code error) noexcept override {
        Allocator allocator{asio::get_associated_allocator(handler_)};
        transport::post_to(executor_, Completion{std::move(handler_), error});
        // Only now may the execution context die.
        free(allocator);
    }

    void go_on(std::error_code error) override {
        Allocator allocator{asio::get_associated_allocator(handler_)};
        Completion completion{std::move(handler_), error};
        // The handler's memory is for what it awaits next, which may begin within dispatch().
        const auto executor = std::move(executor_);
        free(allocator);
        transport::dispatch_to(executor, std::move(completion));
    }

    void resume(std::error_code error) override {
        auto handler = std::move(handler_);
        free(Allocator{asio::get_associated_allocator(handler)});
        std::move(handler)(error);
    }

    asio::any_io_executor executor() const noexcept override { return executor_; }

    void destroy() noexcept override {
        const auto handler = std::move(handler_);
        free(Allocator{asio::get_associated_allocator(handler)});
    }

private:
    using Allocator = typename std::allocator_traits<
        asio::associated_allocator_t<Handler>>::template rebind_alloc<HandlerWaiter>;

    struct Completion {
        using allocator_type = asio::associated_allocator_t<Handler>;
        allocator_type get_allocator() const noexcept {
            return asio::get_associated_allocator(handler);
        }
        void operator()() { std::move(handler)(error); }

        Handler handler;
        std::error_code error;
    };

    template <typename... Arguments>
    explicit HandlerWaiter(Handler handler, Arguments&&... arguments)
        : Base{std::forward<Arguments>(arguments)...},
          executor_{asio::prefer(asio::any_io_executor{asio::get_associated_executor(handler)},
                                 asio::execution::outstanding_work.tracked)},
          handler_{std::move(handler)} {}
    ~HandlerWaiter() = default;

    void free(Allocator allocator) noexcept {
        this->~HandlerWaiter();
        std::allocator_traits<Allocator>::deallocate(allocator, this, 1);
    }

    asio::any_io_executor executor_;
    Handler handler_;
};

}  // namespace braid::runtime
