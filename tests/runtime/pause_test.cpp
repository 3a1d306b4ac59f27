#include "runtime/pause.hpp"

#include "catch.hpp"
#include "runtime/simulated_world.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/error.hpp>

using namespace std::chrono_literals;
using braid::runtime::Pause;
using simulated::error_of;
using simulated::World;

TEST_CASE("a pause takes exactly its time") {
    World world;
    const auto pause = Pause::make(world.timers, world.timers);
    CHECK(world.run(Pause::pass(pause, 60ms)) == 60ms);
    CHECK(world.run(Pause::pass(pause, 5ms)) == 5ms);
    CHECK(world.run(Pause::pass(pause, 0ms)) == 0ms);
}

TEST_CASE("a pause that is ended passes no more") {
    World world;
    const auto pause = Pause::make(world.timers, world.timers);
    std::error_code error;
    const auto wait = [&]() -> asio::awaitable<void> {
        error = co_await error_of(Pause::pass(pause, 60ms));
    };
    asio::co_spawn(world.context, wait(), asio::detached);
    world.pass(20ms);
    CHECK_FALSE(error);
    pause->end();
    world.pass(0ms);
    CHECK(error == asio::error::operation_aborted);
    error = {};
    CHECK(world.run(wait()) == 0ms);
    CHECK(error == asio::error::operation_aborted);
}
