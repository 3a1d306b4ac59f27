#include "transport/bell.hpp"

#include "catch.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>

using braid::transport::Bell;

TEST_CASE("a bell wakes at once, and remembers that it rang") {
    asio::io_context context;
    Bell bell;
    int rounds = 0;
    bell.ring();
    bell.ring();
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
            for (;;) {
                if (!bell.take_ring()) co_await bell.wait();
                ++rounds;
            }
        },
        asio::detached);
    context.poll();
    CHECK(rounds == 1);
    bell.ring();
    CHECK(rounds == 2);
    bell.ring();
    CHECK(rounds == 3);
    bell.drop();
    bell.ring();
    context.poll();
    CHECK(rounds == 3);
}
