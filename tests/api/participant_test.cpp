#include "api/trial.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>

#include <optional>
#include <vector>

using namespace trial;
using braid::CloseReason;
using braid::errc;
using braid::Message;
using braid::Promises;

TEST_CASE("what was queued arrives before a participant is gone") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        braid::Limits limits;
        limits.stream_send_queue_bytes = 128 << 20;
        limits.participant_send_queue_bytes = 128 << 20;
        auto pair = co_await make_pair({}, limits);
        auto lane = co_await make_lane(pair);
        const Message megabyte{std::vector<std::byte>(1 << 20, std::byte{42})};
        for (int i = 0; i < 64; ++i) lane.client.send(megabyte);
        std::optional<int> count;
        asio::co_spawn(
            executor,
            [&]() -> awaitable<void> {
                int arrived = 0;
                while (auto message = co_await lane.server.next<Message>()) {
                    if (message->size() == megabyte.size()) ++arrived;
                }
                count = arrived;
            },
            asio::detached);
        auto result = co_await pair.at_client.disconnect(CloseReason{7, "done"}, 50s);
        CHECK(result.all_delivered());
        co_await until([&] { return count.has_value(); });
        CHECK(count == 64);
    }());
}

TEST_CASE("data sent right after open arrives") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto client = co_await pair.at_client.open(0, Promises::reliable);
        client.send(1);
        auto result = co_await pair.at_client.disconnect();
        CHECK(result.all_delivered());
        auto server = co_await pair.at_server.opened();
        const auto value = co_await server.recv<int>();
        CHECK(value == 1);
        const auto end = co_await server.next<int>();
        CHECK_FALSE(end);
    }());
}

TEST_CASE("both ends learn why") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        CHECK_FALSE(pair.at_client.close_reason());
        co_await pair.at_client.disconnect(CloseReason{42, "enough"});
        auto error = co_await error_of(pair.at_server.opened());
        CHECK(error == errc::participant_disconnected);
        error = co_await error_of(pair.at_client.open());
        CHECK(error == errc::participant_closed);
        for (auto* const end : {&pair.at_client, &pair.at_server}) {
            const auto reason = end->close_reason();
            REQUIRE(reason);
            CHECK(reason->code() == 42);
            CHECK(reason->text() == "enough");
        }
        CHECK(lane.client.try_send(1) == errc::participant_closed);
        CHECK(lane.server.try_send(1) == errc::participant_disconnected);
        auto again = co_await pair.at_server.disconnect();
        CHECK(again.all_delivered());
    }());
}

TEST_CASE("what could not be delivered is counted") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        const std::vector<std::byte> bytes(100'000);
        for (int i = 0; i < 20; ++i) lane.client.send(std::span<const std::byte>{bytes});
        auto result = co_await pair.at_client.disconnect({}, 50ms);
        CHECK_FALSE(result.all_delivered());
        CHECK(result.messages_undelivered() >= 10);
        CHECK(result.bytes_undelivered() >= 1'000'000);
        REQUIRE(result.streams().size() == 1);
        CHECK(result.streams()[0].stream == lane.client.id());
    }());
}

TEST_CASE("a Network that is destroyed says so, and what it had said stays") {
    asio::io_context context;
    run(context, []() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        for (int i = 0; i < 100; ++i) lane.client.send(i);
        co_await lane.client.drained();
        { const braid::Network gone{std::move(pair.client)}; }
        auto error = co_await error_of(pair.at_server.opened());
        CHECK(error == errc::participant_disconnected);
        REQUIRE(pair.at_server.close_reason());
        CHECK(pair.at_server.close_reason()->code() == braid::close_code::network_destroyed);
        REQUIRE(pair.at_client.close_reason());
        CHECK(pair.at_client.close_reason()->code() == braid::close_code::network_destroyed);
        error = co_await error_of(pair.at_client.opened());
        CHECK(error == errc::network_closed);
        CHECK(lane.client.try_send(1) == errc::network_closed);
        for (int i = 0; i < 100; ++i) {
            const auto value = co_await lane.server.recv<int>();
            REQUIRE(value == i);
        }
        error = co_await error_of(lane.server.next<int>().as_awaitable());
        CHECK(error == errc::participant_disconnected);
    }());
}

TEST_CASE("a shutdown leaves a reason at both ends") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        co_await pair.server.shutdown();
        const auto error = co_await error_of(pair.at_client.opened());
        CHECK(error == errc::participant_disconnected);
        for (auto* const end : {&pair.at_client, &pair.at_server}) {
            const auto reason = end->close_reason();
            REQUIRE(reason);
            CHECK(reason->code() == 0);
            CHECK(reason->text().empty());
        }
    }());
}

TEST_CASE("the reason is said even when the deadline cut the goodbye short") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        const std::vector<std::byte> bytes(100'000);
        for (int i = 0; i < 20; ++i) lane.client.send(std::span<const std::byte>{bytes});
        auto result = co_await pair.at_client.disconnect(CloseReason{7, "in a hurry"}, 20ms);
        CHECK_FALSE(result.all_delivered());
        const auto error = co_await error_of(pair.at_server.opened());
        CHECK(error == errc::participant_disconnected);
        REQUIRE(pair.at_server.close_reason());
        CHECK(pair.at_server.close_reason()->code() == 7);
        CHECK(pair.at_server.close_reason()->text() == "in a hurry");
    }());
}

TEST_CASE("open waits for the peer's limit of streams and no longer") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        braid::Limits limits;
        limits.peer_streams = 2;
        auto pair = co_await make_pair(limits);
        auto first = co_await make_lane(pair);
        auto second = co_await make_lane(pair);
        std::optional<braid::Stream> third;
        asio::co_spawn(
            executor,
            [&]() -> awaitable<void> {
                auto stream = co_await pair.at_client.open();
                third.emplace(std::move(stream));
            },
            asio::detached);
        co_await give_way(100);
        CHECK_FALSE(third);
        { const auto gone = std::move(first); }
        co_await until([&] { return third.has_value(); });
    }());
}

TEST_CASE("what cannot be promised is refused by name") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto error =
            co_await error_of(pair.at_client.open(4, Promises::reliable | Promises::encrypted));
        CHECK(error == errc::encryption_unavailable);
        braid::StreamOptions options;
        options.latest_only = true;
        error = co_await error_of(pair.at_client.open(options));
        CHECK(error == errc::options_invalid);
        options.latest_only = false;
        options.time_to_live = 1s;
        error = co_await error_of(pair.at_client.open(options));
        CHECK(error == errc::options_invalid);
        CHECK(thrown_by([&] { (void)pair.at_client.open(8); }) == errc::priority_invalid);
    }());
}

namespace {

/// Starts a wait, cancels it, and starts it again; `provoke` makes what is waited for happen
/// at the same time.
template <typename Wait, typename Provoke>
awaitable<int> cancel_and_wait(Wait wait, Provoke provoke, int rounds) {
    const auto executor = co_await asio::this_coro::executor;
    int got = 0;
    for (int i = 0; i < rounds; ++i) {
        asio::cancellation_signal signal;
        bool over = false;
        asio::co_spawn(
            executor,
            [&]() -> awaitable<void> {
                co_await wait();
                ++got;
            },
            asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { over = true; }));
        if (i % 3 != 0) co_await give_way(i % 7);
        provoke(i);
        co_await give_way(i % 5);
        signal.emit(asio::cancellation_type::terminal);
        while (!over) co_await give_way(1);
    }
    co_return got;
}

}  // namespace

TEST_CASE("cancelled waits lose nothing") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        int last = -1;
        const auto receive = [&]() -> awaitable<void> {
            const auto value = co_await lane.server.recv<int>();
            CHECK(value == last + 1);
            last = value;
        };
        const auto send = [&](int i) { lane.client.send(i); };
        const int received = co_await cancel_and_wait(receive, send, 500);
        lane.client.finish();
        int rest = 0;
        while (co_await lane.server.next<int>()) ++rest;
        CHECK(received + rest == 500);

        int streams = 0;
        std::vector<braid::Stream> kept;
        const auto opened = [&]() -> awaitable<void> {
            auto stream = co_await pair.at_server.opened();
            ++streams;
        };
        const auto executor = co_await asio::this_coro::executor;
        const auto open = [&](int) {
            asio::co_spawn(
                executor,
                [&]() -> awaitable<void> {
                    auto stream = co_await pair.at_client.open();
                    kept.push_back(std::move(stream));
                },
                asio::detached);
        };
        co_await cancel_and_wait(opened, open, 100);
        while (streams < 100) co_await opened();
        CHECK(streams == 100);
    }());
}

TEST_CASE("a cancelled open leaves nothing behind") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        const auto open = [&]() -> awaitable<void> {
            auto stream = co_await pair.at_client.open();
        };
        co_await cancel_and_wait(
            open, [](int) {}, 200);
        co_await until([&] { return pair.at_client.stats().streams == 0; });
    }());
}

TEST_CASE("what the channel carried is counted at both ends") {
    const auto carry = [](std::string where, bool out, bool packets) -> awaitable<void> {
        CAPTURE(where);
        auto pair = co_await make_pair_at(where, {}, {});
        auto lane = co_await make_lane(pair);
        constexpr std::size_t bytes = 100'000;
        lane.client.send(Message{std::vector<std::byte>(bytes)});
        const auto message = co_await lane.server.recv<Message>();
        CHECK(message.size() == bytes);
        co_await lane.client.drained();
        lane.server.send(1);
        const auto answer = co_await lane.client.recv<int>();
        CHECK(answer == 1);
        const auto client = pair.at_client.stats();
        const auto server = pair.at_server.stats();
        CHECK((client.bytes_sent > bytes) == out);
        CHECK((server.bytes_received > bytes) == out);
        CHECK(client.bytes_sent < bytes + bytes / 4);
        CHECK(client.bytes_received < bytes / 4);
        CHECK((client.packets_sent > bytes / 10'000) == packets);
        CHECK((server.packets_received > bytes / 10'000) == packets);
    };
    run(carry("tcp://127.0.0.1:0", true, false));
    run(carry("udp://127.0.0.1:0", true, true));
    run(carry("mpsc://0", false, false));
}
