// What both ends are told of a participant that ends, and of its channels.

#include "conformance/harness.hpp"

#include <optional>
#include <utility>

using namespace conformance;
using braid::CloseReason;
using braid::errc;
using braid::Message;
using braid::ParticipantEvent;

ON_EVERY_TRANSPORT("both ends know the reason that one of them gave") {
    for (const bool by_server : {false, true}) {
        auto pair = co_await conformance::make_pair(transport);
        auto lane = co_await make_lane(pair);
        CHECK_FALSE(pair.at_client.close_reason());
        CHECK_FALSE(pair.at_server.close_reason());
        auto& leaves = by_server ? pair.at_server : pair.at_client;
        auto& stays = by_server ? pair.at_client : pair.at_server;
        const CloseReason why{42, "enough"};
        co_await leaves.disconnect(why);
        auto error = co_await error_of(stays.opened());
        CHECK(error == errc::participant_disconnected);
        error = co_await error_of(leaves.opened());
        CHECK(error == errc::participant_closed);
        for (const auto* const end : {&leaves, &stays}) {
            const auto reason = end->close_reason();
            REQUIRE(reason);
            CHECK(reason->code() == 42);
            CHECK(reason->text() == "enough");
        }
        auto& left = by_server ? lane.server : lane.client;
        auto& stayed = by_server ? lane.client : lane.server;
        CHECK(left.try_send(1) == errc::participant_closed);
        CHECK(stayed.try_send(1) == errc::participant_disconnected);
    }
}

ON_EVERY_TRANSPORT("a reason has a code of 62 bits and at most 256 bytes of text") {
    auto pair = co_await conformance::make_pair(transport);
    const CloseReason why{(std::uint64_t{1} << 62) - 1, std::string(1'000, 'x')};
    co_await pair.at_client.disconnect(why);
    const auto error = co_await error_of(pair.at_server.opened());
    CHECK(error == errc::participant_disconnected);
    const auto reason = pair.at_server.close_reason();
    REQUIRE(reason);
    CHECK(reason->code() == why.code());
    CHECK(reason->text() == std::string(256, 'x'));
}

ON_EVERY_TRANSPORT("disconnect may be called again and says the same") {
    auto pair = co_await conformance::make_pair(transport);
    co_await pair.at_client.disconnect(CloseReason{1, "first"});
    const auto again = co_await pair.at_client.disconnect(CloseReason{2, "second"});
    CHECK(again.all_delivered());
    CHECK(pair.at_client.close_reason()->code() == 1);
    const auto other = co_await pair.at_server.disconnect();
    CHECK(other.all_delivered());
    CHECK(pair.at_server.close_reason()->code() == 1);
}

ON_EVERY_TRANSPORT_UNAIDED("disconnect says what was not delivered by its deadline") {
    Apart apart{transport};
    auto none = apart.lane();
    auto some = apart.lane();
    apart.stall();
    const Message message{pattern(10'000)};
    for (int i = 0; i < 20; ++i) some.client.send(message);
    braid::DisconnectResult result;
    const auto leave = [&]() -> awaitable<void> {
        result = co_await apart.pair->at_client.disconnect({}, 100ms);
    };
    apart.run_client(leave());
    CHECK_FALSE(result.all_delivered());
    CHECK(result.messages_undelivered() >= 20);
    CHECK(result.bytes_undelivered() >= 20 * message.size());
    bool named = false;
    for (const auto& stream : result.streams()) {
        CHECK(stream.stream != none.client.id());
        if (stream.stream != some.client.id()) continue;
        named = true;
        CHECK(stream.messages == 20);
        CHECK(stream.bytes >= 20 * message.size());
    }
    CHECK(named);
}

ON_EVERY_TRANSPORT("disconnect delivers as much as queues hold") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = 64 << 20;
    limits.participant_send_queue_bytes = 64 << 20;
    auto pair = co_await conformance::make_pair(transport, {}, limits);
    auto lane = co_await make_lane(pair);
    const Message message{pattern(1u << 20)};
    for (int i = 0; i < 32; ++i) lane.client.send(message);
    std::optional<braid::DisconnectResult> result;
    const auto leave = [&]() -> awaitable<void> {
        result = co_await pair.at_client.disconnect({}, 50s);
    };
    Aside leaving{co_await asio::this_coro::executor, leave()};
    int arrived = 0;
    while (auto received = co_await lane.server.next<Message>()) {
        if (received->size() == message.size()) ++arrived;
    }
    co_await leaving.joined();
    CHECK(arrived == 32);
    REQUIRE(result);
    CHECK(result->all_delivered());
}

ON_EVERY_TRANSPORT("what was delivered stays when the peer's network is destroyed") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    co_await send_numbers(lane.client, 0, 100);
    co_await lane.client.drained();
    { const braid::Network gone{std::move(pair.client)}; }
    auto error = co_await error_of(pair.at_server.opened());
    CHECK(error == errc::participant_disconnected);
    REQUIRE(pair.at_server.close_reason());
    CHECK(pair.at_server.close_reason()->code() == braid::close_code::network_destroyed);
    co_await expect_numbers(lane.server, 0, 100);
    error = co_await error_of(lane.server.next<int>().as_awaitable());
    CHECK(error == errc::participant_disconnected);
    error = co_await error_of(pair.at_client.opened());
    CHECK(error == errc::network_closed);
}

ON_EVERY_TRANSPORT("statistics of a participant move") {
    auto pair = co_await conformance::make_pair(transport);
    const auto before = pair.at_server.stats();
    CHECK(before.streams == 0);
    auto lane = co_await make_lane(pair);
    lane.client.send(Message{pattern(50'000)});
    CHECK(pair.at_client.stats().queued_bytes >= 50'000);
    CHECK(pair.at_client.stats().streams == 1);
    co_await lane.server.recv<Message>();
    co_await lane.client.drained();
    CHECK(pair.at_client.stats().queued_bytes == 0);
    CHECK(pair.at_server.stats().streams == 1);
    CHECK(pair.at_server.stats().frames_received > before.frames_received);
}

ON_EVERY_TRANSPORT("a channel is announced when it is created and when it is deleted") {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network server{executor, quiet()};
    braid::Network client{executor, quiet()};
    auto listener = co_await server.listen(transport.free_address);
    const auto address = to_string(listener.address());
    auto at_client = co_await client.connect(address);
    auto at_server = co_await server.connected();
    std::string seen_by_server;
    for (auto* const end : {&at_client, &at_server}) {
        const auto created = co_await end->next_event();
        CHECK(created.kind() == ParticipantEvent::Kind::channel_created);
        CHECK_FALSE(created.reason());
        if (end == &at_client) CHECK(created.address() == address);
        if (end == &at_server) seen_by_server = created.address();
        CHECK_FALSE(end->try_event());
    }
    // The dialler's own end of it: a transport's own word, but not where it dialled.
    CHECK_FALSE(seen_by_server.empty());
    CHECK((seen_by_server == address) == transport.within_process);
    co_await at_client.disconnect();
    for (auto* const end : {&at_client, &at_server}) {
        const auto reason =
            end == &at_client ? errc::participant_closed : errc::participant_disconnected;
        const auto deleted = co_await end->next_event();
        CHECK(deleted.kind() == ParticipantEvent::Kind::channel_deleted);
        CHECK(deleted.address() == (end == &at_client ? address : seen_by_server));
        CHECK(deleted.reason() == reason);
        const auto error = co_await error_of(end->next_event());
        CHECK(error == reason);
        CHECK_FALSE(end->try_event());
    }
}

ON_EVERY_TRANSPORT(
    "a channel that the peer's destroyed network leaves is deleted with the reason") {
    auto pair = co_await conformance::make_pair(transport);
    { const braid::Network gone{std::move(pair.client)}; }
    auto event = co_await pair.at_server.next_event();
    CHECK(event.kind() == ParticipantEvent::Kind::channel_created);
    event = co_await pair.at_server.next_event();
    CHECK(event.kind() == ParticipantEvent::Kind::channel_deleted);
    CHECK(event.reason() == errc::participant_disconnected);
}
