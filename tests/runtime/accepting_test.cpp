#include "catch.hpp"
#include "runtime/simulated_world.hpp"

#include <memory>
#include <string>
#include <vector>

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

namespace {

braid::protocol::Hello hello_of(unsigned number) {
    braid::protocol::Hello hello;
    hello.pid.bytes[0] = static_cast<std::uint8_t>(number);
    hello.pid.bytes[1] = static_cast<std::uint8_t>(number >> 8);
    hello.streams = 1;
    hello.idle_ms = 60'000;
    return hello;
}

/// Whether somebody who dials gets as far as an answer to his hello.
asio::awaitable<bool> answered(World& world, const std::string& address, unsigned letter,
                               std::unique_ptr<braid::transport::Encounter>& caller) {
    caller = co_await world.transports->dial(address);
    co_await caller->send_hello(hello_of(letter));
    const auto error = co_await simulated::error_of(caller->receive_hello());
    CHECK((!error || error == asio::error::connection_reset));
    co_return !error;
}

using Callers = std::vector<std::unique_ptr<braid::transport::Encounter>>;

asio::awaitable<int> count_answered(World& world, std::string address, unsigned first, int callers,
                                    Callers& kept) {
    int count = 0;
    for (int i = 0; i < callers; ++i) {
        kept.emplace_back();
        const bool welcome =
            co_await answered(world, address, first + static_cast<unsigned>(i), kept.back());
        if (welcome) ++count;
    }
    co_return count;
}

}  // namespace

TEST_CASE("one address has a limit of participants, and loopback has none") {
    World world;
    braid::Limits limits;
    limits.participants_per_address = 3;
    auto server = world.make_core(1, limits);
    const auto call = [](World& all,
                         std::shared_ptr<braid::runtime::Network> core) -> asio::awaitable<void> {
        auto listening = co_await braid::runtime::Network::listen(core, "tcp://127.0.0.1:0");
        const auto address = to_string(listening->address());
        Callers first;
        Callers second;
        Callers own;
        all.transports->caller_host = "192.0.2.1";
        auto count = co_await count_answered(all, address, 10, 5, first);
        CHECK(count == 3);
        CHECK(core->stats().handshakes_refused == 2);
        all.transports->caller_host = "192.0.2.2";
        count = co_await count_answered(all, address, 20, 2, second);
        CHECK(count == 2);
        all.transports->caller_host = "";
        count = co_await count_answered(all, address, 30, 8, own);
        CHECK(count == 8);
        CHECK(core->stats().handshakes_refused == 2);

        // Whoever leaves makes room.
        first.clear();
        co_await simulated::pause(all, 1s);
        all.transports->caller_host = "192.0.2.1";
        count = co_await count_answered(all, address, 40, 4, first);
        CHECK(count == 3);
    };
    world.run(call(world, server));
    server->close();
    world.pass(1s);
}

TEST_CASE("handshakes have a limit each second, and loopback has none") {
    World world;
    braid::Limits limits;
    limits.handshakes_per_second = 10;
    limits.participants_per_address = 1000;
    auto server = world.make_core(1, limits);
    const auto call = [](World& all,
                         std::shared_ptr<braid::runtime::Network> core) -> asio::awaitable<void> {
        auto listening = co_await braid::runtime::Network::listen(core, "tcp://127.0.0.1:0");
        const auto address = to_string(listening->address());
        all.transports->latency = 0ms;
        Callers callers;
        all.transports->caller_host = "192.0.2.1";
        auto count = co_await count_answered(all, address, 100, 15, callers);
        CHECK(count == 10);
        CHECK(core->stats().handshakes_refused == 5);
        all.transports->caller_host = "";
        count = co_await count_answered(all, address, 200, 15, callers);
        CHECK(count == 15);
        co_await simulated::pause(all, 500ms);
        all.transports->caller_host = "192.0.2.1";
        count = co_await count_answered(all, address, 300, 15, callers);
        CHECK(count == 5);
        // However long nobody came, no more than a second's worth is saved up.
        co_await simulated::pause(all, 4s);
        count = co_await count_answered(all, address, 400, 15, callers);
        CHECK(count == 10);
    };
    world.run(call(world, server));
    server->close();
    world.pass(1s);
}

TEST_CASE("handshakes under way have a limit, for loopback too") {
    World world;
    braid::Limits limits;
    limits.half_open = 2;
    auto server = world.make_core(1, limits);
    const auto call = [](World& all,
                         std::shared_ptr<braid::runtime::Network> core) -> asio::awaitable<void> {
        auto listening = co_await braid::runtime::Network::listen(core, "tcp://127.0.0.1:0");
        const auto address = to_string(listening->address());
        Callers silent;
        for (int i = 0; i < 2; ++i) {
            auto caller = co_await all.transports->dial(address);
            silent.push_back(std::move(caller));
        }
        Callers callers;
        auto count = co_await count_answered(all, address, 10, 1, callers);
        CHECK(count == 0);
        CHECK(core->stats().handshakes_refused == 1);
        co_await simulated::pause(all, 6s);
        CHECK(core->stats().handshakes_failed == 2);
        count = co_await count_answered(all, address, 20, 1, callers);
        CHECK(count == 1);
    };
    world.run(call(world, server));
    server->close();
    world.pass(1s);
}

TEST_CASE("a caller who hangs up after his hello is counted") {
    World world;
    auto server = world.make_core(1);
    const auto call = [](World& all,
                         std::shared_ptr<braid::runtime::Network> core) -> asio::awaitable<void> {
        auto listening = co_await braid::runtime::Network::listen(core, "tcp://127.0.0.1:0");
        Callers callers;
        const auto count =
            co_await count_answered(all, to_string(listening->address()), 10, 1, callers);
        CHECK(count == 1);
        CHECK(core->stats().handshakes_failed == 0);
        callers.clear();
        co_await simulated::pause(all, 100ms);
        CHECK(core->stats().handshakes_failed == 1);
        CHECK_FALSE(core->try_connected());
    };
    world.run(call(world, server));
    CHECK(server->stats().participants == 0);
    server->close();
    world.pass(1s);
    CHECK(server->stats().handshakes_failed == 1);
}
