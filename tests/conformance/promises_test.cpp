// docs/promises.md, promise by promise: what is kept, what may be dropped, what is refused.

#include "conformance/harness.hpp"

#include <asio/steady_timer.hpp>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

using namespace conformance;
using braid::errc;
using braid::Message;
using braid::Promises;

namespace {

constexpr unsigned combinations = 16;  // of all promises but `encrypted`

Promises combination(unsigned number) {
    auto promises = Promises::none;
    if ((number & 1) != 0) promises = promises | Promises::ordered;
    if ((number & 2) != 0) promises = promises | Promises::consistency;
    if ((number & 4) != 0) promises = promises | Promises::guaranteed_delivery;
    if ((number & 8) != 0) promises = promises | Promises::compressed;
    return promises;
}

using Numbered = std::pair<unsigned, std::vector<std::byte>>;

std::size_t size_of(unsigned number) { return number * 7'919u % 50'000u; }

Numbered numbered(unsigned number) {
    const auto size = size_of(number);
    return {number, number % 2 == 0 ? pattern(size, number) : repetitive(size, number)};
}

bool is_whole(const Numbered& message) { return message == numbered(message.first); }

/// Receives to the end: whole messages, each at most once, and in order if that is promised.
awaitable<std::size_t> receive_all(braid::Stream& stream) {
    const bool ordered = covers(stream.options().promises, Promises::ordered);
    std::set<unsigned> seen;
    while (auto message = co_await stream.next<Numbered>()) {
        REQUIRE(is_whole(*message));
        if (ordered && !seen.empty()) REQUIRE(message->first > *seen.rbegin());
        const bool first_time = seen.insert(message->first).second;
        REQUIRE(first_time);
    }
    co_return seen.size();
}

/// How often to try what is true of a message that arrives, where it may get lost on the way.
int attempts(const Transport& transport) { return transport.loses_nothing ? 1 : 10; }

awaitable<void> pass(std::chrono::milliseconds time) {
    asio::steady_timer timer{co_await asio::this_coro::executor, time};
    co_await timer.async_wait(asio::use_awaitable);
}

/// Receives numbers, which have to rise, until the stream ends.
awaitable<void> take_rising(braid::Stream& stream, std::vector<int>& numbers) {
    while (auto value = co_await stream.next<int>()) {
        if (!numbers.empty()) CHECK(*value > numbers.back());
        numbers.push_back(*value);
    }
}

}  // namespace

ON_EVERY_TRANSPORT("each combination of promises is kept in both directions") {
    constexpr unsigned count = 60;
    auto pair = co_await conformance::make_pair(transport, roomy(), roomy());
    for (unsigned number = 0; number < combinations; ++number) {
        const auto promises = combination(number);
        CAPTURE(number);
        auto lane = co_await make_lane(pair, promising(promises));
        CHECK(lane.server.options().promises == promises);
        for (unsigned i = 0; i < count; ++i) {
            lane.client.send(numbered(i));
            lane.server.send(numbered(i + 1));
        }
        lane.client.finish();
        lane.server.finish();
        const bool all = transport.loses_nothing || covers(promises, Promises::guaranteed_delivery);
        const auto at_server = co_await receive_all(lane.server);
        CHECK(at_server <= count);
        if (all) CHECK(at_server == count);
        const auto at_client = co_await receive_all(lane.client);
        CHECK(at_client <= count);
        if (all) CHECK(at_client == count);
    }
}

ON_EVERY_TRANSPORT("streams of all combinations share a channel and stay apart") {
    auto pair = co_await conformance::make_pair(transport, roomy(), roomy());
    std::vector<Lane> lanes;
    for (unsigned number = 0; number < combinations; ++number) {
        lanes.push_back(co_await make_lane(pair, promising(combination(number))));
    }
    for (unsigned i = 0; i < 30; ++i) {
        for (unsigned number = 0; number < combinations; ++number) {
            lanes[number].client.send(std::pair{number, numbered(i)});
        }
    }
    for (unsigned number = 0; number < combinations; ++number) {
        lanes[number].client.finish();
        std::size_t received = 0;
        while (auto message = co_await lanes[number].server.next<std::pair<unsigned, Numbered>>()) {
            REQUIRE(message->first == number);
            REQUIRE(is_whole(message->second));
            ++received;
        }
        const bool all =
            transport.loses_nothing || covers(combination(number), Promises::guaranteed_delivery);
        CHECK(received <= 30);
        if (all) CHECK(received == 30);
    }
}

ON_EVERY_TRANSPORT("compressed messages take less room and arrive as they were") {
    auto pair = co_await conformance::make_pair(transport, roomy(), roomy());
    auto plain = co_await make_lane(pair);
    auto compressed =
        co_await make_lane(pair, promising(Promises::reliable | Promises::compressed));
    constexpr std::size_t size = 1'000'000;
    const Message message{repetitive(size, 5)};
    const auto queued = [&] { return pair.at_client.stats().queued_bytes; };
    plain.client.send(message);
    CHECK(queued() >= size);
    co_await plain.client.drained();
    compressed.client.send(message);
    if (!transport.within_process) CHECK(queued() < size / 10);
    // What does not get smaller goes as it is, and is no longer for it.
    co_await compressed.client.drained();
    compressed.client.send(Message{pattern(size, 6)});
    CHECK(queued() < size + 100);
    const auto one = co_await plain.server.recv<Message>();
    const auto other = co_await compressed.server.recv<Message>();
    const bool same = one.size() == other.size() &&
                      std::equal(one.bytes().begin(), one.bytes().end(), other.bytes().begin());
    CHECK(same);
    const auto rough = co_await compressed.server.recv<Message>();
    CHECK(rough.size() == size);
    CHECK(is_pattern(rough.bytes(), 6));
}

ON_EVERY_TRANSPORT("compressed messages of any size arrive as they were") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair, promising(Promises::reliable | Promises::compressed));
    for (const std::size_t size :
         {0u, 1u, 255u, 256u, 257u, 1'000u, 16'384u, 70'000u, 1'000'000u}) {
        lane.client.send(Message{repetitive(size, 9)});
        lane.client.send(Message{pattern(size, 9)});
        const auto even = co_await lane.server.recv<Message>();
        const auto rough = co_await lane.server.recv<Message>();
        CHECK(even.size() == size);
        const bool all_nines = std::all_of(even.bytes().begin(), even.bytes().end(),
                                           [](std::byte each) { return each == std::byte{9}; });
        CHECK(all_nines);
        CHECK(rough.size() == size);
        CHECK(is_pattern(rough.bytes(), 9));
    }
}

ON_EVERY_TRANSPORT("a stream that asks for encryption has it or is not opened") {
    auto pair = co_await conformance::make_pair(transport);
    for (unsigned number = 0; number < combinations; ++number) {
        const auto options = promising(combination(number) | Promises::encrypted);
        const auto error = co_await error_of(pair.at_client.open(options));
        if (transport.encrypted) {
            CHECK_FALSE(error);
        } else {
            CHECK(error == errc::encryption_unavailable);
        }
    }
    auto lane = co_await make_lane(pair);
    lane.client.send(1);
    co_await expect_numbers(lane.server, 1, 2);
}

ON_EVERY_TRANSPORT_UNAIDED("a message whose time to live has passed is dropped") {
    for (int left = attempts(transport); left > 0; --left) {
        Apart apart{transport};
        auto options = promising(Promises::ordered);
        options.time_to_live = 100ms;
        auto lane = apart.lane(options);
        apart.stall();
        constexpr int count = 10'000;
        for (int i = 0; i < count; ++i) lane.client.send(i);
        apart.run_client(pass(250ms));
        apart.run(lane.client.drained());
        lane.client.send(count);
        lane.client.finish();
        std::vector<int> numbers;
        apart.run(take_rising(lane.server, numbers));
        if ((numbers.empty() || numbers.back() != count) && left > 1) continue;
        if (transport.loses_nothing) CHECK(numbers == std::vector{count});
        // A link that asks whether the peer is still there takes some along.
        REQUIRE_FALSE(numbers.empty());
        CHECK(numbers.back() == count);
        CHECK(numbers.size() < count / 2);
        return;
    }
}

ON_EVERY_TRANSPORT("a message whose time to live has not passed arrives") {
    auto pair = co_await conformance::make_pair(transport);
    auto options = promising(Promises::ordered);
    options.time_to_live = 60s;
    auto lane = co_await make_lane(pair, options);
    for (int i = 0; i < 1000; ++i) lane.client.send(i);
    lane.client.finish();
    std::vector<int> numbers;
    co_await take_rising(lane.server, numbers);
    CHECK(numbers.size() <= 1000);
    if (transport.loses_nothing) CHECK(numbers.size() == 1000);
}

ON_EVERY_TRANSPORT_UNAIDED("the latest message replaces those that still wait") {
    for (int left = attempts(transport); left > 0; --left) {
        Apart apart{transport};
        auto options = promising(Promises::ordered);
        options.latest_only = true;
        auto lane = apart.lane(options);
        apart.stall();
        for (int i = 0; i < 1000; ++i) {
            lane.client.send(i);
            if (i % 100 == 0) apart.run_client(give_way());
        }
        lane.client.finish();
        std::vector<int> numbers;
        apart.run(take_rising(lane.server, numbers));
        CHECK(numbers.size() <= 2);
        if ((numbers.empty() || numbers.back() != 999) && left > 1) continue;
        REQUIRE_FALSE(numbers.empty());
        CHECK(numbers.back() == 999);
        return;
    }
}

ON_EVERY_TRANSPORT_UNAIDED("a queue without guarantee that is full drops its oldest messages") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = 64 << 10;
    Apart apart{transport, roomy(), limits};
    auto lane = apart.lane(promising(Promises::ordered | Promises::consistency));
    apart.stall();
    constexpr int count = 100'000;
    for (int i = 0; i < count; ++i) {
        CHECK_FALSE(lane.client.try_send(i));
        if (i % 10'000 == 0) apart.run_client(give_way());
    }
    lane.client.finish();
    std::vector<int> numbers;
    apart.run(take_rising(lane.server, numbers));
    REQUIRE_FALSE(numbers.empty());
    CHECK(numbers.size() < count);
    // It holds 64 KiB of numbers of 4 bytes and their envelopes.
    const auto newest = [](int number) { return number >= count - 4'000; };
    CHECK(std::count_if(numbers.begin(), numbers.end(), newest) >= 1'000);
    if (!transport.loses_nothing) return;
    CHECK(numbers.back() == count - 1);
    // The first ones may have left before it was full.
    const auto gap = std::adjacent_find(numbers.rbegin(), numbers.rend(),
                                        [](int newer, int older) { return newer != older + 1; });
    CHECK(std::distance(numbers.rbegin(), gap) >= 1'000);
}

ON_EVERY_TRANSPORT_UNAIDED("a queue with guarantee that is full refuses and drops nothing") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = 64 << 10;
    Apart apart{transport, {}, limits};
    auto lane = apart.lane();
    apart.stall();
    int accepted = 0;
    std::error_code error;
    while (!(error = lane.client.try_send(accepted))) ++accepted;
    CHECK(error == errc::send_queue_full);
    lane.client.finish();
    std::vector<int> numbers;
    apart.run(take_rising(lane.server, numbers));
    CHECK(numbers.size() == static_cast<std::size_t>(accepted));
}

ON_EVERY_TRANSPORT_UNAIDED("of messages that are dropped no part is seen") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = 300'000;
    Apart apart{transport, roomy(), limits};
    for (const auto promises : {Promises::none, Promises::ordered, Promises::consistency}) {
        auto lane = apart.lane(promising(promises));
        apart.stall();
        for (unsigned i = 0; i < 200; ++i) {
            lane.client.send(numbered(i));
            if (i % 20 == 0) apart.run_client(give_way());
        }
        lane.client.finish();
        std::size_t count = 0;
        const auto receive = [&]() -> awaitable<void> {
            count = co_await receive_all(lane.server);
        };
        apart.run(receive());
        // Of long messages that lose parts on the way, none may arrive.
        if (transport.loses_nothing) CHECK(count > 0);
        CHECK(count < 200);
    }
}

ON_EVERY_TRANSPORT("messages without guarantee that nobody takes are dropped the oldest first") {
    braid::Limits limits;
    limits.lossy_receive_queue_bytes = 10'000;
    auto pair = co_await conformance::make_pair(transport, limits);
    auto lossy = co_await make_lane(pair, promising(Promises::ordered));
    auto reliable = co_await make_lane(pair);
    for (int i = 0; i < 10'000; ++i) {
        lossy.client.send(i);
        if (i % 1000 == 0) co_await lossy.client.drained();
    }
    co_await lossy.client.drained();
    reliable.client.send(0);
    co_await expect_numbers(reliable.server, 0, 1);
    lossy.client.finish();
    std::vector<int> numbers;
    co_await take_rising(lossy.server, numbers);
    REQUIRE_FALSE(numbers.empty());
    if (transport.loses_nothing) CHECK(numbers.back() == 9'999);
    CHECK(numbers.size() < 2'000);
}

ON_EVERY_TRANSPORT("drained comes for messages without guarantee as well") {
    auto pair = co_await conformance::make_pair(transport);
    for (const auto promises : {Promises::none, Promises::ordered}) {
        auto lane = co_await make_lane(pair, promising(promises));
        for (unsigned i = 0; i < 100; ++i) lane.client.send(i);
        co_await lane.client.drained();
        CHECK(pair.at_client.stats().queued_bytes == 0);
    }
}

ON_EVERY_TRANSPORT("a message without guarantee is at most 256 KiB long") {
    auto pair = co_await conformance::make_pair(transport, roomy(), roomy());
    auto lane = co_await make_lane(pair, promising(Promises::ordered));
    constexpr std::size_t most = 256u << 10;
    CHECK(lane.client.try_send(Message{pattern(most + 1)}) == errc::message_too_large);
    CHECK_FALSE(lane.client.try_send(Message{pattern(most)}));
    if (transport.loses_nothing) {
        const auto message = co_await lane.server.recv<Message>();
        CHECK(message.size() == most);
        CHECK(is_pattern(message.bytes()));
    }
}
