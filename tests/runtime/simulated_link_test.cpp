#include "catch.hpp"
#include "runtime/simulated_world.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

// NetworkOptions::simulate_link in virtual time, over wires that take none themselves.

using namespace std::chrono_literals;
using braid::errc;
using braid::LinkSimulation;
using braid::Promises;
using braid::protocol::Duration;
using braid::protocol::Time;
using simulated::error_of;
using simulated::World;

namespace {

LinkSimulation both_ways(Duration latency, std::uint64_t rate = 0, double loss = 0) {
    LinkSimulation simulation;
    simulation.outgoing.latency = simulation.incoming.latency = latency;
    simulation.outgoing.rate_bytes_per_second = rate;
    simulation.incoming.rate_bytes_per_second = rate;
    simulation.outgoing.loss = simulation.incoming.loss = loss;
    return simulation;
}

/// A server, and a client that is far away.
struct Distance {
    explicit Distance(const LinkSimulation& simulation) {
        world.transports->latency = 0ms;
        server.emplace(world.make_network(1));
        client.emplace(world.make_network(2, {}, simulation));
        world.run(meet());
        world.pass(10s);
    }

    asio::awaitable<void> meet() {
        auto listener = co_await server->listen("tcp://127.0.0.1:0");
        auto dialled = co_await client->connect(to_string(listener.address()));
        auto accepted = co_await server->connected();
        at_client.emplace(std::move(dialled));
        at_server.emplace(std::move(accepted));
    }

    World world;
    std::optional<braid::Network> server;
    std::optional<braid::Network> client;
    std::optional<braid::Participant> at_server;
    std::optional<braid::Participant> at_client;
};

asio::awaitable<void> echo(braid::Participant& participant) {
    auto stream = co_await participant.opened();
    while (true) {
        auto text = co_await stream.next<std::string>();
        if (!text) co_return;
        stream.send(*text);
    }
}

asio::awaitable<void> no_error(asio::awaitable<void> operation) {
    const auto error = co_await error_of(std::move(operation));
    CHECK(error == std::error_code{});
}

}  // namespace

TEST_CASE("a round trip over a simulated link takes both latencies") {
    auto simulation = both_ways(0ms);
    simulation.outgoing.latency = 70ms;
    simulation.incoming.latency = 50ms;
    Distance distance{simulation};
    CHECK(distance.at_client->stats().round_trip_time == 120ms);
    asio::co_spawn(distance.world.context, echo(*distance.at_server), asio::detached);
    std::vector<Duration> trips;
    const auto play = [&]() -> asio::awaitable<void> {
        auto stream = co_await distance.at_client->open();
        for (int i = 0; i < 5; ++i) {
            const auto sent = distance.world.timers->now();
            stream.send("ping");
            const auto answer = co_await stream.recv<std::string>();
            CHECK(answer == "ping");
            trips.push_back(distance.world.timers->now() - sent);
        }
    };
    distance.world.run(play());
    CHECK(trips == std::vector<Duration>(5, 120ms));
}

TEST_CASE("a simulated link carries its rate") {
    constexpr std::uint64_t rate = 250'000;
    constexpr int messages = 100;
    constexpr std::size_t bytes = 10'000;
    LinkSimulation simulation;
    SECTION("what this end sends") { simulation.outgoing = {60ms, 0ms, 0, 0, rate}; }
    SECTION("what this end receives") { simulation.incoming = {60ms, 0ms, 0, 0, rate}; }
    const bool upwards = simulation.outgoing.rate_bytes_per_second != 0;
    Distance distance{simulation};
    auto& from = upwards ? *distance.at_client : *distance.at_server;
    auto& to = upwards ? *distance.at_server : *distance.at_client;
    const auto load = [&]() -> asio::awaitable<void> {
        auto stream = co_await from.open();
        for (int i = 0; i < messages; ++i) stream.send(std::vector<std::uint8_t>(bytes));
        auto opened = co_await to.opened();
        for (int i = 0; i < messages; ++i) co_await opened.recv<std::vector<std::uint8_t>>();
    };
    const std::chrono::duration<double> took = distance.world.run(load());
    const auto ideal = static_cast<double>(messages * bytes) / rate + 0.060;
    CHECK(took.count() > ideal);
    CHECK(took.count() < ideal * 1.03);
}

TEST_CASE("an urgent message overtakes bulk on a simulated link") {
    constexpr std::uint64_t rate = 250'000;
    LinkSimulation simulation;
    simulation.outgoing = {50ms, 0ms, 0, 0, rate};
    Distance distance{simulation};
    auto& world = distance.world;
    Duration longest{0};
    const auto play = [&]() -> asio::awaitable<void> {
        auto bulk = co_await distance.at_client->open(7, Promises::reliable);
        auto urgent = co_await distance.at_client->open(0, Promises::reliable);
        for (int i = 0; i < 30; ++i) bulk.send(std::vector<std::uint8_t>(100'000));
        auto opened_bulk = co_await distance.at_server->opened();
        auto opened_urgent = co_await distance.at_server->opened();
        for (int i = 0; i < 50; ++i) {
            const auto sent = world.timers->now();
            urgent.send(i);
            co_await opened_urgent.recv<int>();
            longest = std::max(longest, world.timers->now() - sent);
        }
        bulk.reset();
    };
    world.run(play());
    // A unit that is under way, one with the message in it, and the way.
    CHECK(longest >= 50ms);
    CHECK(longest <= 50ms + 2 * 5'840us);
}

TEST_CASE("all that is reliable arrives in order over a lossy simulated link") {
    Distance distance{both_ways(40ms, 0, 0.2)};
    constexpr int count = 1'000;
    const auto play = [&]() -> asio::awaitable<void> {
        auto stream = co_await distance.at_client->open();
        for (int i = 0; i < count; ++i) stream.send(std::pair{i, std::string(300, 'x')});
        auto opened = co_await distance.at_server->opened();
        for (int i = 0; i < count; ++i) {
            auto [number, text] = co_await opened.recv<std::pair<int, std::string>>();
            REQUIRE(number == i);
        }
    };
    const auto took = distance.world.run(play());
    // Something was lost, so that the last of it came a round trip late.
    CHECK(took >= 120ms);
}

TEST_CASE("goodbye travels over the simulated link too") {
    Distance distance{both_ways(60ms)};
    std::optional<Duration> noticed;
    const auto start = distance.world.timers->now();
    const auto watch = [&]() -> asio::awaitable<void> {
        co_await error_of(distance.at_server->opened());
        noticed = distance.world.timers->now() - start;
    };
    asio::co_spawn(distance.world.context, watch(), asio::detached);
    CHECK(distance.world.run(no_error(distance.client->shutdown())) == 120ms);
    REQUIRE(noticed);
    CHECK(*noticed == 60ms);
    CHECK(distance.at_server->close_reason());
}

TEST_CASE("what the peer said before it left is delivered behind the simulated link") {
    Distance distance{both_ways(60ms)};
    const auto play = [&]() -> asio::awaitable<void> {
        auto stream = co_await distance.at_server->open();
        for (int i = 0; i < 10; ++i) stream.send(i);
        auto result = co_await distance.at_server->disconnect({7, "bye"}, 1s);
        CHECK(result.messages_undelivered() == 0);
    };
    const auto listen = [&]() -> asio::awaitable<void> {
        auto stream = co_await distance.at_client->opened();
        for (int i = 0; i < 10; ++i) {
            const auto value = co_await stream.recv<int>();
            CHECK(value == i);
        }
        const auto error = co_await error_of(stream.recv<int>());
        CHECK(error == errc::stream_closed);
    };
    bool done = false;
    asio::co_spawn(distance.world.context, listen(), [&](std::exception_ptr) { done = true; });
    distance.world.run(play());
    distance.world.pass(1s);
    CHECK(done);
    REQUIRE(distance.at_client->close_reason());
    CHECK(distance.at_client->close_reason()->code() == 7);
}

TEST_CASE("a disconnect over a simulated link ends at its deadline") {
    Distance distance{both_ways(2s)};
    const auto leave = [&]() -> asio::awaitable<void> {
        auto stream = co_await distance.at_client->open();
        stream.send(1);
        auto result = co_await distance.at_client->disconnect({}, 3s);
        CHECK(result.messages_undelivered() == 1);
    };
    CHECK(distance.world.run(leave()) == 3s);
}

TEST_CASE("a simulated link that is idle costs nothing") {
    Distance distance{both_ways(60ms, 100'000, 0.1)};
    distance.world.pass(2h);
    // A keep-alive each way every five seconds, not more: it is made, held, and carried.
    CHECK(distance.at_server->stats().frames_received < 2 * 3600 / 5 + 20);
    CHECK(distance.world.timers->rung() < 6 * 2 * 3600 / 5 + 20);
}

TEST_CASE("participants of one Network have a chance each of their own") {
    const auto trips = [](std::uint64_t seed) {
        auto simulation = both_ways(10ms);
        simulation.outgoing.jitter = 50ms;
        simulation.seed = seed;
        World world;
        world.transports->latency = 0ms;
        auto server = world.make_network(1, {}, simulation);
        std::vector<braid::Network> clients;
        std::vector<Duration> result;
        const auto play = [&]() -> asio::awaitable<void> {
            auto listener = co_await server.listen("tcp://127.0.0.1:0");
            for (unsigned i = 0; i < 3; ++i) {
                clients.push_back(world.make_network(2 + i));
                auto dialled = co_await clients.back().connect(to_string(listener.address()));
                auto accepted = co_await server.connected();
                auto stream = co_await accepted.open();
                const auto sent = world.timers->now();
                stream.send(1);
                auto opened = co_await dialled.opened();
                co_await opened.recv<int>();
                result.push_back(world.timers->now() - sent);
            }
        };
        world.run(play());
        return result;
    };
    const auto one = trips(1);
    REQUIRE(one.size() == 3);
    CHECK(one[0] != one[1]);
    CHECK(one[1] != one[2]);
    CHECK(one == trips(1));
    CHECK(one != trips(100));
}

TEST_CASE("a simulated link of impossible values is refused") {
    World world;
    auto simulation = both_ways(60ms);
    simulation.incoming.loss = 1;
    try {
        world.make_network(1, {}, simulation);
        FAIL("was accepted");
    } catch (const braid::NetworkError& error) {
        CHECK(error.code() == errc::options_invalid);
        CHECK(std::string{error.what()}.find("incoming: loss must be from 0 to below 1") !=
              std::string::npos);
    }
}
