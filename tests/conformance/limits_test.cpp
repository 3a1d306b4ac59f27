// Every field of Limits holds, and what it stops goes on when there is room again.

#include "conformance/harness.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

using namespace conformance;
using braid::errc;
using braid::Message;
using braid::Network;

namespace {

awaitable<void> pass(std::chrono::milliseconds time) {
    asio::steady_timer timer{co_await asio::this_coro::executor, time};
    co_await timer.async_wait(asio::use_awaitable);
}

/// A Network that listens on a context of its own, which nobody runs unless told to.
class Silent {
public:
    explicit Silent(const Transport& transport, const braid::Limits& limits = {})
        : network{context.get_executor(), with(limits)} {
        const auto begin = [&]() -> awaitable<void> {
            auto listener = co_await network.listen(transport.free_address);
            address = to_string(listener.address());
        };
        Aside listening{context.get_executor(), begin()};
        while (!listening.done()) context.run_one_for(1s);
    }

    asio::io_context context;
    Network network;
    std::string address;
};

/// Runs a context until it has nothing to do for now.
void settle(asio::io_context& context) {
    context.restart();
    while (context.poll() > 0) context.restart();
}

/// A client that has begun a handshake, of which the server knows, and then stands still.
class HalfOpen {
public:
    explicit HalfOpen(Silent& server) : network{std::in_place, context.get_executor(), quiet()} {
        const auto dial = [](Network& from, std::string to) -> awaitable<void> {
            auto participant = co_await from.connect(to);
        };
        const auto before = server.network.stats().half_open;
        dialling.emplace(context.get_executor(), dial(*network, server.address));
        // What it says may be under way for a while, or be lost and said again.
        do {
            settle(context);
            server.context.restart();
            server.context.run_one_for(1ms);
        } while (server.network.stats().half_open == before);
        CHECK_FALSE(dialling->done());
    }

    /// Tells the server, if its transport knows how to.
    ~HalfOpen() {
        network.reset();
        settle(context);
    }

    asio::io_context context;
    std::optional<Network> network;
    std::optional<Aside> dialling;
};

bool is_late(std::error_code error) {
    return error == errc::timed_out || error == errc::handshake_timeout;
}

}  // namespace

ON_EVERY_TRANSPORT("the longest message of either end holds in both directions") {
    braid::Limits limits;
    limits.message_bytes = 100'000;
    auto pair = co_await conformance::make_pair(transport, limits);
    auto lane = co_await make_lane(pair);
    for (auto* const from : {&lane.client, &lane.server}) {
        auto& to = from == &lane.client ? lane.server : lane.client;
        CHECK(from->try_send(Message{pattern(100'001)}) == errc::message_too_large);
        from->send(Message{pattern(100'000)});
        const auto message = co_await to.recv<Message>();
        CHECK(message.size() == 100'000);
    }
}

ON_EVERY_TRANSPORT("more messages at once than the window holds all arrive where each is read") {
    braid::Limits limits;
    limits.participant_receive_window_bytes = 64 << 10;
    limits.participant_receive_window_bytes_max = 64 << 10;
    auto pair = co_await conformance::make_pair(transport, limits);
    std::vector<Lane> lanes;
    std::vector<std::unique_ptr<Aside>> readers;
    // Each reads its message and then no more: nothing says what it took but the peer's need.
    const auto read_one = [](braid::Stream& stream, unsigned seed) -> awaitable<void> {
        const auto message = co_await stream.recv<Message>();
        CHECK(is_pattern(message.bytes(), seed));
    };
    for (unsigned i = 0; i < 40; ++i) lanes.push_back(co_await make_lane(pair));
    const auto executor = co_await asio::this_coro::executor;
    for (unsigned i = 0; i < lanes.size(); ++i) {
        lanes[i].client.send(Message{pattern(20'000, i)});
        readers.push_back(std::make_unique<Aside>(executor, read_one(lanes[i].server, i)));
    }
    for (const auto& reader : readers) co_await reader->joined();
}

ON_EVERY_TRANSPORT("a stream's send queue is bounded and writable comes when there is room") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = 64 << 10;
    auto pair = co_await conformance::make_pair(transport, {}, limits);
    auto lane = co_await make_lane(pair);
    const Message kilobyte{pattern(1'000)};
    std::size_t sent = 0;
    while (!lane.client.try_send(kilobyte)) ++sent;
    CHECK(lane.client.try_send(kilobyte) == errc::send_queue_full);
    CHECK(sent <= (64u << 10) / 1'000);
    CHECK(sent >= 60);
    for (int round = 0; round < 50; ++round) {
        co_await lane.client.writable(32 << 10);
        for (int i = 0; i < 20; ++i, ++sent) lane.client.send(kilobyte);
        Message message;
        while (lane.server.try_recv(message) == braid::RecvStatus::ok) --sent;
    }
    for (; sent > 0; --sent) co_await lane.server.recv<Message>();
    co_await lane.client.drained();
}

ON_EVERY_TRANSPORT("a message longer than the send queue goes when it is alone") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = 10'000;
    limits.participant_send_queue_bytes = 20'000;
    auto pair = co_await conformance::make_pair(transport, {}, limits);
    auto lane = co_await make_lane(pair);
    const Message message{pattern(1'000'000)};
    lane.client.send(message);
    CHECK(lane.client.try_send(1) == errc::send_queue_full);
    const auto received = co_await lane.server.recv<Message>();
    CHECK(received.size() == message.size());
    co_await lane.client.writable(10'000);
    lane.client.send(1);
    co_await expect_numbers(lane.server, 1, 2);
}

ON_EVERY_TRANSPORT("a participant's send queue is bounded over all its streams") {
    braid::Limits limits;
    limits.participant_send_queue_bytes = 100'000;
    auto pair = co_await conformance::make_pair(transport, {}, limits);
    auto first = co_await make_lane(pair);
    auto second = co_await make_lane(pair);
    const Message message{pattern(1'000)};
    int sent = 0;
    while (!first.client.try_send(message)) ++sent;
    CHECK(sent < 100);
    CHECK(second.client.try_send(message) == errc::send_queue_full);
    for (int i = 0; i < sent; ++i) co_await first.server.recv<Message>();
    co_await second.client.writable(100'000);
    second.client.send(message);
    co_await second.server.recv<Message>();
}

ON_EVERY_TRANSPORT("small receive windows carry long messages and many") {
    braid::Limits limits;
    limits.stream_receive_window_bytes = limits.stream_receive_window_bytes_max = 4 << 10;
    limits.participant_receive_window_bytes = 8 << 10;
    limits.participant_receive_window_bytes_max = 8 << 10;
    auto pair = co_await conformance::make_pair(transport, limits, limits);
    auto lane = co_await make_lane(pair);
    Aside sending{co_await asio::this_coro::executor, send_numbers(lane.client, 0, 5'000)};
    co_await expect_numbers(lane.server, 0, 5'000);
    co_await sending.joined();
    for (const std::size_t size : {4'000u, 4'096u, 5'000u, 9'000u, 1'000'000u}) {
        const auto seed = static_cast<unsigned>(size);
        lane.server.send(Message{pattern(size, seed)});
        const auto message = co_await lane.client.recv<Message>();
        CHECK(message.size() == size);
        const bool same = is_pattern(message.bytes(), seed);
        CHECK(same);
    }
}

ON_EVERY_TRANSPORT("a receiver that does not read holds no more than its window") {
    braid::Limits limits;
    limits.stream_receive_window_bytes = limits.stream_receive_window_bytes_max = 64 << 10;
    auto pair = co_await conformance::make_pair(transport, limits);
    auto lane = co_await make_lane(pair);
    const Message message{pattern(1'000)};
    std::size_t accepted = 0;
    while (!lane.client.try_send(message)) {
        ++accepted;
        if (accepted % 20 == 0) co_await give_way();
    }
    co_await give_way(100);
    const auto queued = pair.at_client.stats().queued_bytes;
    const auto confirmed = accepted * message.size() - std::min(accepted * message.size(), queued);
    CHECK(confirmed <= 64u << 10);
    for (; accepted > 0; --accepted) co_await lane.server.recv<Message>();
    co_await lane.client.drained();
}

ON_EVERY_TRANSPORT("open waits for the peer's limit of streams and goes on") {
    braid::Limits limits;
    limits.peer_streams = 2;
    auto pair = co_await conformance::make_pair(transport, limits);
    std::optional<Lane> first{co_await make_lane(pair)};
    auto second = co_await make_lane(pair);
    std::optional<braid::Stream> third;
    const auto open = [&]() -> awaitable<void> {
        auto stream = co_await pair.at_client.open();
        third.emplace(std::move(stream));
    };
    Aside opening{co_await asio::this_coro::executor, open()};
    co_await give_way(100);
    CHECK_FALSE(opening.done());
    // The limit is on what the client opens: the other way is free.
    auto back = co_await pair.at_server.open();
    auto seen = co_await pair.at_client.opened();
    CHECK(seen.id() == back.id());
    CHECK_FALSE(opening.done());
    first.reset();
    co_await opening.joined();
    REQUIRE(third);
    third->send(1);
    auto third_seen = co_await pair.at_server.opened();
    co_await expect_numbers(third_seen, 1, 2);
}

ON_EVERY_TRANSPORT("of ten thousand streams that a peer opens few are there at once") {
    constexpr int count = 10'000;
    auto pair = co_await conformance::make_pair(transport);
    const auto open = [&]() -> awaitable<void> {
        for (int i = 0; i < count; ++i) {
            auto stream = co_await pair.at_client.open();
            stream.send(i);
        }
    };
    Aside opening{co_await asio::this_coro::executor, open()};
    std::size_t most = 0;
    for (int i = 0; i < count; ++i) {
        auto stream = co_await pair.at_server.opened();
        most = std::max(most, pair.at_server.stats().streams);
        co_await expect_numbers(stream, i, i + 1);
    }
    co_await opening.joined();
    CHECK(most <= braid::Limits{}.peer_streams);
    co_await until([&] { return pair.at_server.stats().streams == 0; });
}

ON_EVERY_TRANSPORT("participants have a limit and a place that is free is taken again") {
    const auto executor = co_await asio::this_coro::executor;
    braid::Limits limits;
    limits.participants = 2;
    Network server{executor, with(limits)};
    auto listener = co_await server.listen(transport.free_address);
    const auto address = to_string(listener.address());
    Network clients[3]{Network{executor, quiet()}, Network{executor, quiet()},
                       Network{executor, quiet()}};
    auto first = co_await clients[0].connect(address);
    auto second = co_await clients[1].connect(address);
    const auto refused = co_await error_of(clients[2].connect(address));
    CHECK(refused == errc::too_many_participants);
    CHECK(server.stats().handshakes_refused == 1);
    co_await first.disconnect();
    co_await until([&] { return server.stats().participants == 1; });
    auto third = co_await clients[2].connect(address);
    const auto own = co_await error_of(server.connect(address));
    CHECK(own == errc::too_many_participants);
}

ON_EVERY_TRANSPORT_UNAIDED("a connect to one that does not answer ends in time") {
    const Silent silent{transport};
    const auto main = [&]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        const auto begun = std::chrono::steady_clock::now();
        Network patient{executor, quiet()};
        auto error = co_await error_of(patient.connect(silent.address, 50ms));
        CHECK(is_late(error));
        braid::Limits limits;
        limits.connect = 50ms;
        Network hasty{executor, with(limits)};
        error = co_await error_of(hasty.connect(silent.address));
        CHECK(is_late(error));
        limits = {};
        limits.handshake = 50ms;
        Network strict{executor, with(limits)};
        error = co_await error_of(strict.connect(silent.address, 20s));
        CHECK(is_late(error));
        CHECK(std::chrono::steady_clock::now() - begun < 5s);
    };
    trial::run(main());
}

ON_EVERY_TRANSPORT_UNAIDED("a dialler that stops half way never becomes a participant") {
    braid::Limits limits;
    limits.handshake = 50ms;
    Silent server{transport, limits};
    const HalfOpen client{server};
    const auto wait = [&]() -> awaitable<void> {
        co_await until([&] { return server.network.stats().handshakes_failed == 1; });
    };
    server.context.restart();
    trial::run(server.context, wait());
    CHECK(server.network.stats().half_open == 0);
    CHECK(server.network.stats().participants == 0);
    CHECK_FALSE(server.network.try_connected());
}

ON_EVERY_TRANSPORT_UNAIDED("handshakes under way have a limit") {
    braid::Limits limits;
    limits.half_open = 2;
    limits.handshake = 30s;
    Silent server{transport, limits};
    std::optional<HalfOpen> clients[2];
    for (auto& each : clients) each.emplace(server);
    const auto meet = [&]() -> awaitable<void> {
        Network late{co_await asio::this_coro::executor, quiet()};
        auto error = co_await error_of(late.connect(server.address, 1s));
        CHECK(error);
        CHECK(server.network.stats().handshakes_refused >= 1);
        clients[0].reset();
        // When the server sees that one is gone is up to the transport.
        do {
            error = co_await error_of(late.connect(server.address, 1s));
        } while (error && error != errc::already_connected);
        CHECK_FALSE(error);
    };
    server.context.restart();
    trial::run(server.context, meet());
}

ON_EVERY_TRANSPORT_UNAIDED("a peer that is silent for too long is given up") {
    for (const bool own_limit : {true, false}) {
        braid::Limits limits;
        limits.idle = 500ms;
        Apart apart{transport, own_limit ? braid::Limits{} : limits,
                    own_limit ? limits : braid::Limits{}};
        std::error_code error;
        const auto wait = [&]() -> awaitable<void> {
            error = co_await error_of(apart.pair->at_client.opened());
        };
        apart.run_client(wait());
        CHECK(error == errc::idle_timeout);
        CHECK_FALSE(apart.pair->at_client.close_reason());
    }
}

ON_EVERY_TRANSPORT("two that have nothing to say keep each other company") {
    braid::Limits limits;
    limits.idle = 600ms;
    auto pair = co_await conformance::make_pair(transport, limits, limits);
    auto lane = co_await make_lane(pair);
    co_await pass(1'500ms);
    lane.client.send(1);
    co_await expect_numbers(lane.server, 1, 2);
}

ON_EVERY_TRANSPORT_UNAIDED("disconnect and shutdown end in time though the peer stands still") {
    braid::Limits limits;
    limits.disconnect = 50ms;
    Apart one{transport, {}, limits};
    Apart other{transport, {}, limits};
    const auto begun = std::chrono::steady_clock::now();
    for (auto* const apart : {&one, &other}) {
        auto lane = apart->lane();
        apart->stall();
        lane.client.send(Message{pattern(100'000)});
        const auto leave = [&]() -> awaitable<void> {
            if (apart == &one) {
                const auto result = co_await apart->pair->at_client.disconnect();
                CHECK_FALSE(result.all_delivered());
            } else {
                co_await apart->pair->client.shutdown();
            }
        };
        apart->run_client(leave());
    }
    CHECK(std::chrono::steady_clock::now() - begun < 5s);
}
