#include "api/trial.hpp"

#include <stdexcept>

using namespace trial;

namespace {

awaitable<int> seven() { co_return 7; }

awaitable<void> fail() {
    throw std::runtime_error{"on purpose"};
    co_return;
}

}  // namespace

TEST_CASE("run returns or throws what the coroutine does") {
    CHECK(braid::run(seven()) == 7);
    CHECK_THROWS_AS(braid::run(fail()), std::runtime_error);
}

TEST_CASE("run drops what still runs") {
    bool started = false;
    bool ended = false;
    const auto forever = [&]() -> awaitable<void> {
        started = true;
        asio::steady_timer timer{co_await asio::this_coro::executor, 1h};
        co_await timer.async_wait(asio::use_awaitable);
        ended = true;
    };
    braid::run([&]() -> awaitable<void> {
        braid::spawn(co_await asio::this_coro::executor, forever());
        co_await give_way();
    }());
    CHECK(started);
    CHECK_FALSE(ended);
}

TEST_CASE("spawn does not swallow exceptions") {
    asio::io_context context;
    braid::spawn(context.get_executor(), fail());
    CHECK_THROWS_AS(context.run(), std::runtime_error);
}
