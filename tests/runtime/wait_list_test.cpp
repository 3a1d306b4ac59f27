#include "runtime/wait_list.hpp"

#include "catch.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>

#include <atomic>
#include <memory>
#include <system_error>
#include <thread>

using braid::runtime::WaitList;

namespace {

asio::awaitable<void> wait_once(std::shared_ptr<WaitList> list, int& woken) {
    const auto ticket = list->ticket();
    co_await list->wait(ticket, list);
    ++woken;
}

}  // namespace

TEST_CASE("all who wait go on when they are notified") {
    asio::io_context context;
    const auto list = std::make_shared<WaitList>();
    int woken = 0;
    for (int i = 0; i < 3; ++i) {
        asio::co_spawn(context, wait_once(list, woken), asio::detached);
    }
    context.poll();
    CHECK(list->waiting());
    list->notify();
    CHECK(woken == 0);
    CHECK_FALSE(list->waiting());
    context.run();
    CHECK(woken == 3);
}

TEST_CASE("what happened since the ticket was drawn is not missed") {
    asio::io_context context;
    const auto list = std::make_shared<WaitList>();
    const auto ticket = list->ticket();
    list->notify();
    bool woken = false;
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
            co_await list->wait(ticket, list);
            woken = true;
        },
        asio::detached);
    context.run();
    CHECK(woken);
}

TEST_CASE("a wait can be cancelled") {
    asio::io_context context;
    auto list = std::make_shared<WaitList>();
    asio::cancellation_signal signal;
    int woken = 0;
    std::exception_ptr error;
    asio::co_spawn(context, wait_once(list, woken),
                   asio::bind_cancellation_slot(
                       signal.slot(), [&](std::exception_ptr thrown) { error = thrown; }));
    context.poll();
    signal.emit(asio::cancellation_type::terminal);
    CHECK_FALSE(list->waiting());
    context.run();
    CHECK(woken == 0);
    CHECK_THROWS_AS(std::rethrow_exception(error), std::system_error);
    list.reset();
    signal.emit(asio::cancellation_type::terminal);
}

TEST_CASE("whoever waits holds its context up, and dies with it") {
    auto context = std::make_unique<asio::io_context>();
    const auto list = std::make_shared<WaitList>();
    int woken = 0;
    asio::co_spawn(*context, wait_once(list, woken), asio::detached);
    context->poll();
    CHECK_FALSE(context->stopped());
    context.reset();
    CHECK_FALSE(list->waiting());
    list->notify();
    CHECK(woken == 0);
}

TEST_CASE("a list may go before those who wait") {
    asio::io_context context;
    auto list = std::make_unique<WaitList>();
    bool woken = false;
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
            co_await list->wait(list->ticket(), std::weak_ptr<const void>{});
            woken = true;
        },
        asio::detached);
    context.poll();
    list.reset();
    context.run();
    CHECK_FALSE(woken);
}

TEST_CASE("nothing is missed between threads") {
    asio::io_context context;
    const auto list = std::make_shared<WaitList>();
    std::atomic<int> produced{0};
    constexpr int total = 20'000;
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
            for (int seen = 0; seen < total;) {
                const auto ticket = list->ticket();
                if (produced.load() == seen) {
                    co_await list->wait(ticket, list);
                    continue;
                }
                seen = produced.load();
            }
        },
        asio::detached);
    std::thread producer{[&] {
        for (int i = 0; i < total; ++i) {
            ++produced;
            list->notify();
        }
    }};
    context.run();
    producer.join();
}
