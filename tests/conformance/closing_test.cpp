// What is left to read and to send when one end closes: streams, participants, networks.

#include "conformance/harness.hpp"

#include <optional>
#include <utility>

using namespace conformance;
using braid::errc;
using braid::RecvStatus;

namespace {

void drop(braid::Stream& stream) { const auto gone = std::move(stream); }
void drop(braid::Participant& participant) { const auto gone = std::move(participant); }
void drop(braid::Network& network) { const auto gone = std::move(network); }

/// Waits until the end of the peer's half is known to whoever sends.
awaitable<void> until_closed(braid::Stream& stream, errc reason) {
    co_await until([&] { return static_cast<bool>(stream.try_send(1)); });
    CHECK(stream.try_send(1) == reason);
}

}  // namespace

ON_EVERY_TRANSPORT("when both networks are gone neither end sends or receives") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    drop(pair.server);
    drop(pair.client);
    CHECK(lane.client.try_send(1) == errc::network_closed);
    CHECK(lane.server.try_send(1) == errc::network_closed);
    const auto at_client = co_await error_of(lane.client.recv<int>().as_awaitable());
    CHECK(at_client == errc::network_closed);
    const auto at_server = co_await error_of(lane.server.recv<int>().as_awaitable());
    CHECK(at_server == errc::network_closed);
}

ON_EVERY_TRANSPORT("both ends may disconnect at once and then neither sends or receives") {
    const auto executor = co_await asio::this_coro::executor;
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    const auto leave = [&]() -> awaitable<void> {
        const auto result = co_await pair.at_server.disconnect();
        CHECK(result.all_delivered());
    };
    Aside other{executor, leave()};
    const auto result = co_await pair.at_client.disconnect();
    CHECK(result.all_delivered());
    co_await other.joined();
    for (auto* const end : {&lane.client, &lane.server}) {
        const auto sent = end->try_send(1);
        CHECK((sent == errc::participant_closed || sent == errc::participant_disconnected));
        const auto value = co_await error_of(end->recv<int>().as_awaitable());
        CHECK(value);
    }
}

ON_EVERY_TRANSPORT("a stream that the peer dropped is closed for send and recv") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    drop(lane.server);
    const auto received = co_await error_of(lane.client.recv<int>().as_awaitable());
    CHECK(received == errc::stream_closed);
    co_await until_closed(lane.client, errc::stream_closed);
}

ON_EVERY_TRANSPORT("streams may be dropped inside coroutines and their last message arrives") {
    auto pair = co_await conformance::make_pair(transport);
    auto received = co_await make_lane(pair);
    {
        auto lane = co_await make_lane(pair);
        lane.client.send("ping");
        const auto text = co_await lane.server.recv<std::string>();
        CHECK(text == "ping");
        received.client.send("dropped at once");
        drop(received.client);
    }
    const auto text = co_await received.server.recv<std::string>();
    CHECK(text == "dropped at once");
    co_await expect_end(received.server);
}

ON_EVERY_TRANSPORT("three messages of different types arrive before the end of their stream") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    lane.client.send("Hello World");
    lane.client.send(std::uint64_t{1337});
    lane.client.send(std::vector<double>{4.2, -1});
    const auto text = co_await lane.server.recv<std::string>();
    CHECK(text == "Hello World");
    const auto number = co_await lane.server.recv<std::uint64_t>();
    CHECK(number == 1337);
    const auto list = co_await lane.server.recv<std::vector<double>>();
    CHECK(list == std::vector<double>{4.2, -1});
    drop(lane.server);
    co_await until_closed(lane.client, errc::stream_closed);
}

ON_EVERY_TRANSPORT("what was sent before a stream was dropped stays readable") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    for (int i = 0; i < 100; ++i) lane.client.send(i);
    drop(lane.client);
    // The end is known here before the first message is taken.
    co_await until_closed(lane.server, errc::stream_closed);
    co_await expect_numbers(lane.server, 0, 100);
    co_await expect_end(lane.server);
}

ON_EVERY_TRANSPORT("one message and the end of its stream arrive") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    lane.client.send("the only one");
    drop(lane.client);
    const auto text = co_await lane.server.recv<std::string>();
    CHECK(text == "the only one");
    co_await expect_end(lane.server);
}

ON_EVERY_TRANSPORT("a hundred thousand messages and the end of their stream arrive") {
    auto pair = co_await conformance::make_pair(transport, roomy(), roomy());
    auto lane = co_await make_lane(pair);
    for (int i = 0; i < 100'000; ++i) lane.client.send(i);
    drop(lane.client);
    co_await expect_numbers(lane.server, 0, 100'000);
    co_await expect_end(lane.server);
}

ON_EVERY_TRANSPORT("a hundred thousand messages that nobody reads hold up no end") {
    for (const bool receiver_first : {false, true}) {
        auto pair = co_await conformance::make_pair(transport, {}, roomy());
        auto lane = co_await make_lane(pair);
        for (int i = 0; i < 100'000; ++i) lane.client.send(i);
        co_await until([&] { return pair.at_server.stats().frames_received > 0; });
        if (receiver_first) {
            drop(lane.server);
            co_await until_closed(lane.client, errc::stream_closed);
            drop(lane.client);
        } else {
            drop(lane.client);
            drop(lane.server);
        }
        co_await until([&] { return pair.at_client.stats().streams == 0; });
        co_await until([&] { return pair.at_server.stats().streams == 0; });
        CHECK(pair.at_client.stats().queued_bytes == 0);
        auto again = co_await make_lane(pair);
        co_await send_numbers(again.client, 0, 10);
        co_await expect_numbers(again.server, 0, 10);
    }
}

ON_EVERY_TRANSPORT("a participant may go before its network with messages unread") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    co_await send_numbers(lane.client, 0, 1000);
    drop(pair.at_server);
    drop(pair.server);
    co_await until([&] { return static_cast<bool>(lane.client.try_send(1)); });
    // Whether the goodbye was still said is a matter of chance.
    const auto error = lane.client.try_send(1);
    CHECK((error == errc::participant_disconnected || error == errc::participant_lost));
}

ON_EVERY_TRANSPORT("a network may go before its participant with messages unread") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    co_await send_numbers(lane.client, 0, 1000);
    drop(pair.server);
    const auto error = co_await error_of(pair.at_server.opened());
    CHECK(error == errc::network_closed);
    drop(pair.at_server);
    co_await until([&] { return static_cast<bool>(lane.client.try_send(1)); });
    // Whether the goodbye was still said is a matter of chance.
    const auto seen = lane.client.try_send(1);
    CHECK((seen == errc::participant_disconnected || seen == errc::participant_lost));
}

ON_EVERY_TRANSPORT("disconnect after the network went says what was not delivered") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    co_await send_numbers(lane.client, 0, 1000);
    drop(pair.client);
    const auto result = co_await pair.at_client.disconnect();
    CHECK(result.messages_undelivered() <= 1000);
    CHECK(lane.client.try_send(1) == errc::network_closed);
    const auto error = co_await error_of(pair.at_client.open());
    CHECK(error == errc::network_closed);
}

ON_EVERY_TRANSPORT("a participant left from a coroutine delivers what nobody has read yet") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    co_await send_numbers(lane.client, 0, 100);
    const auto result = co_await pair.at_client.disconnect();
    CHECK(result.all_delivered());
    co_await expect_numbers(lane.server, 0, 100);
    co_await expect_end(lane.server);
}

ON_EVERY_TRANSPORT("streams end cleanly whether or not all had arrived before the disconnect") {
    for (const bool drained : {false, true}) {
        auto pair = co_await conformance::make_pair(transport);
        auto lane = co_await make_lane(pair);
        co_await send_numbers(lane.client, 0, 100);
        if (drained) co_await lane.client.drained();
        co_await pair.at_client.disconnect();
        co_await expect_numbers(lane.server, 0, 100);
        co_await expect_end(lane.server);
    }
}

ON_EVERY_TRANSPORT("a network dropped in a coroutine holds up nobody") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    co_await send_numbers(lane.client, 0, 100);
    drop(pair.client);
    const auto error = co_await error_of(pair.at_server.opened());
    CHECK(error == errc::participant_disconnected);
    REQUIRE(pair.at_server.close_reason());
    CHECK(pair.at_server.close_reason()->code() == braid::close_code::network_destroyed);
}

ON_EVERY_TRANSPORT("a stream that was accepted delivers after its participant is gone") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    lane.client.send("HelloWorld");
    co_await pair.at_client.disconnect();
    drop(pair.at_client);
    const auto text = co_await lane.server.recv<std::string>();
    CHECK(text == "HelloWorld");
    const auto error = co_await error_of(pair.at_server.opened());
    CHECK(error == errc::participant_disconnected);
}

ON_EVERY_TRANSPORT("a stream that was announced can be accepted after its participant is gone") {
    auto pair = co_await conformance::make_pair(transport);
    auto sent = co_await pair.at_client.open();
    sent.send("HelloWorld");
    co_await pair.at_client.disconnect();
    co_await until([&] { return pair.at_server.close_reason().has_value(); });
    auto stream = co_await pair.at_server.opened();
    const auto text = co_await stream.recv<std::string>();
    CHECK(text == "HelloWorld");
    co_await expect_end(stream);
    auto error = co_await error_of(pair.at_server.opened());
    CHECK(error == errc::participant_disconnected);
    error = co_await error_of(pair.at_server.open());
    CHECK(error == errc::participant_disconnected);
}

ON_EVERY_TRANSPORT("without streams a participant that is gone says so") {
    auto pair = co_await conformance::make_pair(transport);
    co_await pair.at_client.disconnect();
    auto error = co_await error_of(pair.at_server.opened());
    CHECK(error == errc::participant_disconnected);
    CHECK_FALSE(pair.at_server.try_opened());
    error = co_await error_of(pair.at_client.opened());
    CHECK(error == errc::participant_closed);
}

ON_EVERY_TRANSPORT("a participant accepted before the peer vanished has its streams") {
    auto pair = co_await conformance::make_pair(transport);
    {
        auto stream = co_await pair.at_client.open();
        stream.send("HelloWorld");
        co_await stream.drained();
    }
    drop(pair.at_client);
    co_await pair.client.shutdown();
    drop(pair.client);
    auto stream = co_await pair.at_server.opened();
    const auto text = co_await stream.recv<std::string>();
    CHECK(text == "HelloWorld");
}

ON_EVERY_TRANSPORT("a participant can be accepted after the peer has gone") {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network server{executor, quiet()};
    auto listener = co_await server.listen(transport.free_address);
    {
        braid::Network client{executor, quiet()};
        auto participant = co_await client.connect(to_string(listener.address()));
        auto stream = co_await participant.open();
        stream.send("HelloWorld");
        co_await client.shutdown();
    }
    co_await until([&] { return server.stats().participants == 0; });
    auto participant = co_await server.connected();
    auto stream = co_await participant.opened();
    const auto text = co_await stream.recv<std::string>();
    CHECK(text == "HelloWorld");
    const auto error = co_await error_of(participant.opened());
    CHECK(error == errc::participant_disconnected);
}

ON_EVERY_TRANSPORT("recv says again and again that a stream has ended") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    lane.client.send("last");
    drop(lane.client);
    const auto text = co_await lane.server.recv<std::string>();
    CHECK(text == "last");
    for (int i = 0; i < 3; ++i) {
        const auto error = co_await error_of(lane.server.recv<std::string>().as_awaitable());
        CHECK(error == errc::stream_closed);
        const auto more = co_await lane.server.next<std::string>();
        CHECK_FALSE(more);
        std::string none;
        CHECK(lane.server.try_recv(none) == RecvStatus::closed);
    }
}

ON_EVERY_TRANSPORT("send says again and again that a stream has ended") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    drop(lane.server);
    co_await until_closed(lane.client, errc::stream_closed);
    for (int i = 0; i < 3; ++i) {
        CHECK(lane.client.try_send("more") == errc::stream_closed);
        CHECK(thrown_by([&] { lane.client.send("more"); }) == errc::stream_closed);
    }
}

ON_EVERY_TRANSPORT("finish closes one direction only") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    lane.client.send(1);
    lane.client.finish();
    CHECK(lane.client.try_send(2) == errc::stream_closed);
    co_await expect_numbers(lane.server, 1, 2);
    co_await expect_end(lane.server);
    co_await send_numbers(lane.server, 0, 1000);
    lane.server.finish();
    co_await expect_numbers(lane.client, 0, 1000);
    co_await expect_end(lane.client);
}

ON_EVERY_TRANSPORT("reset throws away what is under way in both directions") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    lane.client.reset(9);
    CHECK(lane.client.try_send(1) == errc::stream_closed);
    auto error = co_await error_of(lane.server.recv<int>().as_awaitable());
    CHECK(error == errc::stream_reset);
    error = co_await error_of(lane.client.recv<int>().as_awaitable());
    CHECK(error == errc::stream_closed);
    co_await until_closed(lane.server, errc::stream_closed);
    auto again = co_await make_lane(pair);
    again.client.send(5);
    co_await expect_numbers(again.server, 5, 6);
}

ON_EVERY_TRANSPORT_UNAIDED("nothing of a pair keeps its context alive once both have gone") {
    asio::io_context context;
    bool done = false;
    const auto main = [&]() -> awaitable<void> {
        auto pair = co_await conformance::make_pair(transport);
        auto lane = co_await make_lane(pair);
        lane.client.send(1);
        co_await expect_numbers(lane.server, 1, 2);
        done = true;
    };
    asio::co_spawn(context, main(), asio::detached);
    context.run_for(30s);
    CHECK(done);
    CHECK(context.stopped());
}
