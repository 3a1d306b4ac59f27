// What tests/conformance says of loopback, said of links: a few tests with real sockets.

#include "net/across.hpp"

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace across;
using braid::Promises;

namespace {

constexpr unsigned promise_sets = 8;  // of those that a link has a part in

Promises promise_set(unsigned number) {
    auto promises = Promises::none;
    if ((number & 1) != 0) promises = promises | Promises::ordered;
    if ((number & 2) != 0) promises = promises | Promises::consistency;
    if ((number & 4) != 0) promises = promises | Promises::guaranteed_delivery;
    return promises;
}

using Numbered = std::pair<unsigned, std::vector<std::byte>>;

/// From nothing to about 20 packets.
Numbered numbered(unsigned number) {
    return {number, std::vector<std::byte>(number * 7'919U % 30'000U, std::byte(number % 256))};
}

awaitable<void> send_all(braid::Stream& stream, unsigned first, unsigned end) {
    for (unsigned number = first; number < end; ++number) {
        std::error_code error;
        while ((error = stream.try_send(numbered(number))) == braid::errc::send_queue_full) {
            co_await stream.writable(64U << 10);
        }
        REQUIRE_FALSE(error);
    }
}

/// Receives to the end: whole messages, each once at most, in order if that is promised.
awaitable<std::size_t> receive_all(braid::Stream& stream) {
    const bool ordered = covers(stream.options().promises, Promises::ordered);
    std::set<unsigned> seen;
    while (auto message = co_await stream.next<Numbered>()) {
        REQUIRE(*message == numbered(message->first));
        if (ordered && !seen.empty()) REQUIRE(message->first > *seen.rbegin());
        const bool first_time = seen.insert(message->first).second;
        REQUIRE(first_time);
    }
    co_return seen.size();
}

/// Sends and receives `count` messages on a reliable stream, and calls `halfway` in between.
awaitable<void> transfer(Pair& pair, unsigned count, std::function<void()> halfway) {
    auto lane = co_await make_lane(pair);
    co_await send_all(lane.client, 0, count / 2);
    for (unsigned number = 0; number < count / 4; ++number) {
        const auto message = co_await lane.server.recv<Numbered>();
        REQUIRE(message == numbered(number));
    }
    halfway();
    co_await send_all(lane.client, count / 2, count);
    lane.client.finish();
    const auto rest = co_await receive_all(lane.server);
    CHECK(rest == count - count / 4);
}

net::LinkShape lossy(double share) {
    net::LinkShape shape;
    shape.delay = 5ms;
    shape.loss = share;
    return shape;
}

void keeps_promises(const std::string& scheme) {
    constexpr unsigned count = 60;
    run(both_ways(lossy(0.1)), [=](net::Link& link) -> awaitable<void> {
        auto pair = co_await across::make_pair(link, scheme);
        for (unsigned number = 0; number < promise_sets; ++number) {
            CAPTURE(number);
            braid::StreamOptions options;
            options.promises = promise_set(number);
            auto lane = co_await make_lane(pair, options);
            co_await send_all(lane.client, 0, count);
            co_await send_all(lane.server, 0, count);
            lane.client.finish();
            lane.server.finish();
            const auto at_server = co_await receive_all(lane.server);
            const auto at_client = co_await receive_all(lane.client);
            const bool all = covers(options.promises, Promises::guaranteed_delivery);
            CHECK(at_server <= count);
            CHECK(at_client <= count);
            if (all) CHECK(at_server + at_client == 2 * count);
            // At 10 % loss most of the messages that may be lost still come.
            CHECK(at_server + at_client > count / 2);
        }
        co_await pair.client.shutdown();
    });
}

void speaks(const std::string& scheme, Family family) {
    net::LinkShape shape;
    shape.delay = 5ms;
    run(both_ways(shape), [=](net::Link& link) -> awaitable<void> {
        auto pair = co_await across::make_pair(link, scheme, family);
        co_await transfer(pair, 100, [] {});
    });
}

void connects_through_loss(const std::string& scheme, double share) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        auto options = both_ways(lossy(share));
        options.seed = seed;
        run(options, [=](net::Link& link) -> awaitable<void> {
            auto pair = co_await across::make_pair(link, scheme);
            auto lane = co_await make_lane(pair);
            lane.client.send(7);
            const auto received = co_await lane.server.recv<int>();
            CHECK(received == 7);
        });
    }
}

void survives_runs_of_losses(const std::string& scheme) {
    auto shape = lossy(0.05);
    shape.loss_run = 6;
    shape.jitter = 4ms;
    shape.reorder = 0.02;
    shape.reorder_delay = 5ms;
    shape.bits_per_second = 20e6;
    shape.queue_time(50ms);
    run(both_ways(shape), [=](net::Link& link) -> awaitable<void> {
        auto pair = co_await across::make_pair(link, scheme);
        co_await transfer(pair, 200, [] {});
    });
}

void survives_a_pause(const std::string& scheme) {
    net::LinkShape shape;
    shape.delay = 5ms;
    run(both_ways(shape), [=](net::Link& link) -> awaitable<void> {
        auto pair = co_await across::make_pair(link, scheme);
        const auto executor = co_await asio::this_coro::executor;
        asio::steady_timer outage{executor};
        co_await transfer(pair, 100, [&] {
            link.reshape(lossy(1), lossy(1));
            outage.expires_after(700ms);
            outage.async_wait([&](std::error_code) { link.reshape(shape, shape); });
        });
    });
}

}  // namespace

TEST_CASE("promises are kept over a link that loses a tenth: tcp") { keeps_promises("tcp"); }
TEST_CASE("promises are kept over a link that loses a tenth: udp") { keeps_promises("udp"); }
TEST_CASE("IPv6 leads over a link: tcp") { speaks("tcp", Family::v6); }
TEST_CASE("IPv6 leads over a link: udp") { speaks("udp", Family::v6); }
TEST_CASE("IPv4 leads to a listener of both: tcp") { speaks("tcp", Family::both); }
TEST_CASE("IPv4 leads to a listener of both: udp") { speaks("udp", Family::both); }
TEST_CASE("a connection is made where a tenth is lost: tcp") { connects_through_loss("tcp", 0.1); }
TEST_CASE("a connection is made where a fifth is lost: udp") { connects_through_loss("udp", 0.2); }
TEST_CASE("runs of losses and reordering break nothing: tcp") { survives_runs_of_losses("tcp"); }
TEST_CASE("runs of losses and reordering break nothing: udp") { survives_runs_of_losses("udp"); }
TEST_CASE("a link that is dead for a while loses nothing: tcp") { survives_a_pause("tcp"); }
TEST_CASE("a link that is dead for a while loses nothing: udp") { survives_a_pause("udp"); }
