#include "api/trial.hpp"

#include <asio/strand.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

// In whatever order contexts and handles go, nothing is touched that is gone: what is checked here
// is mostly that AddressSanitizer has nothing to say.

using namespace trial;
using braid::errc;

namespace {

/// Everything there is, in the hands of the test.
struct World {
    std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
    std::optional<braid::Network> server;
    std::optional<braid::Network> client;
    std::optional<braid::Participant> at_server;
    std::optional<braid::Participant> at_client;
    std::optional<braid::Stream> server_stream;
    std::optional<braid::Stream> client_stream;

    World() {
        trial::run(*context, [](World& world) -> awaitable<void> {
            auto pair = co_await make_pair();
            auto lane = co_await make_lane(pair);
            world.server.emplace(std::move(pair.server));
            world.client.emplace(std::move(pair.client));
            world.at_server.emplace(std::move(pair.at_server));
            world.at_client.emplace(std::move(pair.at_client));
            world.server_stream.emplace(std::move(lane.server));
            world.client_stream.emplace(std::move(lane.client));
        }(*this));
        context->restart();
    }

    void drop(int what) {
        switch (what) {
            case 0: context.reset(); return;
            case 1: client.reset(); return;
            case 2: at_client.reset(); return;
            case 3: client_stream.reset(); return;
            case 4: server.reset(); return;
            case 5: at_server.reset(); return;
            default: server_stream.reset(); return;
        }
    }
};

void spawn_waits(World& world) {
    const auto ignore = [](std::exception_ptr) {};
    auto& context = *world.context;
    asio::co_spawn(
        context, [&]() -> awaitable<void> { co_await world.server_stream->recv<int>(); }, ignore);
    asio::co_spawn(
        context, [&]() -> awaitable<void> { co_await world.client_stream->drained(); }, ignore);
    asio::co_spawn(
        context, [&]() -> awaitable<void> { co_await world.at_server->opened(); }, ignore);
    asio::co_spawn(
        context, [&]() -> awaitable<void> { co_await world.server->connected(); }, ignore);
    asio::co_spawn(
        context, [&]() -> awaitable<void> { co_await world.client->connect("tcp://127.0.0.1:1"); },
        ignore);
}

}  // namespace

TEST_CASE("handles and their context may go in any order") {
    std::array order{0, 1, 2, 3, 4, 5, 6};
    unsigned number = 0;
    do {
        // One in seven orders takes time enough.
        if (++number % 29 != 0) continue;
        World world;
        spawn_waits(world);
        world.client_stream->send(1);
        if (number % 2 == 0) world.context->run_for(1ms);
        for (const int each : order) {
            if (world.context != nullptr) world.context->poll();
            world.drop(each);
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("handles without a context say that the network is closed") {
    World world;
    world.drop(0);
    CHECK(world.client_stream->try_send(1) == errc::network_closed);
    int value = 0;
    CHECK(world.server_stream->try_recv(value) == braid::RecvStatus::closed);
    world.client_stream->finish();
    CHECK_FALSE(world.at_client->try_opened());
    CHECK_FALSE(world.server->try_connected());
    CHECK_FALSE(world.at_client->close_reason());

    // Another context knows as much.
    trial::run([](World& gone) -> awaitable<void> {
        auto error = co_await error_of(gone.at_client->open());
        CHECK(error == errc::network_closed);
        error = co_await error_of(gone.at_client->opened());
        CHECK(error == errc::network_closed);
        error = co_await error_of(gone.client->connect("tcp://127.0.0.1:1"));
        CHECK(error == errc::network_closed);
        error = co_await error_of(gone.client->listen("tcp://127.0.0.1:0"));
        CHECK(error == errc::network_closed);
        error = co_await error_of(gone.client->connected());
        CHECK(error == errc::network_closed);
        error = co_await error_of(gone.server_stream->recv<int>().as_awaitable());
        CHECK(error == errc::network_closed);
        error = co_await error_of(gone.client_stream->writable(1));
        CHECK(error == errc::network_closed);
        co_await gone.at_client->disconnect();
        co_await gone.client->shutdown();
    }(world));
}

TEST_CASE("coroutines that hold handles may die with their context") {
    for (int turns = 0; turns < 40; turns += 3) {
        asio::io_context context;
        asio::co_spawn(
            context,
            []() -> awaitable<void> {
                auto pair = co_await make_pair();
                auto lane = co_await make_lane(pair);
                for (int i = 0;; ++i) {
                    lane.client.send(i);
                    co_await lane.server.recv<int>();
                }
            }(),
            asio::detached);
        for (int i = 0; i < turns; ++i) context.run_one_for(10ms);
    }
}

TEST_CASE("coroutines may wait on another context, and either may die first") {
    for (const bool other_first : {true, false}) {
        World world;
        auto other = std::make_unique<asio::io_context>();
        std::optional<std::error_code> error;
        asio::co_spawn(
            *other,
            [&]() -> awaitable<void> {
                try {
                    co_await world.server_stream->recv<int>();
                } catch (const std::system_error& thrown) {
                    error = thrown.code();
                }
            },
            asio::detached);
        asio::co_spawn(
            *other, [&]() -> awaitable<void> { co_await world.at_server->opened(); },
            [](std::exception_ptr) {});
        other->poll();
        if (other_first) {
            other.reset();
            world.client_stream->send(1);
            world.context->run_for(5ms);
            world.drop(0);
        } else {
            world.drop(0);
            other->run_for(1s);
            CHECK(error == errc::network_closed);
        }
    }
}

TEST_CASE("a Network may live on a strand") {
    asio::io_context context;
    trial::run(
        context,
        [](asio::io_context& io) -> awaitable<void> {
            const asio::any_io_executor strand = asio::make_strand(io);
            braid::Network server{strand};
            braid::Network client{strand};
            auto listener = co_await server.listen("tcp://127.0.0.1:0");
            auto at_client = co_await client.connect(to_string(listener.address()));
            auto stream = co_await at_client.open();
            stream.send(1);
            auto at_server = co_await server.connected();
            auto opened = co_await at_server.opened();
            const auto value = co_await opened.recv<int>();
            CHECK(value == 1);
        }(context),
        2);
}

TEST_CASE("destroying a stream finishes it after what was queued") {
    trial::run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        {
            auto stream = co_await pair.at_client.open();
            for (int i = 0; i < 1000; ++i) stream.send(i);
        }
        auto opened = co_await pair.at_server.opened();
        int count = 0;
        while (co_await opened.next<int>()) ++count;
        CHECK(count == 1000);
    }());
}

TEST_CASE("destroying a participant delivers what was queued") {
    trial::run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto stream = co_await pair.at_client.open();
        for (int i = 0; i < 1000; ++i) stream.send(i);
        { const braid::Participant gone{std::move(pair.at_client)}; }
        CHECK(stream.try_send(1) == braid::errc::participant_closed);
        auto opened = co_await pair.at_server.opened();
        int count = 0;
        while (co_await opened.next<int>()) ++count;
        CHECK(count == 1000);
        const auto error = co_await error_of(pair.at_server.opened());
        CHECK(error == errc::participant_disconnected);
    }());
}

TEST_CASE("a context that has nothing to do any more stops") {
    asio::io_context context;
    bool done = false;
    asio::co_spawn(
        context,
        [&]() -> awaitable<void> {
            auto pair = co_await make_pair();
            auto lane = co_await make_lane(pair);
            lane.client.send(1);
            co_await lane.server.recv<int>();
            done = true;
        },
        asio::detached);
    context.run_for(30s);
    CHECK(done);
    CHECK(context.stopped());
}
