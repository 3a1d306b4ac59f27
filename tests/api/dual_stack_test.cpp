// A listener at [::] hears IPv4 as well as IPv6, over UDP as over TCP.

#include "api/trial.hpp"
#include "catch.hpp"

#include <braid/braid.hpp>

#include <asio/error.hpp>
#include <asio/this_coro.hpp>

#include <string>

namespace {

using asio::awaitable;

/// Who dials `address` and the listener there understand each other.
/// @returns who dialled, as the listener's side says it
awaitable<std::string> greet(braid::Network& server, std::string address) {
    braid::Network client{co_await asio::this_coro::executor};
    auto participant = co_await client.connect(address);
    auto stream = co_await participant.open();
    stream.send(4);
    auto at_server = co_await server.connected();
    const auto created = co_await at_server.next_event();
    auto twin = co_await at_server.opened();
    const auto received = co_await twin.recv<int>();
    CHECK(received == 4);
    twin.send(2);
    const auto answer = co_await stream.recv<int>();
    CHECK(answer == 2);
    co_await client.shutdown();
    co_return created.address();
}

void hears_both(const std::string& scheme) {
    const auto test = [&]() -> awaitable<void> {
        braid::Network server{co_await asio::this_coro::executor};
        auto listener = co_await server.listen(scheme + "://[::]:0");
        const auto port = ":" + std::to_string(listener.address().port());
        auto dialled = co_await greet(server, scheme + "://127.0.0.1" + port);
        CHECK_THAT(dialled, Catch::StartsWith(scheme + "://127.0.0.1:"));
        dialled = co_await greet(server, scheme + "://[::1]" + port);
        CHECK_THAT(dialled, Catch::StartsWith(scheme + "://[::1]:"));
#if defined(__linux__) && !defined(BRAID_PORTABLE_IO)
        // Answers come from the address that was dialled, which is not the first of the interface.
        dialled = co_await greet(server, scheme + "://127.0.0.2" + port);
        CHECK_THAT(dialled, Catch::StartsWith(scheme + "://127."));
#endif
        // The listener's own address serves on the machine that it is on.
        dialled = co_await greet(server, to_string(listener.address()));
        CHECK_THAT(dialled, Catch::StartsWith(scheme + "://[::1]:"));
        const auto four = co_await server.try_listen(scheme + "://0.0.0.0" + port);
        CHECK(four.error() == asio::error::address_in_use);
    };
    trial::run(test());
}

}  // namespace

TEST_CASE("a listener at all IPv6 addresses hears IPv4: tcp") { hears_both("tcp"); }
TEST_CASE("a listener at all IPv6 addresses hears IPv4: udp") { hears_both("udp"); }
