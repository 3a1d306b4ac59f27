#include "catch.hpp"
#include "runtime/simulated_world.hpp"

#include <optional>

// Two whole Networks in virtual time: hours pass in milliseconds, and exactly so many.

using namespace std::chrono_literals;
using braid::errc;
using simulated::error_of;
using simulated::World;

namespace {

struct Ends {
    std::optional<braid::Participant> at_server;
    std::optional<braid::Participant> at_client;
};

asio::awaitable<void> meet(braid::Network& server, braid::Network& client, Ends& ends) {
    auto listener = co_await server.listen("tcp://127.0.0.1:0");
    auto at_client = co_await client.connect(to_string(listener.address()));
    auto at_server = co_await server.connected();
    ends.at_client.emplace(std::move(at_client));
    ends.at_server.emplace(std::move(at_server));
}

template <typename T>
asio::awaitable<void> expect(asio::awaitable<T> operation, std::error_code expected) {
    const auto error = co_await error_of(std::move(operation));
    CHECK(error == expected);
}

}  // namespace

TEST_CASE("idle participants stay for as long as both live") {
    World world;
    auto server = world.make_network(1);
    auto client = world.make_network(2);
    Ends ends;
    world.run(meet(server, client, ends));
    world.pass(2h);
    const auto talk = [](Ends& both) -> asio::awaitable<void> {
        auto stream = co_await both.at_client->open();
        stream.send("still here");
        auto opened = co_await both.at_server->opened();
        const auto text = co_await opened.recv<std::string>();
        CHECK(text == "still here");
    };
    CHECK(world.run(talk(ends)) == 10ms);
    // A keep-alive each way every five seconds, not more.
    CHECK(ends.at_server->stats().frames_received < 2 * 3600 / 5 + 20);
}

TEST_CASE("a message arrived when it was read and not when it was taken") {
    World world;
    auto server = world.make_network(1);
    auto client = world.make_network(2);
    Ends ends;
    world.run(meet(server, client, ends));
    std::optional<braid::Stream> from;
    std::optional<braid::Stream> to;
    const auto open = [](Ends& both, std::optional<braid::Stream>& sending,
                         std::optional<braid::Stream>& receiving) -> asio::awaitable<void> {
        sending = co_await both.at_client->open();
        receiving = co_await both.at_server->opened();
    };
    world.run(open(ends, from, to));
    const auto start = world.timers->now();
    for (int i = 0; i < 6; ++i) {
        from->send(i);
        from->send(std::string(20'000, 'x'));
        world.pass(1min);
    }
    world.pass(1h);
    braid::RecvInfo info;
    for (unsigned i = 0; i < 12; ++i) {
        CAPTURE(i);
        braid::Message message;
        REQUIRE(to->try_recv(message, &info) == braid::RecvStatus::ok);
        CHECK(info.number == braid::MessageId{i});
        CHECK(info.arrived.time_since_epoch() == start.time_since_epoch() + (i / 2) * 1min + 10ms);
    }
}

TEST_CASE("a peer that falls silent is given up after the idle time") {
    World world;
    braid::Limits limits;
    limits.idle = 9s;
    auto server = world.make_network(1, limits);
    auto client = world.make_network(2);
    Ends ends;
    world.run(meet(server, client, ends));
    world.pass(1min);
    world.transports->wires[0].to_acceptor->cut = true;
    world.transports->wires[0].to_dialler->cut = true;
    // Lost is no end that a loop may take for a clean one.
    const auto took = world.run(expect(ends.at_server->next_opened(), errc::idle_timeout));
    CHECK(took > 5s);
    CHECK(took <= 9s);
    // The shorter idle time holds at both ends.
    CHECK(world.run(expect(ends.at_client->opened(), errc::idle_timeout)) <= 3s);
}

TEST_CASE("recv_for waits exactly so long") {
    World world;
    auto server = world.make_network(1);
    auto client = world.make_network(2);
    Ends ends;
    world.run(meet(server, client, ends));
    const auto wait = [](Ends& both) -> asio::awaitable<void> {
        auto stream = co_await both.at_client->open();
        const auto value = co_await stream.recv_for<int>(1234ms);
        CHECK_FALSE(value);
    };
    CHECK(world.run(wait(ends)) == 1234ms);
}

TEST_CASE("a disconnect that cannot succeed ends at its deadline") {
    World world;
    auto server = world.make_network(1);
    auto client = world.make_network(2);
    Ends ends;
    world.run(meet(server, client, ends));
    const auto leave = [](World& all, Ends& both) -> asio::awaitable<void> {
        auto stream = co_await both.at_client->open();
        for (int i = 0; i < 10; ++i) stream.send(i);
        all.transports->wires[0].to_acceptor->cut = true;
        auto result = co_await both.at_client->disconnect({}, 3s);
        CHECK(result.messages_undelivered() == 10);
    };
    CHECK(world.run(leave(world, ends)) == 3s);
}

TEST_CASE("shutdown takes a round trip when all is well") {
    World world;
    auto server = world.make_network(1);
    auto client = world.make_network(2);
    Ends ends;
    world.run(meet(server, client, ends));
    CHECK(world.run(client.shutdown()) <= 25ms);
    CHECK(world.run(expect(ends.at_server->opened(), errc::participant_disconnected)) == 0ms);
}

TEST_CASE("nothing is left to do once all Networks are gone") {
    World world;
    {
        auto server = world.make_network(1);
        auto client = world.make_network(2);
        Ends ends;
        world.run(meet(server, client, ends));
    }
    world.pass(1s);
    CHECK(world.timers->earliest() == braid::protocol::never);
    world.context.restart();
    world.context.run();
}
