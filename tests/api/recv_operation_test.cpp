#include "api/trial.hpp"

#include <asio/experimental/awaitable_operators.hpp>

#include <type_traits>
#include <variant>

using namespace trial;

static_assert(std::is_same_v<decltype(std::declval<braid::Stream>().recv_for<int>(1s)),
                             asio::awaitable<std::optional<int>>>);

TEST_CASE("recv is awaited without a frame, or as an ordinary awaitable") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        lane.client.send(1);
        lane.client.send(2);
        lane.client.send(3);
        int value = co_await lane.server.recv<int>();
        CHECK(value == 1);
        value = co_await lane.server.recv<int>().as_awaitable();
        CHECK(value == 2);
        auto next = co_await lane.server.next<int>().as_awaitable();
        CHECK(next == 3);
        lane.client.send(4);
        // Made first and awaited later.
        auto operation = lane.server.recv<int>();
        value = co_await std::move(operation);
        CHECK(value == 4);
    }());
}

TEST_CASE("recv competes with a timer") {
    run([]() -> awaitable<void> {
        using namespace asio::experimental::awaitable_operators;
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        asio::steady_timer timer{co_await asio::this_coro::executor, 5ms};
        auto first = co_await (lane.server.recv<int>().as_awaitable() ||
                               timer.async_wait(asio::use_awaitable));
        CHECK(first.index() == 1);
        lane.client.send(1);
        timer.expires_after(30s);
        auto second = co_await (lane.server.recv<int>().as_awaitable() ||
                                timer.async_wait(asio::use_awaitable));
        CHECK(second.index() == 0);
    }());
}

TEST_CASE("a handle may go while its coroutine waits") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        auto pair = co_await make_pair();
        auto client = co_await pair.at_client.open();
        auto server = std::make_unique<braid::Stream>(co_await pair.at_server.opened());
        std::optional<std::error_code> error;
        asio::co_spawn(
            executor,
            [&]() -> awaitable<void> {
                try {
                    co_await server->recv<int>();
                } catch (const std::system_error& thrown) {
                    error = thrown.code();
                }
            },
            asio::detached);
        co_await give_way();
        server.reset();
        co_await until([&] { return error.has_value(); });
        CHECK(error == braid::errc::stream_closed);
    }());
}
