#include "api/trial.hpp"

#include <braid/result.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/ip/tcp.hpp>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>

using namespace trial;
using braid::ConnectAddr;
using braid::errc;
using braid::ListenAddr;
using braid::Network;
using braid::Promises;
using braid::Result;

static_assert(std::is_nothrow_move_constructible_v<Result<std::unique_ptr<int>>>);
static_assert(!std::is_copy_constructible_v<Result<std::unique_ptr<int>>>);
static_assert(std::is_copy_constructible_v<Result<ConnectAddr>>);
static_assert(!std::is_aggregate_v<Result<int>>);
static_assert(!std::is_convertible_v<Result<int>, bool>);

namespace {

template <typename T>
Result<T> failed(const braid::StreamError& error) {
    return {error, std::make_exception_ptr(error)};
}

awaitable<Result<std::unique_ptr<std::string>>> give(bool good) {
    co_await asio::post(asio::use_awaitable);
    if (good) co_return std::make_unique<std::string>("a text that is too long for its object");
    co_return failed<std::unique_ptr<std::string>>(braid::StreamError{errc::stream_closed});
}

}  // namespace

TEST_CASE("a result is a value or an error") {
    Result<std::unique_ptr<int>> good{std::make_unique<int>(7)};
    REQUIRE(good);
    CHECK(good.has_value());
    CHECK(**good == 7);
    CHECK_FALSE(good.error());
    CHECK(good.text().empty());
    const auto taken = std::move(good).value();
    CHECK(*taken == 7);

    auto bad = failed<std::unique_ptr<int>>(braid::StreamError{errc::stream_closed, "lane 4"});
    CHECK_FALSE(bad);
    CHECK(bad.error() == errc::stream_closed);
    CHECK(bad.text().find("lane 4: ") == 0);
    CHECK_THROWS_AS(std::move(bad).value(), braid::StreamError);
}

TEST_CASE("results stand in co_await expressions") {
    run([]() -> awaitable<void> {
        const std::string given = *(co_await give(true)).value();
        CHECK(given == "a text that is too long for its object");
        const auto size = (*co_await give(true))->size();
        CHECK(size == 38);
        const auto error = (co_await give(false)).error();
        CHECK(error == errc::stream_closed);
        if (auto text = co_await give(true)) CHECK((**text).starts_with("a text"));
    }());
}

TEST_CASE("an address that is none comes back as a result") {
    const auto good = ConnectAddr::parse("tcp://127.0.0.1:14004");
    REQUIRE(good);
    CHECK(good->port() == 14004);
    const auto bad = ConnectAddr::parse("carrier-pigeon://roof");
    CHECK(bad.error() == errc::address_invalid);
    CHECK(bad.text().find("carrier-pigeon://roof") != std::string::npos);
    CHECK(bad.text().find("tcp://") != std::string::npos);
    CHECK(ConnectAddr::parse("tcp://127.0.0.1:0").error() == errc::address_invalid);
    CHECK(ListenAddr::parse("tcp://127.0.0.1:0"));
    CHECK(ListenAddr::parse("tcp://127.0.0.1").error() == errc::address_invalid);
    CHECK_THROWS_AS(ListenAddr::parse("x").value(), braid::NetworkError);
    CHECK_THROWS_AS(ConnectAddr::parse("x").value(), braid::ConnectError);
}

TEST_CASE("what fails when connecting comes back as a result") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        Network network{executor, with({})};
        auto nowhere = co_await network.try_listen("tcp://127.0.0.1");
        CHECK(nowhere.error() == errc::address_invalid);
        auto listener = co_await network.try_listen("tcp://127.0.0.1:0");
        REQUIRE(listener);
        const auto address = to_string(listener->address());
        auto taken = co_await network.try_listen(listener->address());
        CHECK(taken.error() == asio::error::address_in_use);
        CHECK(taken.text().find(address) != std::string::npos);

        Network other{executor, with({})};
        auto unknown = co_await other.try_connect(std::string{"tcp:127.0.0.1:1"});
        CHECK(unknown.error() == errc::address_invalid);
        CHECK_THROWS_AS(std::move(unknown).value(), braid::ConnectError);
        auto self = co_await network.try_connect(address, 5s);
        CHECK(self.error() == errc::self_connect);

        auto server = co_await other.try_connect(ConnectAddr{address});
        REQUIRE(server);
        auto client = co_await network.next_connected();
        REQUIRE(client);
        auto again = co_await other.try_connect(address);
        CHECK(again.error() == errc::already_connected);

        auto stream = co_await server->try_open(2, Promises::reliable);
        REQUIRE(stream);
        stream->send(5);
        auto secret = co_await server->try_open(2, Promises::reliable | Promises::encrypted);
        CHECK(secret.error() == errc::encryption_unavailable);
        CHECK_THROWS_AS(std::move(secret).value(), braid::ParticipantError);
        co_await network.shutdown();
        auto late = co_await server->try_open(braid::StreamOptions{});
        CHECK(late.error() == errc::participant_disconnected);
        auto closed = co_await network.try_listen("tcp://127.0.0.1:0");
        CHECK(closed.error() == errc::network_closed);
    }());
}

TEST_CASE("loops over participants and streams end when they are over") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        std::optional<int> clients;
        std::optional<int> streams;
        std::optional<int> streams_here;
        {
            auto pair = co_await make_pair();
            const auto count_clients = [](Network& network,
                                          std::optional<int>& result) -> awaitable<void> {
                int count = 0;
                while (auto client = co_await network.next_connected()) ++count;
                result = count;
            };
            const auto count_streams = [](braid::Participant& participant,
                                          std::optional<int>& result) -> awaitable<void> {
                int count = 0;
                while (auto stream = co_await participant.next_opened()) ++count;
                result = count;
            };
            asio::co_spawn(executor, count_clients(pair.server, clients), asio::detached);
            asio::co_spawn(executor, count_streams(pair.at_server, streams), asio::detached);
            asio::co_spawn(executor, count_streams(pair.at_client, streams_here), asio::detached);
            for (int i = 0; i < 3; ++i) {
                auto stream = co_await pair.at_client.open();
                stream.send(i);
            }
            co_await pair.at_client.disconnect();
            co_await until([&] { return streams && streams_here; });
            Network another{executor, with({})};
            auto listener = co_await pair.server.listen("tcp://127.0.0.1:0");
            auto participant = co_await another.connect(to_string(listener.address()));
            co_await another.shutdown();
            co_await pair.server.shutdown();
            co_await until([&] { return clients.has_value(); });
        }
        CHECK(streams == 3);
        CHECK(streams_here == 0);
        CHECK(clients == 1);
    }());
}

TEST_CASE("a cancelled attempt throws as its twin does") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        asio::ip::tcp::acceptor silent{executor, {asio::ip::make_address("127.0.0.1"), 0}};
        const auto address = "tcp://127.0.0.1:" + std::to_string(silent.local_endpoint().port());
        Network network{executor, with({})};
        asio::cancellation_signal signal;
        bool over = false;
        std::error_code error;
        const auto connect = [&]() -> awaitable<void> {
            auto result = co_await network.try_connect(address);
            CHECK_FALSE(result);
        };
        asio::co_spawn(executor, connect(),
                       asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr thrown) {
                           over = true;
                           try {
                               if (thrown) std::rethrow_exception(thrown);
                           } catch (const std::system_error& aborted) {
                               error = aborted.code();
                           }
                       }));
        co_await give_way();
        signal.emit(asio::cancellation_type::terminal);
        co_await until([&] { return over; });
        CHECK(error == asio::error::operation_aborted);
    }());
}
