#include "api/trial.hpp"

#include <braid/link_simulation.hpp>

#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asio::awaitable;
using braid::LinkSimulation;
using braid::Promises;

// In real time, over TCP on loopback and through memory; tests/runtime/simulated_link_test.cpp has
// the exact times.

namespace {

using Clock = std::chrono::steady_clock;

awaitable<trial::Pair> make_distant_pair(std::string where, LinkSimulation simulation) {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network server{executor, trial::with({})};
    braid::Network client{executor, trial::with({}).simulate_link(simulation)};
    auto listener = co_await server.listen(where);
    const auto address = to_string(listener.address());
    auto at_client = co_await client.connect(address);
    auto at_server = co_await server.connected();
    co_return trial::Pair{std::move(server), std::move(client), std::move(at_server),
                          std::move(at_client)};
}

LinkSimulation both_ways(const LinkSimulation::Direction& direction) {
    LinkSimulation simulation;
    simulation.outgoing = simulation.incoming = direction;
    return simulation;
}

awaitable<void> play_far_away(std::string where) {
    auto pair = co_await make_distant_pair(where, both_ways({20ms, 0ms, 0, 0, 0}));
    auto lane = co_await trial::make_lane(pair);
    for (int i = 0; i < 5; ++i) {
        const auto sent = Clock::now();
        lane.client.send(i);
        const auto asked = co_await lane.server.recv<int>();
        CHECK(asked == i);
        lane.server.send(i);
        const auto answered = co_await lane.client.recv<int>();
        CHECK(answered == i);
        CHECK(Clock::now() - sent >= 40ms);
    }
    CHECK(pair.at_client.stats().round_trip_time >= 40ms);
    co_await pair.client.shutdown();
}

awaitable<void> lose_a_fifth(std::string where) {
    constexpr int count = 1'000;
    auto simulation = both_ways({2ms, 1ms, 0.2, 0.1, 0});
    simulation.seed = 20;
    auto pair = co_await make_distant_pair(where, simulation);
    auto lane = co_await trial::make_lane(pair);
    for (int i = 0; i < count; ++i) lane.client.send(std::to_string(i) + std::string(200, 'x'));
    for (int i = 0; i < count; ++i) {
        const auto text = co_await lane.server.recv<std::string>();
        REQUIRE(text == std::to_string(i) + std::string(200, 'x'));
        lane.server.send(i);
    }
    for (int i = 0; i < count; ++i) {
        const auto value = co_await lane.client.recv<int>();
        REQUIRE(value == i);
    }
    co_await pair.client.shutdown();
}

awaitable<void> carry_two_megabits(std::string where) {
    constexpr std::size_t bytes = 100'000;
    LinkSimulation simulation;
    simulation.outgoing.rate_bytes_per_second = 250'000;
    auto pair = co_await make_distant_pair(where, simulation);
    auto lane = co_await trial::make_lane(pair);
    const auto start = Clock::now();
    lane.client.send(std::vector<std::uint8_t>(bytes));
    co_await lane.server.recv<std::vector<std::uint8_t>>();
    CHECK(Clock::now() - start >= 400ms);
    CHECK(pair.at_client.stats().rate_bytes_per_second == 250'000);
    co_await pair.client.shutdown();
}

awaitable<void> move_much_both_ways(std::string where) {
    constexpr int count = 200;
    constexpr std::size_t bytes = 100'000;
    auto pair = co_await make_distant_pair(where, both_ways({1ms, 2ms, 0, 0, 0}));
    auto lane = co_await trial::make_lane(pair);
    for (int i = 0; i < count; ++i) {
        co_await lane.client.writable(bytes);
        lane.client.send(std::vector<std::uint8_t>(bytes, static_cast<std::uint8_t>(i)));
        co_await lane.server.writable(bytes);
        lane.server.send(std::vector<std::uint8_t>(bytes, static_cast<std::uint8_t>(i)));
        const auto there = co_await lane.server.recv<std::vector<std::uint8_t>>();
        REQUIRE(there == std::vector<std::uint8_t>(bytes, static_cast<std::uint8_t>(i)));
        const auto here = co_await lane.client.recv<std::vector<std::uint8_t>>();
        REQUIRE(here == std::vector<std::uint8_t>(bytes, static_cast<std::uint8_t>(i)));
    }
    co_await pair.client.shutdown();
}

/// Runs `play` over each transport.
template <typename Play>
void everywhere(Play play, unsigned threads = 1) {
    for (const std::string where : {"tcp://127.0.0.1:0", "mpsc://0"}) {
        CAPTURE(where);
        trial::run(play(where), threads);
    }
}

}  // namespace

TEST_CASE("a simulated link takes its time") { everywhere(play_far_away); }

TEST_CASE("a simulated link that loses a fifth loses nothing reliable") {
    everywhere(lose_a_fifth, 2);
}

TEST_CASE("a simulated link carries its rate and no more") { everywhere(carry_two_megabits); }

TEST_CASE("a simulated link moves much both ways on two threads") {
    everywhere(move_much_both_ways, 2);
}

TEST_CASE("a Network with a simulated link may go at any moment") {
    const auto leave = [](std::string where) -> awaitable<void> {
        auto pair = co_await make_distant_pair(where, both_ways({50ms, 10ms, 0.1, 0, 100'000}));
        auto lane = co_await trial::make_lane(pair);
        lane.client.send(std::string(50'000, 'x'));
        lane.server.send(std::string(50'000, 'x'));
        co_await trial::give_way();
    };
    everywhere(leave, 2);
    // And so may its context, with all under way.
    auto context = std::make_unique<asio::io_context>();
    asio::co_spawn(*context, leave("tcp://127.0.0.1:0"), asio::detached);
    asio::co_spawn(*context, leave("mpsc://0"), asio::detached);
    context->run_for(20ms);
    context.reset();
}

TEST_CASE("impossible values of a simulated link are refused when the Network is made") {
    asio::io_context context;
    const auto error_with = [&](auto change) {
        LinkSimulation simulation;
        change(simulation);
        return trial::thrown_by([&] {
            braid::Network network{context.get_executor(),
                                   braid::NetworkOptions{}.simulate_link(simulation)};
        });
    };
    CHECK_FALSE(error_with([](auto&) {}));
    CHECK(error_with([](auto& all) { all.outgoing.latency = -1ms; }) ==
          braid::errc::options_invalid);
    CHECK(error_with([](auto& all) { all.incoming.loss = 1; }) == braid::errc::options_invalid);
    CHECK(error_with([](auto& all) {
              all.incoming.duplication = std::numeric_limits<double>::quiet_NaN();
          }) == braid::errc::options_invalid);
}
