// What an application allows its peers, and what the two learn of each other.

#include "conformance/harness.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace conformance;
using braid::errc;
using braid::ParticipantEvent;
using braid::Promises;

namespace {

/// Checks that the peer refuses a stream with these options, and with that code.
awaitable<void> expect_refusal(Pair& pair, braid::StreamOptions options, std::uint64_t code) {
    auto stream = co_await pair.at_client.open(options);
    const auto error = co_await error_of(stream.recv<int>().as_awaitable());
    CHECK(error == errc::stream_refused);
    CHECK(stream.close_code() == code);
    CHECK(stream.try_send(1) == errc::stream_refused);
}

}  // namespace

ON_EVERY_TRANSPORT("a stream beyond what peers may ask for is refused and others are not") {
    braid::PeerStreamLimits caps;
    caps.most_urgent = 3;
    caps.bandwidth_bytes_per_second = 1000;
    caps.promises = Promises::reliable;
    auto options = quiet();
    options.peer_streams(caps);
    auto pair = co_await make_pair_at(transport.free_address, options, quiet());

    braid::StreamOptions urgent;
    urgent.priority = 2;
    co_await expect_refusal(pair, urgent, braid::close_code::priority_refused);
    braid::StreamOptions broad;
    broad.bandwidth_bytes_per_second = 1001;
    co_await expect_refusal(pair, broad, braid::close_code::bandwidth_refused);
    co_await expect_refusal(pair, promising(Promises::reliable | Promises::compressed),
                            braid::close_code::promises_refused);
    CHECK(pair.server.stats().streams_refused == 3);

    // The application never saw them: the first that it sees is the first that may be.
    braid::StreamOptions modest;
    modest.priority = 3;
    modest.tag = 9;
    auto lane = co_await make_lane(pair, modest);
    CHECK(lane.server.options().tag == 9);
    lane.client.send(1);
    co_await expect_numbers(lane.server, 1, 2);
    // This end may open what it likes.
    auto back = co_await pair.at_server.open(urgent);
    back.send(5);
    auto seen = co_await pair.at_client.opened();
    co_await expect_numbers(seen, 5, 6);
}

ON_EVERY_TRANSPORT("a policy refuses streams with a code of its own") {
    auto options = quiet();
    std::vector<std::uint64_t> asked;
    options.accept_streams(
        [&](const braid::Pid&, const braid::StreamOptions& wanted) -> std::optional<std::uint64_t> {
            asked.push_back(wanted.tag);
            if (wanted.tag == 13) return 42;
            return std::nullopt;
        });
    auto pair = co_await make_pair_at(transport.free_address, options, quiet());
    braid::StreamOptions unlucky;
    unlucky.tag = 13;
    co_await expect_refusal(pair, unlucky, 42);
    auto lane = co_await make_lane(pair);
    lane.client.send(0);
    co_await expect_numbers(lane.server, 0, 1);
    CHECK(asked == std::vector<std::uint64_t>{13, 0});
}

ON_EVERY_TRANSPORT("who resets a stream tells the peer the code") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    CHECK_FALSE(lane.server.close_code());
    lane.client.reset(77);
    const auto error = co_await error_of(lane.server.recv<int>().as_awaitable());
    CHECK(error == errc::stream_reset);
    CHECK(lane.server.close_code() == 77u);
}

ON_EVERY_TRANSPORT("receipts name the messages that the peer has") {
    auto pair = co_await conformance::make_pair(transport);
    for (const auto promises : {Promises::reliable, Promises::ordered}) {
        // Where all of them may get lost, see below.
        if (promises == Promises::ordered && !transport.loses_nothing) continue;
        auto lane = co_await make_lane(pair, promising(promises));
        std::vector<braid::MessageId> sent;
        for (int i = 0; i < 20; ++i) {
            braid::MessageId id{};
            const auto error = lane.client.try_send(i, id);
            REQUIRE_FALSE(error);
            sent.push_back(id);
        }
        co_await expect_numbers(lane.server, 0, 20);
        std::vector<braid::MessageId> delivered;
        const auto newest = sent.back();
        co_await until([&] {
            for (braid::MessageId id{}; lane.client.try_receipt(id);) delivered.push_back(id);
            return !delivered.empty() && delivered.back() == newest;
        });
        if (promises == Promises::reliable) CHECK(delivered == sent);
        for (std::size_t i = 1; i < delivered.size(); ++i) CHECK(delivered[i - 1] < delivered[i]);
    }
}

ON_EVERY_TRANSPORT("a receipt for what may get lost names a message that has come") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair, promising(Promises::ordered));
    std::vector<braid::MessageId> sent;
    std::vector<int> received;
    std::optional<braid::MessageId> delivered;
    co_await until([&] {
        braid::MessageId id{};
        REQUIRE_FALSE(lane.client.try_send(static_cast<int>(sent.size()), id));
        sent.push_back(id);
        if (lane.client.try_receipt(id)) delivered = id;
        for (int value = 0; lane.server.try_recv(value) == braid::RecvStatus::ok;) {
            received.push_back(value);
        }
        return delivered.has_value();
    });
    const auto named = std::find(sent.begin(), sent.end(), *delivered);
    REQUIRE(named != sent.end());
    const auto value = static_cast<int>(named - sent.begin());
    CHECK(std::find(received.begin(), received.end(), value) != received.end());
}

ON_EVERY_TRANSPORT("each end is told once that its channel came and once that it went") {
    auto pair = co_await conformance::make_pair(transport);
    const auto created = co_await pair.at_client.next_event();
    CHECK(created.kind() == ParticipantEvent::Kind::channel_created);
    CHECK_FALSE(created.address().empty());
    const auto seen = co_await pair.at_server.next_event();
    CHECK(seen.kind() == ParticipantEvent::Kind::channel_created);
    CHECK_FALSE(pair.at_client.try_event());
    co_await pair.at_client.disconnect({4, "enough"});
    const auto deleted = co_await pair.at_server.next_event();
    CHECK(deleted.kind() == ParticipantEvent::Kind::channel_deleted);
    CHECK(deleted.reason() == errc::participant_disconnected);
    CHECK(pair.at_server.close_reason()->code() == 4);
    CHECK(pair.at_server.close_reason()->text() == "enough");
    const auto own = co_await pair.at_client.next_event();
    CHECK(own.kind() == ParticipantEvent::Kind::channel_deleted);
    CHECK(own.reason() == errc::participant_closed);
    const auto end = co_await error_of(pair.at_client.next_event());
    CHECK(end == errc::participant_closed);
}

ON_EVERY_TRANSPORT("every message that is dropped is counted") {
    braid::Limits server;
    server.lossy_receive_queue_bytes = 16u << 10;
    braid::Limits client;
    client.stream_send_queue_bytes = 64u << 10;
    auto pair = co_await conformance::make_pair(transport, server, client);
    auto lane = co_await make_lane(pair, promising(Promises::ordered));
    constexpr std::uint64_t count = 1000;
    for (std::uint64_t i = 0; i < count; ++i) lane.client.send(braid::Message{pattern(1000)});
    co_await lane.client.drained();
    lane.client.finish();
    std::uint64_t received = 0;
    while (auto message = co_await lane.server.next<braid::Message>()) ++received;
    const auto unsent = pair.at_client.stats().messages_dropped_unsent;
    const auto unread = pair.at_server.stats().messages_dropped_unread;
    CHECK(unsent >= 900);
    if (transport.loses_nothing) CHECK(received + unsent + unread == count);
}
