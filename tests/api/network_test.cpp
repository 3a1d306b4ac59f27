#include "api/trial.hpp"

#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/write.hpp>

#include <optional>

using namespace trial;
using braid::errc;
using braid::Network;
using braid::NetworkOptions;

namespace {

NetworkOptions quiet() { return with({}); }

/// A socket that a stranger holds.
awaitable<asio::ip::tcp::socket> stranger(const braid::ListenAddr& address) {
    asio::ip::tcp::socket socket{co_await asio::this_coro::executor};
    const asio::ip::tcp::endpoint endpoint{asio::ip::make_address(address.host()), address.port()};
    co_await socket.async_connect(endpoint, asio::use_awaitable);
    co_return socket;
}

awaitable<void> wait_for_end(asio::ip::tcp::socket& socket) {
    std::error_code error;
    char bytes[256];
    while (!error) {
        co_await socket.async_read_some(asio::buffer(bytes),
                                        asio::redirect_error(asio::use_awaitable, error));
    }
}

}  // namespace

TEST_CASE("two Networks say hello") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        CHECK(pair.at_server.pid() == pair.client.pid());
        CHECK(pair.at_client.pid() == pair.server.pid());
        auto lane = co_await make_lane(pair);
        lane.client.send("Hello World");
        const auto text = co_await lane.server.recv<std::string>();
        CHECK(text == "Hello World");
        lane.server.send("Hello back");
        const auto answer = co_await lane.client.recv<std::string>();
        CHECK(answer == "Hello back");
        co_await pair.client.shutdown();
        const auto error = co_await error_of(pair.at_server.opened());
        CHECK(error == errc::participant_disconnected);
    }());
}

TEST_CASE("what an address leads to has to be ours") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        Network network{executor, quiet()};
        auto listener = co_await network.listen("tcp://127.0.0.1:0");
        const auto address = to_string(listener.address());

        auto error = co_await error_of(network.connect(address));
        CHECK(error == errc::self_connect);

        NetworkOptions chess = quiet();
        chess.application("chess", "2");
        Network other{executor, chess};
        error = co_await error_of(other.connect(address));
        CHECK(error == errc::handshake_application);

        Network friendly{executor, quiet()};
        auto participant = co_await friendly.connect(address);
        error = co_await error_of(friendly.connect(address));
        CHECK(error == errc::already_connected);

        asio::ip::tcp::acceptor nobody{executor, {asio::ip::make_address("127.0.0.1"), 0}};
        const auto port = nobody.local_endpoint().port();
        nobody.close();
        error = co_await error_of(friendly.connect("tcp://127.0.0.1:" + std::to_string(port)));
        CHECK(error == asio::error::connection_refused);
        CHECK(network.stats().participants == 1);
    }());
}

TEST_CASE("a peer that disconnected may come again") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        Network server{executor, quiet()};
        Network client{executor, quiet()};
        auto listener = co_await server.listen("tcp://127.0.0.1:0");
        for (int i = 0; i < 50; ++i) {
            auto at_client = co_await client.connect(to_string(listener.address()));
            auto at_server = co_await server.connected();
            auto result = co_await at_client.disconnect();
            CHECK(result.all_delivered());
        }
    }());
}

TEST_CASE("a listener that is stopped takes no more") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        Network server{executor, quiet()};
        Network client{executor, quiet()};
        auto listener = co_await server.listen("tcp://127.0.0.1:0");
        listener.stop();
        co_await give_way();
        auto error = co_await error_of(client.connect(to_string(listener.address())));
        CHECK(error == asio::error::connection_refused);
        error = co_await error_of(server.listen("quic://127.0.0.1:0"));
        CHECK(error == errc::address_invalid);
        auto first = co_await server.listen("tcp://127.0.0.1:0");
        error = co_await error_of(server.listen(first.address()));
        CHECK(error == asio::error::address_in_use);
    }());
}

TEST_CASE("a stranger who says nothing is shown the door") {
    run([]() -> awaitable<void> {
        braid::Limits limits;
        limits.handshake = 50ms;
        Network server{co_await asio::this_coro::executor, with(limits)};
        auto listener = co_await server.listen("tcp://127.0.0.1:0");
        auto socket = co_await stranger(listener.address());
        co_await wait_for_end(socket);
        CHECK(server.stats().handshakes_failed == 1);
    }());
}

TEST_CASE("garbage instead of a handshake ends the connection and harms nobody") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto listener = co_await pair.server.listen("tcp://127.0.0.1:0");
        auto socket = co_await stranger(listener.address());
        const std::string garbage(1000, 'x');
        co_await asio::async_write(socket, asio::buffer(garbage), asio::use_awaitable);
        co_await wait_for_end(socket);
        CHECK(pair.server.stats().handshakes_failed == 1);
        auto lane = co_await make_lane(pair);
        lane.client.send(7);
        const auto value = co_await lane.server.recv<int>();
        CHECK(value == 7);
    }());
}

TEST_CASE("a connect that leads nowhere holds up nobody") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        // Accepts connections, which the system does for it, and never says a word.
        asio::ip::tcp::acceptor silent{executor, {asio::ip::make_address("127.0.0.1"), 0}};
        const auto address = "tcp://127.0.0.1:" + std::to_string(silent.local_endpoint().port());
        Network server{executor, quiet()};
        Network client{executor, quiet()};
        auto listener = co_await server.listen("tcp://127.0.0.1:0");

        std::optional<std::error_code> stuck;
        asio::co_spawn(
            executor,
            [&]() -> awaitable<void> { stuck = co_await error_of(client.connect(address, 300ms)); },
            asio::detached);
        auto participant = co_await client.connect(to_string(listener.address()));
        CHECK_FALSE(stuck);
        co_await until([&] { return stuck.has_value(); });
        CHECK(*stuck == errc::timed_out);
    }());
}

TEST_CASE("of two who dial each other both get the same channel") {
    for (int round = 0; round < 20; ++round) {
        run([]() -> awaitable<void> {
            const auto executor = co_await asio::this_coro::executor;
            Network low{braid::Pid::numbered(1), executor, quiet()};
            Network high{braid::Pid::numbered(2), executor, quiet()};
            auto at_low = co_await low.listen("tcp://127.0.0.1:0");
            auto at_high = co_await high.listen("tcp://127.0.0.1:0");
            std::optional<braid::Participant> from_low;
            std::optional<braid::Participant> from_high;
            asio::co_spawn(
                executor,
                [&]() -> awaitable<void> {
                    auto participant = co_await low.connect(to_string(at_high.address()));
                    from_low.emplace(std::move(participant));
                },
                [](std::exception_ptr error) {
                    if (error) std::rethrow_exception(error);
                });
            auto participant = co_await high.connect(to_string(at_low.address()));
            from_high.emplace(std::move(participant));
            co_await until([&] { return from_low.has_value(); });
            auto stream = co_await from_low->open();
            stream.send("ping");
            auto opened = co_await from_high->opened();
            const auto text = co_await opened.recv<std::string>();
            CHECK(text == "ping");
            CHECK_FALSE(low.try_connected());
            CHECK_FALSE(high.try_connected());
            co_await until([&] { return low.stats().participants == 1; });
            co_await until([&] { return high.stats().participants == 1; });
        }());
    }
}

TEST_CASE("participants have a limit") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        braid::Limits limits;
        limits.participants = 2;
        Network server{executor, with(limits)};
        auto listener = co_await server.listen("tcp://127.0.0.1:0");
        const auto address = to_string(listener.address());
        Network first{executor, quiet()};
        Network second{executor, quiet()};
        Network third{executor, quiet()};
        auto one = co_await first.connect(address);
        auto two = co_await second.connect(address);
        const auto error = co_await error_of(third.connect(address));
        CHECK(error == errc::too_many_participants);
    }());
}

TEST_CASE("half-open handshakes have a limit") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        braid::Limits limits;
        limits.half_open = 1;
        Network server{executor, with(limits)};
        auto listener = co_await server.listen("tcp://127.0.0.1:0");
        auto silent = co_await stranger(listener.address());
        auto refused = co_await stranger(listener.address());
        co_await wait_for_end(refused);
        CHECK(server.stats().handshakes_refused == 1);
        silent.close();
        Network client{executor, quiet()};
        std::optional<braid::Participant> participant;
        while (!participant) {
            try {
                participant.emplace(co_await client.connect(to_string(listener.address())));
            } catch (const braid::ConnectError&) {
                // The server has not yet seen that the silent one is gone.
            }
        }
    }());
}

TEST_CASE("shutdown delivers what was promised and ends everything") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        for (int i = 0; i < 1000; ++i) lane.client.send(i);
        co_await pair.client.shutdown();
        for (int i = 0; i < 1000; ++i) {
            const auto value = co_await lane.server.recv<int>();
            REQUIRE(value == i);
        }
        const auto end = co_await lane.server.next<int>();
        CHECK_FALSE(end);
        auto error = co_await error_of(pair.client.connected());
        CHECK(error == errc::network_closed);
        error = co_await error_of(pair.client.connect("tcp://127.0.0.1:1"));
        CHECK(error == errc::network_closed);
        error = co_await error_of(pair.client.listen("tcp://127.0.0.1:0"));
        CHECK(error == errc::network_closed);
        CHECK(lane.client.try_send(1) == errc::participant_closed);
    }());
}

TEST_CASE("options that cannot be are refused") {
    asio::io_context context;
    const auto make = [&](const NetworkOptions& options) {
        return thrown_by([&] { Network{context.get_executor(), options}; });
    };
    CHECK(make(NetworkOptions{}.application(std::string(65, 'a'))) == errc::options_invalid);
    braid::Limits limits;
    limits.idle = 0ms;
    CHECK(make(with(limits)) == errc::options_invalid);
}
