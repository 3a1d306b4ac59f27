// What Limits says of handshakes, where it does what TCP does not do: over UDP whoever is too many
// is not refused but held back, and comes in within the same connect() when there is room.

#include "api/trial.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace trial;
using braid::Network;

namespace {

/// Runs a context until it has nothing to do for now.
void settle(asio::io_context& context) {
    context.restart();
    while (context.poll() > 0) context.restart();
}

/// Listens on a context that runs only when told to.
struct Server {
    explicit Server(const braid::Limits& limits) : network{context.get_executor(), with(limits)} {
        const auto begin = [&]() -> awaitable<void> {
            auto listener = co_await network.listen("udp://127.0.0.1:0");
            address = to_string(listener.address());
        };
        trial::run(context, begin());
        context.restart();
    }

    asio::io_context context;
    Network network;
    std::string address;
};

/// Has asked to come in, and never goes on.
struct HalfOpen {
    explicit HalfOpen(Server& server) : network{std::in_place, context.get_executor(), with({})} {
        const auto dial = [](Network& from, std::string to) -> awaitable<void> {
            auto participant = co_await from.connect(to);
        };
        asio::co_spawn(context, dial(*network, server.address), asio::detached);
        settle(context);
        settle(server.context);
    }

    /// Says that it does not go on.
    ~HalfOpen() {
        network.reset();
        settle(context);
    }

    asio::io_context context;
    std::optional<Network> network;
};

}  // namespace

TEST_CASE("over UDP who is beyond half_open comes in when a handshake has run out of time") {
    braid::Limits limits;
    limits.half_open = 2;
    limits.handshake = 600ms;
    Server server{limits};
    const HalfOpen one{server};
    const HalfOpen other{server};
    const auto late = [&]() -> awaitable<void> {
        Network client{co_await asio::this_coro::executor, with({})};
        auto participant = co_await client.connect(server.address, 30s);
        auto there = co_await server.network.connected();
        CHECK(there.pid() == client.pid());
        CHECK(server.network.stats().handshakes_refused >= 1);
        CHECK(server.network.stats().handshakes_failed == 2);
    };
    trial::run(server.context, late());
}

TEST_CASE("over UDP who is beyond half_open comes in when another one has left") {
    braid::Limits limits;
    limits.half_open = 1;
    limits.handshake = 50s;
    Server server{limits};
    std::optional<HalfOpen> one{server};
    const auto leave = [&]() -> awaitable<void> {
        while (server.network.stats().handshakes_refused == 0) co_await give_way();
        one.reset();
    };
    const auto late = [&]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        asio::co_spawn(executor, leave(), asio::detached);
        Network client{executor, with({})};
        auto participant = co_await client.connect(server.address, 30s);
        CHECK(server.network.stats().participants <= 1);
    };
    trial::run(server.context, late());
}

TEST_CASE("half_open counts the handshakes of all listeners together over UDP too") {
    braid::Limits limits;
    limits.half_open = 1;
    limits.handshake = 600ms;
    Server server{limits};
    const HalfOpen one{server};
    const auto late = [&]() -> awaitable<void> {
        auto listener = co_await server.network.listen("udp://127.0.0.1:0");
        Network client{co_await asio::this_coro::executor, with({})};
        auto participant = co_await client.connect(to_string(listener.address()), 30s);
        CHECK(server.network.stats().handshakes_refused >= 1);
        CHECK(server.network.stats().handshakes_failed == 1);
    };
    trial::run(server.context, late());
}

TEST_CASE("handshakes_per_second does not count loopback: tcp and udp") {
    for (const std::string transport : {"tcp", "udp"}) {
        const auto many = [&]() -> awaitable<void> {
            const auto executor = co_await asio::this_coro::executor;
            braid::Limits limits;
            limits.handshakes_per_second = 1;
            Network server{executor, with(limits)};
            auto listener = co_await server.listen(transport + "://127.0.0.1:0");
            const auto address = to_string(listener.address());
            std::vector<std::unique_ptr<Network>> clients;
            std::vector<braid::Participant> participants;
            for (int i = 0; i < 10; ++i) {
                clients.push_back(std::make_unique<Network>(executor, with({})));
                auto participant = co_await clients.back()->connect(address);
                participants.push_back(std::move(participant));
            }
            CHECK(server.stats().handshakes_refused == 0);
        };
        trial::run(many());
    }
}
