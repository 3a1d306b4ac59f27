#include "runtime/distant_encounter.hpp"

#include "catch.hpp"
#include "runtime/simulated_world.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <optional>
#include <string>

using namespace std::chrono_literals;
using braid::errc;
using braid::LinkSimulation;
using simulated::error_of;
using simulated::World;

namespace {

LinkSimulation far_away() {
    LinkSimulation simulation;
    simulation.outgoing.latency = 70ms;
    simulation.incoming.latency = 50ms;
    return simulation;
}

/// A server and a client, either of which may be far away.
struct Distance {
    Distance(const std::optional<LinkSimulation>& server_link,
             const std::optional<LinkSimulation>& client_link, const braid::Limits& limits = {})
        : server{world.make_network(1, limits, server_link)},
          client{world.make_network(2, limits, client_link)} {
        world.transports->latency = 0ms;
        const auto listen = [this]() -> asio::awaitable<void> {
            auto listener = co_await server.listen("tcp://127.0.0.1:0");
            address = to_string(listener.address());
        };
        world.run(listen());
    }

    World world;
    braid::Network server;
    braid::Network client;
    std::string address;
};

}  // namespace

TEST_CASE("a handshake over a simulated link takes a round trip") {
    std::optional<LinkSimulation> at_server;
    std::optional<LinkSimulation> at_client;
    SECTION("of the dialling end") { at_client = far_away(); }
    SECTION("of the accepting end") { at_server = far_away(); }
    Distance distance{at_server, at_client};
    const auto connect = [&]() -> asio::awaitable<void> {
        co_await distance.client.connect(distance.address);
    };
    CHECK(distance.world.run(connect()) == 120ms);
}

TEST_CASE("a connect over a simulated link ends at its deadline") {
    std::error_code error;
    auto deadline = 50ms;
    SECTION("before the hello is sent") {}
    SECTION("before one has come") { deadline = 100ms; }
    Distance distance{std::nullopt, far_away()};
    const auto connect = [&]() -> asio::awaitable<void> {
        error = co_await error_of(distance.client.connect(distance.address, deadline));
    };
    CHECK(distance.world.run(connect()) == deadline);
    CHECK(error == errc::timed_out);
}

TEST_CASE("whoever is refused over a simulated link hears of it later") {
    Distance distance{far_away(), std::nullopt};
    auto twin = distance.world.make_network(1);
    std::error_code error;
    const auto connect = [&]() -> asio::awaitable<void> {
        error = co_await error_of(twin.connect(distance.address));
    };
    CHECK(distance.world.run(connect()) == 120ms);
    CHECK(error == errc::self_connect);
}

TEST_CASE("a Network may go while a simulated handshake is under way") {
    World world;
    std::error_code error;
    {
        auto server = world.make_network(1);
        auto client = world.make_network(2, {}, far_away());
        const auto connect = [&]() -> asio::awaitable<void> {
            auto listener = co_await server.listen("tcp://127.0.0.1:0");
            error = co_await error_of(client.connect(to_string(listener.address())));
        };
        asio::co_spawn(world.context, connect(), asio::detached);
        world.pass(30ms);
        CHECK_FALSE(error);
        asio::co_spawn(world.context, client.shutdown(), asio::detached);
        world.pass(1ms);
        CHECK(error == errc::network_closed);
    }
    world.pass(1s);
    CHECK(world.timers->earliest() == braid::protocol::never);
}
