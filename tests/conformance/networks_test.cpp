// Networks: how they meet, how many of them, how they part and what they say of it.

#include "conformance/harness.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

using namespace conformance;
using braid::CloseReason;
using braid::errc;
using braid::Message;
using braid::Network;

namespace {

awaitable<braid::Listener> listen(Network& network, const Transport& transport) {
    return network.listen(transport.free_address);
}

awaitable<void> echo(braid::Participant participant) {
    while (auto stream = co_await participant.next_opened()) {
        while (auto message = co_await stream->next<Message>()) stream->send(*message);
    }
}

/// A client of its own that asks the server there something, and leaves.
awaitable<void> visit(std::string address, int number) {
    Network client{co_await asio::this_coro::executor, quiet()};
    auto server = co_await client.connect(address);
    auto stream = co_await server.open();
    for (int i = 0; i < 20; ++i) {
        stream.send(number + i);
        co_await expect_numbers(stream, number + i, number + i + 1);
    }
    stream.finish();
    co_await client.shutdown();
}

}  // namespace

ON_EVERY_TRANSPORT("two networks know each other by their Pids") {
    auto pair = co_await conformance::make_pair(transport);
    CHECK(pair.at_server.pid() == pair.client.pid());
    CHECK(pair.at_client.pid() == pair.server.pid());
    CHECK(pair.client.pid() != pair.server.pid());
    CHECK(pair.server.stats().participants == 1);
    CHECK(pair.client.stats().participants == 1);
}

ON_EVERY_TRANSPORT("many clients talk to one server at the same time") {
    const auto executor = co_await asio::this_coro::executor;
    Network server{executor, quiet()};
    auto listener = co_await listen(server, transport);
    const auto address = to_string(listener.address());
    constexpr int count = 64;
    std::vector<Aside> clients;
    std::vector<Aside> echoes;
    for (int i = 0; i < count; ++i) clients.emplace_back(executor, visit(address, i * 1'000));
    for (int i = 0; i < count; ++i) {
        echoes.emplace_back(executor, echo(co_await server.connected()));
    }
    for (auto& client : clients) co_await client.joined();
    for (auto& each : echoes) co_await each.joined();
    co_await until([&] { return server.stats().participants == 0; });
}

ON_EVERY_TRANSPORT("hundreds of networks of a process are clients of one") {
    const auto executor = co_await asio::this_coro::executor;
    Network server{executor, quiet()};
    auto listener = co_await listen(server, transport);
    std::vector<Network> networks;
    std::vector<braid::Participant> kept;
    for (int i = 0; i < 300; ++i) {
        networks.emplace_back(executor, quiet());
        kept.push_back(co_await networks.back().connect(to_string(listener.address())));
        auto stream = co_await kept.back().open();
        stream.send(i);
        kept.push_back(co_await server.connected());
        auto seen = co_await kept.back().opened();
        co_await expect_numbers(seen, i, i + 1);
    }
    CHECK(server.stats().participants == networks.size());
}

ON_EVERY_TRANSPORT("one network is client and server of many") {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<Network> networks;
    std::vector<std::string> addresses;
    std::vector<braid::Participant> kept;
    for (int i = 0; i < 6; ++i) {
        networks.emplace_back(executor, quiet());
        auto listener = co_await listen(networks.back(), transport);
        addresses.push_back(to_string(listener.address()));
    }
    for (std::size_t from = 0; from < networks.size(); ++from) {
        for (std::size_t to = from + 1; to < networks.size(); ++to) {
            kept.push_back(co_await networks[from].connect(addresses[to]));
            CHECK(kept.back().pid() == networks[to].pid());
            kept.push_back(co_await networks[to].connected());
            CHECK(kept.back().pid() == networks[from].pid());
        }
    }
    for (const auto& network : networks) CHECK(network.stats().participants == 5);
    for (std::size_t i = 0; i < kept.size(); i += 2) {
        auto stream = co_await kept[i].open();
        stream.send(static_cast<int>(i));
        auto seen = co_await kept[i + 1].opened();
        co_await expect_numbers(seen, static_cast<int>(i), static_cast<int>(i) + 1);
    }
}

ON_EVERY_TRANSPORT("of two that dial each other at once both get one participant") {
    const auto executor = co_await asio::this_coro::executor;
    for (int round = 0; round < 20; ++round) {
        Network networks[2]{Network{executor, quiet()}, Network{executor, quiet()}};
        auto at_first = co_await listen(networks[0], transport);
        auto at_second = co_await listen(networks[1], transport);
        std::optional<braid::Participant> ends[2];
        const auto dial = [&](std::size_t which, const braid::Listener& to) -> awaitable<void> {
            auto participant = co_await networks[which].connect(to_string(to.address()));
            ends[which].emplace(std::move(participant));
        };
        Aside other{executor, dial(0, at_second)};
        co_await give_way(round);
        // Whoever comes too late for a call of his own is told so, and has the peer's.
        const auto error = co_await error_of(dial(1, at_first));
        if (error) {
            CHECK(error == errc::already_connected);
            ends[1].emplace(co_await networks[1].connected());
        }
        co_await error_of(other.joined());
        if (!ends[0]) ends[0].emplace(co_await networks[0].connected());
        auto stream = co_await ends[0]->open();
        stream.send(round);
        auto seen = co_await ends[1]->opened();
        co_await expect_numbers(seen, round, round + 1);
        CHECK_FALSE(networks[0].try_connected());
        CHECK_FALSE(networks[1].try_connected());
        CHECK(networks[0].stats().participants == 1);
        CHECK(networks[1].stats().participants == 1);
    }
}

ON_EVERY_TRANSPORT("a second connect to a participant is refused and harms nothing") {
    const auto executor = co_await asio::this_coro::executor;
    Network server{executor, quiet()};
    Network client{executor, quiet()};
    auto listener = co_await listen(server, transport);
    const auto address = to_string(listener.address());
    auto at_client = co_await client.connect(address);
    auto at_server = co_await server.connected();
    for (int i = 0; i < 3; ++i) {
        const auto error = co_await error_of(client.connect(address));
        CHECK(error == errc::already_connected);
    }
    auto back = co_await listen(client, transport);
    const auto error = co_await error_of(server.connect(to_string(back.address())));
    CHECK(error == errc::already_connected);
    auto stream = co_await at_client.open();
    stream.send(1);
    auto seen = co_await at_server.opened();
    co_await expect_numbers(seen, 1, 2);
    CHECK(server.stats().participants == 1);
    CHECK_FALSE(server.try_connected());
}

ON_EVERY_TRANSPORT("hostile 61: of two networks with one Pid the second is refused") {
    const auto executor = co_await asio::this_coro::executor;
    Network server{executor, quiet()};
    Network first{executor, quiet()};
    Network second{first.pid(), executor, quiet()};
    auto listener = co_await listen(server, transport);
    const auto address = to_string(listener.address());
    auto at_first = co_await first.connect(address);
    auto at_server = co_await server.connected();
    for (int i = 0; i < 3; ++i) {
        const auto error = co_await error_of(second.connect(address));
        CHECK(error == errc::already_connected);
    }
    CHECK(server.stats().participants == 1);
    CHECK_FALSE(server.try_connected());
    auto stream = co_await at_first.open();
    stream.send(1);
    auto seen = co_await at_server.opened();
    co_await expect_numbers(seen, 1, 2);
}

ON_EVERY_TRANSPORT("a network does not connect to itself") {
    const auto executor = co_await asio::this_coro::executor;
    Network network{executor, quiet()};
    auto listener = co_await listen(network, transport);
    const auto error = co_await error_of(network.connect(to_string(listener.address())));
    CHECK(error == errc::self_connect);
    CHECK(network.stats().participants == 0);
    CHECK_FALSE(network.try_connected());
}

ON_EVERY_TRANSPORT("a network listens on several addresses and each may be stopped") {
    const auto executor = co_await asio::this_coro::executor;
    Network server{executor, quiet()};
    std::vector<braid::Listener> listeners;
    for (int i = 0; i < 4; ++i) listeners.push_back(co_await listen(server, transport));
    for (auto& each : listeners) {
        Network client{executor, quiet()};
        auto participant = co_await client.connect(to_string(each.address()));
        auto at_server = co_await server.connected();
        CHECK(at_server.pid() == client.pid());
    }
    Network stays{executor, quiet()};
    auto participant = co_await stays.connect(to_string(listeners[0].address()));
    auto at_server = co_await server.connected();
    listeners[0].stop();
    co_await give_way();
    Network late{executor, quiet()};
    const auto error = co_await error_of(late.connect(to_string(listeners[0].address())));
    CHECK(error);
    auto other_way = co_await late.connect(to_string(listeners[1].address()));
    auto stream = co_await participant.open();
    stream.send(1);
    auto seen = co_await at_server.opened();
    co_await expect_numbers(seen, 1, 2);
}

ON_EVERY_TRANSPORT("an address is free again once its listener has stopped") {
    const auto executor = co_await asio::this_coro::executor;
    Network first{executor, quiet()};
    auto listener = co_await listen(first, transport);
    const auto address = listener.address();
    Network second{executor, quiet()};
    const auto taken = co_await error_of(second.listen(address));
    CHECK(is_system_error(taken, std::errc::address_in_use));
    listener.stop();
    co_await give_way();
    auto again = co_await second.listen(address);
    CHECK(again.address() == address);
    Network client{executor, quiet()};
    auto participant = co_await client.connect(to_string(address));
    CHECK(participant.pid() == second.pid());
}

ON_EVERY_TRANSPORT("a peer that left may come again") {
    const auto executor = co_await asio::this_coro::executor;
    Network server{executor, quiet()};
    Network client{executor, quiet()};
    auto listener = co_await listen(server, transport);
    for (int i = 0; i < 50; ++i) {
        auto at_client = co_await client.connect(to_string(listener.address()));
        auto at_server = co_await server.connected();
        auto stream = co_await at_client.open();
        stream.send(i);
        auto& leaves = i % 2 == 0 ? at_client : at_server;
        const auto result = co_await leaves.disconnect();
        CHECK(result.all_delivered());
        co_await until([&] { return server.stats().participants == 0; });
        co_await until([&] { return client.stats().participants == 0; });
    }
}

ON_EVERY_TRANSPORT("a peer that leaves disturbs no other") {
    const auto executor = co_await asio::this_coro::executor;
    Network server{executor, quiet()};
    auto listener = co_await listen(server, transport);
    Network stays{executor, quiet()};
    auto at_stays = co_await stays.connect(to_string(listener.address()));
    auto of_stays = co_await server.connected();
    auto stream = co_await at_stays.open();
    auto seen = co_await of_stays.opened();
    for (int i = 0; i < 10; ++i) {
        {
            Network leaves{executor, quiet()};
            auto participant = co_await leaves.connect(to_string(listener.address()));
            auto gone = co_await participant.open();
            gone.send(i);
            if (i % 2 == 0) co_await leaves.shutdown();
        }
        stream.send(i);
        co_await expect_numbers(seen, i, i + 1);
    }
}

ON_EVERY_TRANSPORT_UNAIDED("a connect that waits holds up no other") {
    asio::io_context frozen;
    Network silent{frozen.get_executor(), quiet()};
    std::optional<braid::Listener> listener;
    const auto begin = [&]() -> awaitable<void> {
        auto listening = co_await listen(silent, transport);
        listener.emplace(std::move(listening));
    };
    Aside listening{frozen.get_executor(), begin()};
    while (!listener) frozen.run_one_for(1s);
    const auto main = [&]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        Network server{executor, quiet()};
        Network client{executor, quiet()};
        auto live = co_await listen(server, transport);
        const auto dial = [&]() -> awaitable<void> {
            // Longer than the other takes, of which a lossy link may lose a few packets.
            const auto deadline = transport.loses_nothing ? 500ms : 3s;
            co_await client.connect(to_string(listener->address()), deadline);
        };
        Aside waiting{executor, dial()};
        co_await give_way();
        auto participant = co_await client.connect(to_string(live.address()));
        CHECK(participant.pid() == server.pid());
        CHECK_FALSE(waiting.done());
        const auto error = co_await error_of(waiting.joined());
        CHECK(error == errc::timed_out);
    };
    trial::run(main());
}

ON_EVERY_TRANSPORT("shutdown delivers to all what was promised to them") {
    const auto executor = co_await asio::this_coro::executor;
    Network server{executor, quiet()};
    auto listener = co_await listen(server, transport);
    std::vector<Network> clients;
    std::vector<braid::Participant> kept;
    std::vector<braid::Stream> streams;
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back(executor, quiet());
        kept.push_back(co_await clients.back().connect(to_string(listener.address())));
        auto at_server = co_await server.connected();
        auto stream = co_await at_server.open();
        co_await send_numbers(stream, 0, 2'000);
        streams.push_back(std::move(stream));
        kept.push_back(std::move(at_server));
    }
    co_await server.shutdown();
    CHECK(server.stats().participants == 0);
    for (std::size_t i = 0; i < kept.size(); i += 2) {
        auto stream = co_await kept[i].opened();
        co_await expect_numbers(stream, 0, 2'000);
        co_await expect_end(stream);
        const auto error = co_await error_of(kept[i].opened());
        CHECK(error == errc::participant_disconnected);
    }
}

ON_EVERY_TRANSPORT("both networks may shut down at the same time") {
    const auto executor = co_await asio::this_coro::executor;
    for (int round = 0; round < 20; ++round) {
        auto pair = co_await conformance::make_pair(transport);
        auto lane = co_await make_lane(pair);
        lane.client.send(1);
        lane.server.send(2);
        Aside other{executor, pair.server.shutdown()};
        co_await give_way(round % 5);
        co_await pair.client.shutdown();
        co_await other.joined();
        CHECK(pair.server.stats().participants == 0);
        CHECK(pair.client.stats().participants == 0);
    }
}

ON_EVERY_TRANSPORT("next_connected ends a loop when the network is shut down") {
    const auto executor = co_await asio::this_coro::executor;
    Network server{executor, quiet()};
    auto listener = co_await listen(server, transport);
    int met = 0;
    const auto serve = [&]() -> awaitable<void> {
        while (auto participant = co_await server.next_connected()) ++met;
    };
    Aside serving{executor, serve()};
    for (int i = 0; i < 5; ++i) {
        Network client{executor, quiet()};
        auto participant = co_await client.connect(to_string(listener.address()));
        co_await until([&] { return met == i + 1; });
    }
    co_await server.shutdown();
    co_await serving.joined();
    CHECK(met == 5);
}
