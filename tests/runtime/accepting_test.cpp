#include "catch.hpp"
#include "runtime/simulated_world.hpp"

using namespace std::chrono_literals;
using braid::errc;
using simulated::World;

TEST_CASE("a caller who says no hello is dropped after the handshake time") {
    World world;
    auto server = world.make_core(1);
    const auto call = [](World& all,
                         std::shared_ptr<braid::runtime::Network> core) -> asio::awaitable<void> {
        auto listening = co_await braid::runtime::Network::listen(core, "tcp://127.0.0.1:0");
        auto caller = co_await all.transports->dial(to_string(listening->address()));
        const auto error = co_await simulated::error_of(caller->receive_hello());
        CHECK(error == asio::error::connection_reset);
    };
    const auto took = world.run(call(world, server));
    CHECK(took >= 5s);
    CHECK(took < 6s);
    CHECK(server->stats().handshakes_failed == 1);
    server->close();
    world.pass(1s);
}

TEST_CASE("a caller who says hello and no more is shown to nobody") {
    World world;
    auto server = world.make_core(1);
    const auto call = [](World& all,
                         std::shared_ptr<braid::runtime::Network> core) -> asio::awaitable<void> {
        auto listening = co_await braid::runtime::Network::listen(core, "tcp://127.0.0.1:0");
        auto caller = co_await all.transports->dial(to_string(listening->address()));
        braid::protocol::Hello hello;
        hello.pid = braid::Pid::numbered(9);
        hello.streams = 1;
        hello.idle_ms = 60'000;
        co_await caller->send_hello(hello);
        const auto answer = co_await caller->receive_hello();
        CHECK(answer.pid == core->pid());
        CHECK_FALSE(core->try_connected());
        const auto lane = all.transports->wires.back().to_dialler;
        while (!lane->closed) {
            const auto ticket = lane->changes.ticket();
            co_await lane->changes.wait(ticket, lane);
        }
    };
    const auto took = world.run(call(world, server));
    CHECK(took >= 5s);
    CHECK(took < 6s);
    CHECK_FALSE(server->try_connected());
    CHECK(server->stats().participants == 0);
    server->close();
    world.pass(1s);
}
