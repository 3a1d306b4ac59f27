#include "runtime/participant.hpp"

#include "catch.hpp"
#include "runtime/simulated_world.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <optional>
#include <vector>

using namespace std::chrono_literals;
using braid::runtime::Network;
using braid::runtime::Participant;
using simulated::World;

TEST_CASE("openings are served in order as the peer allows") {
    World world;
    braid::Limits limits;
    limits.peer_streams = 1;
    auto server = world.make_network(1, limits);
    auto client = world.make_network(2);
    const auto queue = [](World& all, braid::Network& one,
                          braid::Network& other) -> asio::awaitable<void> {
        auto listener = co_await one.listen("tcp://127.0.0.1:0");
        auto to_one = co_await other.connect(to_string(listener.address()));
        auto to_other = co_await one.connected();
        std::vector<int> order;
        for (int i = 0; i < 5; ++i) {
            asio::co_spawn(
                all.context,
                [](braid::Participant& peer, std::vector<int>& done,
                   int number) -> asio::awaitable<void> {
                    auto stream = co_await peer.open();
                    stream.send(number);
                    done.push_back(number);
                }(to_one, order, i),
                asio::detached);
        }
        for (int i = 0; i < 5; ++i) {
            auto opened = co_await to_other.opened();
            const auto value = co_await opened.recv<int>();
            CHECK(value == i);
        }
        CHECK(order == std::vector{0, 1, 2, 3, 4});
    };
    world.run(queue(world, server, client));
}

TEST_CASE("streams that nobody will see are given back") {
    World world;
    auto server = world.make_core(1);
    auto client = world.make_network(2);
    const auto open = [](std::shared_ptr<Network> core,
                         braid::Network& other) -> asio::awaitable<void> {
        auto listening = co_await Network::listen(core, "tcp://127.0.0.1:0");
        auto to_core = co_await other.connect(to_string(listening->address()));
        auto stream = co_await to_core.open();
        auto from_other = co_await Network::connected(core);
        from_other->release();
        const auto end = co_await simulated::error_of(to_core.opened());
        CHECK(end == braid::errc::participant_disconnected);
        CHECK(from_other->try_opened() == nullptr);
    };
    world.run(open(server, client));
    server->close();
    world.pass(1s);
}

TEST_CASE("guarantees beyond what the link carries are an event when they begin and end") {
    World world;
    auto server = world.make_network(1);
    auto client = world.make_network(2);
    const auto send = [](World& all, braid::Network& one,
                         braid::Network& other) -> asio::awaitable<void> {
        using Kind = braid::ParticipantEvent::Kind;
        auto listener = co_await one.listen("tcp://127.0.0.1:0");
        auto to_one = co_await other.connect(to_string(listener.address()));
        all.transports->wires[0].to_dialler->path.rate_bytes_per_second = 100'000;
        auto event = co_await to_one.next_event();
        CHECK(event.kind() == Kind::channel_created);
        auto first = co_await to_one.open(3, braid::Promises::reliable, 80'000);
        auto second = co_await to_one.open(4, braid::Promises::reliable, 120'000);
        const std::vector<int> numbers(1000);
        first.send(numbers);
        second.send(numbers);
        event = co_await to_one.next_event();
        CHECK(event.kind() == Kind::guarantee_scaled);
        CHECK(event.asked_bytes_per_second() >= 80'000);
        CHECK(event.asked_bytes_per_second() <= 200'000);
        CHECK(event.granted_bytes_per_second() >= 49'999);
        CHECK(event.granted_bytes_per_second() <= 50'000);
        const auto begin = all.timers->now();
        event = co_await to_one.next_event();
        CHECK(event.kind() == Kind::guarantee_restored);
        CHECK(event.granted_bytes_per_second() == event.asked_bytes_per_second());
        CHECK(all.timers->now() - begin >= 1s);
        CHECK(all.timers->now() - begin < 2s);
    };
    world.run(send(world, server, client));
}

TEST_CASE("of events that nobody takes the last 64 are kept and the others counted") {
    World world;
    auto server = world.make_network(1);
    auto client = world.make_network(2);
    std::optional<braid::Participant> to_server;
    const auto flood = [](World& all, braid::Network& one, braid::Network& other,
                          std::optional<braid::Participant>& to_one) -> asio::awaitable<void> {
        auto listener = co_await one.listen("tcp://127.0.0.1:0");
        auto participant = co_await other.connect(to_string(listener.address()));
        to_one.emplace(std::move(participant));
        all.transports->wires[0].to_dialler->path.rate_bytes_per_second = 1'000;
        auto stream = co_await to_one->open(3, braid::Promises::reliable, 50'000);
        for (int i = 0; i < 50; ++i) {
            stream.send(i);
            const auto event = co_await stream.recv_for<int>(2s);
            CHECK_FALSE(event);
        }
    };
    world.run(flood(world, server, client, to_server));
    // 50 times scaled and restored, after the one that was created.
    CHECK(to_server->stats().events_dropped == 101 - Participant::events_max);
    auto last = to_server->try_event();
    REQUIRE(last);
    CHECK(last->kind() != braid::ParticipantEvent::Kind::channel_created);
    std::size_t kept = 1;
    for (; auto event = to_server->try_event(); ++kept) last = event;
    CHECK(kept == Participant::events_max);
    CHECK(last->kind() == braid::ParticipantEvent::Kind::guarantee_restored);
}
