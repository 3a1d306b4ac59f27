#include "catch.hpp"
#include "runtime/calls.hpp"
#include "runtime/simulated_world.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <optional>

using namespace std::chrono_literals;
using braid::errc;
using simulated::error_of;
using simulated::World;

TEST_CASE("whoever does not answer is given up in time") {
    World world;
    auto client = world.make_network(1);
    const auto call = [](braid::Network& network, std::chrono::nanoseconds deadline,
                         std::error_code expected) -> asio::awaitable<void> {
        const auto error = co_await error_of(network.connect("tcp://127.0.0.1:1", deadline));
        CHECK(error == expected);
    };
    CHECK(world.run(call(client, 2s, errc::timed_out)) == 2s);
    CHECK(world.run(call(client, 1h, errc::handshake_timeout)) == 5s);
}

TEST_CASE("two who dial each other at the same moment meet once") {
    World world;
    auto low = world.make_network(1);
    auto high = world.make_network(2);
    const auto dial = [](World& all, braid::Network& one,
                         braid::Network& other) -> asio::awaitable<void> {
        auto at_one = co_await one.listen("tcp://127.0.0.1:0");
        auto at_other = co_await other.listen("tcp://127.0.0.1:0");
        const auto met = std::make_shared<braid::runtime::WaitList>();
        const auto ticket = met->ticket();
        std::optional<braid::Participant> to_one;
        asio::co_spawn(
            all.context,
            [&]() -> asio::awaitable<void> {
                auto participant = co_await other.connect(to_string(at_one.address()));
                to_one.emplace(std::move(participant));
                met->notify();
            },
            [](std::exception_ptr error) {
                if (error) std::rethrow_exception(error);
            });
        auto to_other = co_await one.connect(to_string(at_other.address()));
        auto stream = co_await to_other.open();
        stream.send(1);
        co_await met->wait(ticket, met);
        auto opened = co_await to_one->opened();
        const auto value = co_await opened.recv<int>();
        CHECK(value == 1);
        CHECK_FALSE(one.try_connected());
        CHECK_FALSE(other.try_connected());
        CHECK(one.stats().participants == 1);
        CHECK(other.stats().participants == 1);
    };
    SECTION("the lower first") { world.run(dial(world, low, high)); }
    SECTION("the higher first") { world.run(dial(world, high, low)); }
}
