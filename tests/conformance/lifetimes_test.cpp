// Contexts and handles may go in any order, on any thread, whoever waits on them. Much of what is
// checked here is that the sanitizers have nothing to say.

#include "conformance/harness.hpp"

#include <braid/io_thread.hpp>

#include <asio/executor_work_guard.hpp>
#include <asio/strand.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

using namespace conformance;
using braid::errc;

namespace {

/// Everything there is, in the hands of the test.
struct World {
    explicit World(const Transport& transport) {
        const auto begin = [&]() -> awaitable<void> {
            auto pair = co_await conformance::make_pair(transport);
            auto lane = co_await make_lane(pair);
            client.emplace(std::move(pair.client));
            at_client.emplace(std::move(pair.at_client));
            client_stream.emplace(std::move(lane.client));
            server.emplace(std::move(pair.server));
            at_server.emplace(std::move(pair.at_server));
            server_stream.emplace(std::move(lane.server));
        };
        trial::run(*context, begin());
        context->restart();
    }

    static constexpr int parts = 7;

    void drop(int part) {
        switch (part) {
            case 0: context.reset(); return;
            case 1: client.reset(); return;
            case 2: at_client.reset(); return;
            case 3: client_stream.reset(); return;
            case 4: server.reset(); return;
            case 5: at_server.reset(); return;
            default: server_stream.reset(); return;
        }
    }

    std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
    std::optional<braid::Network> server;
    std::optional<braid::Network> client;
    std::optional<braid::Participant> at_server;
    std::optional<braid::Participant> at_client;
    std::optional<braid::Stream> server_stream;
    std::optional<braid::Stream> client_stream;
};

using Wait = std::function<awaitable<void>()>;

/// All that can be waited for at a World, none of which comes by itself.
std::vector<Wait> waits_of(World& world) {
    return {
        [&]() -> awaitable<void> { co_await world.server_stream->recv<int>(); },
        [&]() -> awaitable<void> { co_await world.client_stream->next<int>(); },
        [&]() -> awaitable<void> { co_await world.at_server->opened(); },
        [&]() -> awaitable<void> { co_await world.at_client->next_opened(); },
        [&]() -> awaitable<void> {
            co_await world.at_client->next_event();
            co_await world.at_client->next_event();
        },
        [&]() -> awaitable<void> { co_await world.server->connected(); },
        [&]() -> awaitable<void> { co_await world.client->next_connected(); },
    };
}

void spawn_waits(World& world, const std::vector<Wait>& waits) {
    for (const auto& wait : waits) asio::co_spawn(*world.context, wait(), [](auto) {});
}

awaitable<void> traffic(const Transport& transport, int rounds) {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    for (int i = 0; i < rounds; ++i) {
        lane.client.send(i);
        co_await expect_numbers(lane.server, i, i + 1);
        lane.server.send(i);
        co_await expect_numbers(lane.client, i, i + 1);
    }
}

}  // namespace

ON_EVERY_TRANSPORT_UNAIDED("contexts and handles may go in any order") {
    std::array<int, World::parts> order{0, 1, 2, 3, 4, 5, 6};
    unsigned number = 0;
    do {
        if (++number % 29 != 0) continue;
        World world{transport};
        const auto waits = waits_of(world);
        spawn_waits(world, waits);
        world.client_stream->send(1);
        world.server_stream->send("other way");
        if (number % 2 == 0) world.context->run_for(1ms);
        for (const int part : order) {
            if (world.context != nullptr && number % 3 != 0) world.context->poll();
            world.drop(part);
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

ON_EVERY_TRANSPORT_UNAIDED("handles may go in any order while threads run their context") {
    std::array<int, World::parts - 1> order{1, 2, 3, 4, 5, 6};
    unsigned number = 0;
    do {
        if (++number % 37 != 0) continue;
        World world{transport};
        auto work = asio::make_work_guard(*world.context);
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i) threads.emplace_back([&] { world.context->run(); });
        for (int i = 0; i < 100; ++i) {
            world.client_stream->send(i);
            world.server_stream->send(i);
        }
        for (const int part : order) world.drop(part);
        if (number % 2 == 0) world.context->stop();
        work.reset();
        for (auto& thread : threads) thread.join();
    } while (std::next_permutation(order.begin(), order.end()));
}

ON_EVERY_TRANSPORT_UNAIDED("each end of its own context goes in its own time") {
    for (const bool server_first : {true, false}) {
        Apart apart{transport};
        std::optional<Lane> lane{apart.lane()};
        lane->client.send(1);
        apart.run(expect_numbers(lane->server, 1, 2));
        lane->client.send(2);
        lane->server.send(3);
        if (server_first) {
            { const auto gone = std::move(apart.pair->server); }
            apart.run(until([&] { return static_cast<bool>(lane->client.try_send(1)); }));
        } else {
            { const auto gone = std::move(apart.pair->client); }
            apart.run(until([&] { return static_cast<bool>(lane->server.try_send(1)); }));
        }
        lane.reset();
    }
}

ON_EVERY_TRANSPORT("whoever waits is told what went away") {
    const auto executor = co_await asio::this_coro::executor;
    // In each round another handle goes while all of these wait.
    for (int round = 0; round < 4; ++round) {
        auto pair = co_await conformance::make_pair(transport);
        auto lane = co_await make_lane(pair);
        std::optional<braid::Stream> stream{std::move(lane.server)};
        std::optional<braid::Participant> participant{std::move(pair.at_server)};
        std::optional<braid::Network> network{std::move(pair.server)};
        const auto recv = [&]() -> awaitable<void> { co_await stream->recv<int>(); };
        const auto opened = [&]() -> awaitable<void> { co_await participant->opened(); };
        const auto connected = [&]() -> awaitable<void> { co_await network->connected(); };
        Aside receiving{executor, recv()};
        Aside opening{executor, opened()};
        Aside connecting{executor, connected()};
        co_await give_way();
        if (round == 0) stream.reset();
        if (round == 1) participant.reset();
        if (round == 2) network.reset();
        if (round == 3) co_await network->shutdown();
        const auto at_stream = co_await error_of(receiving.joined());
        if (round == 0) CHECK(at_stream == errc::stream_closed);
        if (round == 1 || round == 3) CHECK(at_stream == errc::participant_closed);
        if (round == 2) CHECK(at_stream == errc::network_closed);
        if (round == 0) participant.reset();
        const auto at_participant = co_await error_of(opening.joined());
        if (round < 2 || round == 3) CHECK(at_participant == errc::participant_closed);
        if (round == 2) CHECK(at_participant == errc::network_closed);
        if (round < 2) network.reset();
        const auto at_network = co_await error_of(connecting.joined());
        CHECK(at_network == errc::network_closed);
    }
}

ON_EVERY_TRANSPORT("whoever waits to send or to open is told what went away") {
    const auto executor = co_await asio::this_coro::executor;
    for (const bool whole_network : {false, true}) {
        braid::Limits limits;
        limits.stream_receive_window_bytes = limits.stream_receive_window_bytes_max = 10'000;
        limits.peer_streams = 1;
        auto pair = co_await conformance::make_pair(transport, limits);
        auto lane = co_await make_lane(pair);
        for (int i = 0; i < 100; ++i) lane.client.send(braid::Message{pattern(1'000)});
        std::optional<braid::Participant> participant{std::move(pair.at_client)};
        std::optional<braid::Network> network{std::move(pair.client)};
        const auto writable = [&]() -> awaitable<void> { co_await lane.client.writable(1); };
        const auto drained = [&]() -> awaitable<void> { co_await lane.client.drained(); };
        const auto open = [&]() -> awaitable<void> { co_await participant->open(); };
        Aside waits[]{Aside{executor, writable()}, Aside{executor, drained()},
                      Aside{executor, open()}};
        co_await give_way(50);
        for (const auto& wait : waits) CHECK_FALSE(wait.done());
        if (whole_network) network.reset();
        if (!whole_network) co_await participant->disconnect({}, 10ms);
        const auto expected = whole_network ? errc::network_closed : errc::participant_closed;
        for (auto& wait : waits) {
            const auto error = co_await error_of(wait.joined());
            CHECK(error == expected);
        }
    }
}

ON_EVERY_TRANSPORT_UNAIDED("handles without a context say that the network is closed") {
    World world{transport};
    world.drop(0);
    CHECK(world.client_stream->try_send(1) == errc::network_closed);
    int value = 0;
    CHECK(world.server_stream->try_recv(value) == braid::RecvStatus::closed);
    world.client_stream->finish();
    CHECK_FALSE(world.at_client->try_opened());
    CHECK_FALSE(world.server->try_connected());
    CHECK_FALSE(world.at_client->close_reason());
    const auto main = [&]() -> awaitable<void> {
        const auto check = [](std::error_code error) { CHECK(error == errc::network_closed); };
        check(co_await error_of(world.at_client->open()));
        check(co_await error_of(world.at_client->opened()));
        check(co_await error_of(world.client->connect("tcp://127.0.0.1:1")));
        check(co_await error_of(world.client->listen(transport.free_address)));
        check(co_await error_of(world.client->connected()));
        check(co_await error_of(world.server_stream->recv<int>().as_awaitable()));
        check(co_await error_of(world.client_stream->writable(1)));
        co_await world.at_client->disconnect();
        co_await world.client->shutdown();
    };
    trial::run(main());
}

ON_EVERY_TRANSPORT_UNAIDED("coroutines that hold handles may die with their context") {
    for (int turns = 0; turns < 60; turns += 3) {
        asio::io_context context;
        asio::co_spawn(context, traffic(transport, 1'000), asio::detached);
        for (int i = 0; i < turns; ++i) context.run_one_for(10ms);
    }
}

ON_EVERY_TRANSPORT_UNAIDED("coroutines may wait on another context and either may die first") {
    for (const bool other_first : {true, false}) {
        World world{transport};
        auto other = std::make_unique<asio::io_context>();
        const auto wait = [&]() -> awaitable<void> { co_await world.server_stream->recv<int>(); };
        std::optional<Aside> waiting{std::in_place, other->get_executor(), wait()};
        other->poll();
        if (other_first) {
            waiting.reset();
            other.reset();
            world.client_stream->send(1);
            world.context->run_for(5ms);
            world.drop(0);
        } else {
            world.drop(0);
            other->restart();
            other->run_for(1s);
            CHECK(waiting->done());
            CHECK(waiting->error() == errc::network_closed);
            waiting.reset();
        }
    }
}

ON_EVERY_TRANSPORT_UNAIDED("a network may live on a strand and on many threads") {
    asio::io_context context;
    const asio::any_io_executor strand = asio::make_strand(context);
    std::atomic<int> done{0};
    for (int i = 0; i < 4; ++i) {
        asio::co_spawn(strand, traffic(transport, 200), [&](std::exception_ptr error) {
            if (error) std::rethrow_exception(error);
            ++done;
        });
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([&] { context.run_for(60s); });
    for (auto& thread : threads) thread.join();
    CHECK(done == 4);
}

ON_EVERY_TRANSPORT_UNAIDED("everything may be dropped from inside a coroutine") {
    for (int part = 1; part < World::parts; ++part) {
        World world{transport};
        const auto drop_all = [&]() -> awaitable<void> {
            world.client_stream->send(1);
            co_await expect_numbers(*world.server_stream, 1, 2);
            for (int i = 0; i < World::parts - 1; ++i) {
                world.drop(1 + (part + i) % (World::parts - 1));
            }
            co_await give_way();
        };
        trial::run(*world.context, drop_all());
    }
}

ON_EVERY_TRANSPORT_UNAIDED("handles may outlive the thread that ran them or go before it") {
    for (const bool thread_first : {false, true}) {
        std::optional<braid::IoThread> io{std::in_place, 2u};
        std::optional<Pair> pair{io->wait(conformance::make_pair(transport))};
        std::optional<Lane> lane{io->wait(make_lane(*pair))};
        for (int i = 0; i < 100; ++i) {
            lane->client.send(i);
            CHECK(io->wait(lane->server.recv<int>()) == i);
        }
        if (thread_first) {
            io.reset();
            CHECK(lane->client.try_send(1) == errc::network_closed);
        }
        lane.reset();
        pair.reset();
    }
}

ON_EVERY_TRANSPORT("a network or participant that another is assigned to closes") {
    auto one = co_await conformance::make_pair(transport);
    auto other = co_await conformance::make_pair(transport);
    one.at_client = std::move(other.at_client);
    auto error = co_await error_of(one.at_server.opened());
    CHECK(error == errc::participant_disconnected);
    auto stream = co_await one.at_client.open();
    auto seen = co_await other.at_server.opened();
    CHECK(seen.id() == stream.id());
    one.client = std::move(other.client);
    co_await give_way();
    stream.send(1);
    co_await expect_numbers(seen, 1, 2);
}
