// Streams: how they are opened, told apart, used side by side and left.

#include "conformance/harness.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

using namespace conformance;
using braid::errc;
using braid::Message;
using braid::Promises;

namespace {

awaitable<void> open_tagged(braid::Participant& participant, std::vector<braid::Stream>& streams,
                            unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        braid::StreamOptions options;
        options.tag = 1'000 + i;
        options.priority = static_cast<int>(i % 8);
        streams.push_back(co_await participant.open(options));
        streams.back().send(i);
    }
}

awaitable<void> expect_tagged(braid::Participant& participant, std::vector<braid::Stream>& streams,
                              unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        streams.push_back(co_await participant.opened());
        CHECK(streams.back().options().tag == 1'000 + i);
    }
}

}  // namespace

ON_EVERY_TRANSPORT("the n-th stream opened is the n-th that the peer sees") {
    auto pair = co_await conformance::make_pair(transport);
    std::vector<braid::Stream> opened;
    std::vector<braid::Stream> seen;
    co_await open_tagged(pair.at_client, opened, 100);
    co_await expect_tagged(pair.at_server, seen, 100);
    for (std::size_t i = 0; i < seen.size(); ++i) {
        CHECK(seen[i].id() == opened[i].id());
        co_await expect_numbers(seen[i], static_cast<int>(i), static_cast<int>(i) + 1);
    }
}

ON_EVERY_TRANSPORT("both ends may open streams at the same time") {
    const auto executor = co_await asio::this_coro::executor;
    auto pair = co_await conformance::make_pair(transport);
    std::vector<braid::Stream> streams[4];
    Aside one{executor, open_tagged(pair.at_client, streams[0], 100)};
    Aside other{executor, open_tagged(pair.at_server, streams[1], 100)};
    Aside seeing{executor, expect_tagged(pair.at_client, streams[2], 100)};
    co_await expect_tagged(pair.at_server, streams[3], 100);
    co_await seeing.joined();
    co_await one.joined();
    co_await other.joined();
    std::set<braid::StreamId> ids;
    const bool client_is_even = pair.client.pid() < pair.server.pid();
    for (std::size_t i = 0; i < 100; ++i) {
        CHECK(streams[3][i].id() == streams[0][i].id());
        CHECK(streams[2][i].id() == streams[1][i].id());
        ids.insert(streams[0][i].id());
        ids.insert(streams[1][i].id());
        const auto from_client = static_cast<std::uint64_t>(streams[0][i].id());
        CHECK((from_client % 2 == 0) == client_is_even);
    }
    CHECK(ids.size() == 200);
}

ON_EVERY_TRANSPORT("both ends see the same options") {
    auto pair = co_await conformance::make_pair(transport);
    braid::StreamOptions options;
    options.priority = 6;
    options.promises = Promises::ordered | Promises::compressed;
    options.bandwidth_bytes_per_second = 123'456;
    options.tag = 0xfedc'ba98'7654'3210;
    auto lane = co_await make_lane(pair, options);
    for (const auto* const stream : {&lane.client, &lane.server}) {
        CHECK(stream->options().priority == options.priority);
        CHECK(stream->options().promises == options.promises);
        CHECK(stream->options().bandwidth_bytes_per_second == 123'456);
        CHECK(stream->options().tag == options.tag);
    }
    auto short_form = co_await pair.at_server.open(1, Promises::ordered, 77);
    auto seen = co_await pair.at_client.opened();
    CHECK(seen.options().priority == 1);
    CHECK(seen.options().promises == Promises::ordered);
    CHECK(seen.options().bandwidth_bytes_per_second == 77);
    CHECK(seen.options().tag == 0);
}

ON_EVERY_TRANSPORT("a stream on which nothing was sent is seen all the same") {
    auto pair = co_await conformance::make_pair(transport);
    auto silent = co_await pair.at_client.open();
    auto seen = co_await pair.at_server.opened();
    CHECK(seen.id() == silent.id());
    seen.send(1);
    co_await expect_numbers(silent, 1, 2);
}

ON_EVERY_TRANSPORT("a stream can be used before the peer has accepted it") {
    auto pair = co_await conformance::make_pair(transport);
    CHECK_FALSE(pair.at_server.try_opened());
    auto early = co_await pair.at_client.open();
    co_await send_numbers(early, 0, 1000);
    co_await early.drained();
    auto late = pair.at_server.try_opened();
    REQUIRE(late);
    co_await expect_numbers(*late, 0, 1000);
    CHECK_FALSE(pair.at_server.try_opened());
}

ON_EVERY_TRANSPORT("two hundred streams are used side by side") {
    const auto executor = co_await asio::this_coro::executor;
    auto pair = co_await conformance::make_pair(transport);
    std::vector<Lane> lanes;
    for (int i = 0; i < 200; ++i) lanes.push_back(co_await make_lane(pair));
    CHECK(pair.at_client.stats().streams == 200);
    std::vector<Aside> asides;
    for (auto& lane : lanes) {
        asides.emplace_back(executor, send_numbers(lane.client, 0, 200));
        asides.emplace_back(executor, send_numbers(lane.server, 500, 700));
        asides.emplace_back(executor, expect_numbers(lane.client, 500, 700));
        asides.emplace_back(executor, expect_numbers(lane.server, 0, 200));
    }
    for (auto& aside : asides) co_await aside.joined();
}

ON_EVERY_TRANSPORT("streams are opened used and closed two thousand times") {
    auto pair = co_await conformance::make_pair(transport);
    auto last = braid::StreamId{};
    for (int i = 0; i < 2'000; ++i) {
        auto lane = co_await make_lane(pair);
        if (i > 0) CHECK(lane.client.id() > last);
        last = lane.client.id();
        lane.client.send(i);
        co_await expect_numbers(lane.server, i, i + 1);
        if (i % 3 == 0) lane.client.reset();
        if (i % 5 == 0) lane.server.finish();
    }
    co_await until([&] { return pair.at_client.stats().streams == 0; });
    co_await until([&] { return pair.at_server.stats().streams == 0; });
    CHECK(pair.at_client.stats().queued_bytes == 0);
}

ON_EVERY_TRANSPORT("what happens to one stream does not touch the next") {
    auto pair = co_await conformance::make_pair(transport);
    auto steady = co_await make_lane(pair);
    for (int i = 0; i < 50; ++i) {
        auto other = co_await make_lane(pair);
        steady.client.send(i);
        other.client.send("no number");
        if (i % 2 == 0) other.client.reset(7);
        if (i % 3 == 0) other.server.reset(8);
    }
    co_await expect_numbers(steady.server, 0, 50);
    steady.server.send(1);
    co_await expect_numbers(steady.client, 1, 2);
}

ON_EVERY_TRANSPORT("a stream may be moved while it is in use") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    lane.client.send(0);
    braid::Stream moved{std::move(lane.client)};
    moved.send(1);
    std::vector<braid::Stream> kept;
    kept.push_back(std::move(moved));
    for (int i = 0; i < 10; ++i) kept.push_back(co_await pair.at_client.open());
    kept.front().send(2);
    co_await expect_numbers(lane.server, 0, 3);
}

ON_EVERY_TRANSPORT("a stream that another is assigned to is finished") {
    auto pair = co_await conformance::make_pair(transport);
    auto first = co_await make_lane(pair);
    auto second = co_await make_lane(pair);
    first.client.send(1);
    first.client = std::move(second.client);
    co_await expect_numbers(first.server, 1, 2);
    co_await expect_end(first.server);
    first.client.send(2);
    co_await expect_numbers(second.server, 2, 3);
}

ON_EVERY_TRANSPORT("a message goes on to a third network as it came") {
    auto near = co_await conformance::make_pair(transport);
    auto far = co_await conformance::make_pair(transport);
    auto in = co_await make_lane(near);
    auto out =
        co_await make_lane(far, promising(Promises::ordered | Promises::guaranteed_delivery));
    auto back = co_await make_lane(far, promising(Promises::reliable | Promises::compressed));
    for (const std::size_t size : {0u, 100u, 5'000u, 50'000u, 1'000'000u}) {
        const auto seed = static_cast<unsigned>(size);
        in.client.send(Message{pattern(size, seed)});
        const auto relayed = co_await in.server.recv<Message>();
        out.client.send(relayed);
        const auto again = co_await out.server.recv<Message>();
        back.server.send(again);
        const auto message = co_await back.client.recv<Message>();
        REQUIRE(message.size() == size);
        const bool same = is_pattern(message.bytes(), seed);
        CHECK(same);
    }
}

ON_EVERY_TRANSPORT_UNAIDED("many threads send on one stream and each keeps its order") {
    constexpr int senders = 4;
    constexpr int each = 2'000;
    int received = 0;
    const auto main = [&]() -> awaitable<void> {
        auto pair = co_await conformance::make_pair(transport);
        auto lane = co_await make_lane(pair);
        std::vector<std::thread> threads;
        for (int sender = 0; sender < senders; ++sender) {
            threads.emplace_back([&lane, sender] {
                for (int i = 0; i < each; ++i) {
                    while (lane.client.try_send(std::pair{sender, i})) std::this_thread::yield();
                }
            });
        }
        std::map<int, int> next;
        for (; received < senders * each; ++received) {
            const auto [sender, number] = co_await lane.server.recv<std::pair<int, int>>();
            REQUIRE(number == next[sender]++);
        }
        for (auto& thread : threads) thread.join();
    };
    asio::io_context context;
    trial::run(context, main(), 3);
    CHECK(received == senders * each);
}

ON_EVERY_TRANSPORT("next_opened ends a loop when the peer has left") {
    auto pair = co_await conformance::make_pair(transport);
    std::vector<braid::Stream> opened;
    co_await open_tagged(pair.at_client, opened, 10);
    co_await pair.at_client.disconnect();
    unsigned count = 0;
    while (auto stream = co_await pair.at_server.next_opened()) {
        CHECK(stream->options().tag == 1'000 + count++);
    }
    CHECK(count == 10);
    const auto error = co_await error_of(pair.at_server.opened());
    CHECK(error == errc::participant_disconnected);
}
