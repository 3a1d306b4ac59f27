// What programs call besides send and recv: what they learn of a message, how they hold sends back
// and share a message, and what they try out over a bad link.

#include "conformance/harness.hpp"

#include <optional>
#include <utility>
#include <vector>

using namespace conformance;
using braid::Message;
using braid::Promises;
using braid::RecvStatus;

ON_EVERY_TRANSPORT("try_recv tells when a message arrived and its number") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    const auto before = std::chrono::steady_clock::now();
    for (int i = 0; i < 10; ++i) lane.client.send(i);
    co_await lane.client.drained();
    const auto after = std::chrono::steady_clock::now();
    co_await give_way();
    auto last = before;
    for (int i = 0; i < 10; ++i) {
        int value = -1;
        braid::RecvInfo info;
        REQUIRE(lane.server.try_recv(value, &info) == RecvStatus::ok);
        CHECK(value == i);
        CHECK(info.number == braid::MessageId{static_cast<std::uint64_t>(i)});
        CHECK(info.arrived >= last);
        CHECK(info.arrived <= after);
        last = info.arrived;
    }
}

ON_EVERY_TRANSPORT(
    "numbers without guarantee have gaps where messages were not given to the link") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair, promising(Promises::ordered));
    // More than a few packets: one of them arrives.
    constexpr int count = 2'000;
    for (int i = 0; i < count; ++i) lane.client.send(i);
    lane.client.finish();
    std::optional<braid::MessageId> last;
    int received = 0;
    for (;;) {
        int value = -1;
        braid::RecvInfo info;
        const auto status = lane.server.try_recv(value, &info);
        if (status == RecvStatus::closed) break;
        if (status == RecvStatus::ok) {
            ++received;
            if (last) CHECK(info.number > *last);
            last = info.number;
        }
        co_await give_way(1);
    }
    REQUIRE(last);
    CHECK(static_cast<std::uint64_t>(*last) + 1 >= static_cast<std::uint64_t>(received));
    if (transport.loses_nothing) CHECK(received == count);
}

ON_EVERY_TRANSPORT("what is sent under a cork leaves when it is pulled") {
    auto pair = co_await conformance::make_pair(transport);
    std::vector<Lane> lanes;
    for (int i = 0; i < 5; ++i) lanes.push_back(co_await make_lane(pair));
    {
        const braid::Cork outer;
        {
            const braid::Cork inner;
            for (auto& lane : lanes) {
                for (int i = 0; i < 100; ++i) lane.client.send(i);
            }
        }
        CHECK(pair.at_client.stats().queued_bytes > 0);
    }
    for (auto& lane : lanes) co_await expect_numbers(lane.server, 0, 100);
}

ON_EVERY_TRANSPORT("a message sealed for some promises arrives on streams with any") {
    auto pair = co_await conformance::make_pair(transport);
    const std::vector<std::byte> content = repetitive(20'000, 3);
    const Promises kinds[]{Promises::none, Promises::ordered | Promises::guaranteed_delivery,
                           Promises::reliable, Promises::reliable | Promises::compressed};
    std::vector<Lane> lanes;
    for (const auto kind : kinds) lanes.push_back(co_await make_lane(pair, promising(kind)));
    for (const auto kind : kinds) {
        const auto message = Message::pack(content, kind);
        for (auto& lane : lanes) lane.client.send(message);
        for (auto& lane : lanes) {
            auto received = co_await lane.server.recv_for<std::vector<std::byte>>(200ms);
            while (!received &&
                   !covers(lane.client.options().promises, Promises::guaranteed_delivery)) {
                lane.client.send(message);  // on a link that loses packets it may be lost
                received = co_await lane.server.recv_for<std::vector<std::byte>>(200ms);
            }
            REQUIRE(received);
            const bool same = *received == content;
            CHECK(same);
        }
    }
}

ON_EVERY_TRANSPORT("promises are kept over a simulated link that is bad") {
    braid::LinkSimulation link;
    link.seed = 7;
    link.outgoing = {2ms, 2ms, 0.05, 0.01, 0};
    link.incoming = {2ms, 2ms, 0.05, 0.01, 0};
    auto options = quiet();
    options.simulate_link(link);
    auto pair = co_await make_pair_at(transport.free_address, quiet(), options);
    for (const auto promises :
         {Promises::reliable, Promises::ordered | Promises::guaranteed_delivery}) {
        auto lane = co_await make_lane(pair, promising(promises));
        for (int i = 0; i < 100; ++i) {
            lane.client.send(i);
            lane.server.send(i);
        }
        co_await expect_numbers(lane.server, 0, 100);
        co_await expect_numbers(lane.client, 0, 100);
        const Message message{pattern(50'000)};
        lane.client.send(message);
        const auto received = co_await lane.server.recv<Message>();
        CHECK(received.size() == message.size());
        CHECK(is_pattern(received.bytes()));
    }
    auto lossy = co_await make_lane(pair, promising(Promises::ordered));
    for (int i = 0; i < 100; ++i) lossy.client.send(i);
    lossy.client.finish();
    int last = -1;
    while (auto value = co_await lossy.server.next<int>()) {
        CHECK(*value > last);
        last = *value;
    }
    const auto result = co_await pair.at_client.disconnect();
    CHECK(result.all_delivered());
}
