// What only UDP has to bear on a link: another address and a smaller packet in the middle of
// things.

#include "net/across.hpp"

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

using namespace across;

namespace {

constexpr int message_count = 300;

awaitable<void> pause(std::chrono::milliseconds time) {
    asio::steady_timer timer{co_await asio::this_coro::executor, time};
    co_await timer.async_wait(asio::use_awaitable);
}

/// Sends a number each millisecond from both ends, and does something at the third and at the two
/// thirds of them.
awaitable<void> speak(Lane& lane, std::function<void()> interrupt) {
    for (int number = 0; number < message_count; ++number) {
        lane.client.send(number);
        lane.server.send(number);
        if (number == message_count / 3 || number == message_count * 2 / 3) interrupt();
        co_await pause(1ms);
    }
}

awaitable<void> hear_all(braid::Stream& stream) {
    for (int number = 0; number < message_count; ++number) {
        const auto received = co_await stream.recv<int>();
        REQUIRE(received == number);
    }
}

net::LinkShape short_way() {
    net::LinkShape shape;
    shape.delay = 5ms;
    return shape;
}

void narrows(Family family) {
    run(both_ways(short_way()), [=](net::Link& link) -> awaitable<void> {
        braid::Limits limits;
        constexpr std::size_t much = 64U << 20;
        limits.stream_send_queue_bytes = much;
        limits.participant_send_queue_bytes = much;
        auto pair = co_await across::make_pair(link, "udp", family, limits);
        auto lane = co_await make_lane(pair);
        constexpr std::size_t bytes = 1'000'000;
        const std::vector<std::byte> large(bytes, std::byte{0x3C});
        for (int round = 0; round < 3; ++round) {
            lane.client.send(braid::Message{large});
            const auto received = co_await lane.server.recv<braid::Message>();
            CHECK(received.bytes().size() == bytes);
            auto narrow = short_way();
            narrow.mtu = round == 0 ? 1'280 : 0;
            link.reshape(narrow, narrow);
        }
        CHECK(link.outbound().too_large > 0);
    });
}

}  // namespace

TEST_CASE("a NAT that rebinds twice breaks nothing: udp") {
    auto options = both_ways(short_way());
    options.translate_near = true;
    run(options, [](net::Link& link) -> awaitable<void> {
        auto pair = co_await across::make_pair(link, "udp");
        auto lane = co_await make_lane(pair);
        const auto pid = pair.at_server.pid();
        co_await speak(lane, [&] { link.rebind(); });
        co_await hear_all(lane.server);
        co_await hear_all(lane.client);
        CHECK(pair.at_server.pid() == pid);
        CHECK(pair.server.stats().participants == 1);
    });
}

TEST_CASE("a dialling end whose port is dead goes on from another one: udp") {
    auto options = both_ways(short_way());
    options.translate_near = true;
    run(options, [](net::Link& link) -> awaitable<void> {
        auto pair = co_await across::make_pair(link, "udp");
        auto lane = co_await make_lane(pair);
        for (int round = 0; round < 2; ++round) {
            bool barred = false;
            co_await speak(lane, [&] {
                if (!std::exchange(barred, true)) link.bar();
            });
            co_await hear_all(lane.server);
            co_await hear_all(lane.client);
        }
        CHECK(pair.server.stats().participants == 1);
        CHECK_FALSE(pair.at_client.close_reason());
    });
}

TEST_CASE("a dialling end that is without an address for a while goes on: udp") {
    run(both_ways(short_way()), [](net::Link& link) -> awaitable<void> {
        auto pair = co_await across::make_pair(link, "udp");
        auto lane = co_await make_lane(pair);
        bool connected = true;
        co_await speak(lane, [&] { link.connect_near(connected = !connected); });
        CHECK(connected);
        co_await hear_all(lane.server);
        co_await hear_all(lane.client);
        CHECK(pair.server.stats().participants == 1);
    });
}

TEST_CASE("a dialling end that sends nothing finds out by its keep-alive: udp") {
    auto options = both_ways(short_way());
    options.translate_near = true;
    run(options, [](net::Link& link) -> awaitable<void> {
        braid::Limits limits;
        limits.keep_alive = 500ms;
        limits.idle = 30s;
        auto pair = co_await across::make_pair(link, "udp", Family::v4, limits);
        auto lane = co_await make_lane(pair);
        // All that was under way has arrived.
        co_await pause(300ms);
        link.bar();
        lane.server.send(1);
        const auto received = co_await lane.client.recv<int>();
        CHECK(received == 1);
    });
}

TEST_CASE("newcomers above the rate are held back and come in: udp") {
    run(both_ways(short_way()), [](net::Link& link) -> awaitable<void> {
        braid::Limits limits;
        limits.handshakes_per_second = 2;
        const auto executor = co_await asio::this_coro::executor;
        braid::Network server{executor, with(limits)};
        const auto address = co_await across::listen(link, server, "udp");
        std::vector<std::unique_ptr<braid::Network>> clients;
        std::vector<braid::Participant> participants;
        // Two at once, each further one half a second later.
        const auto begun = std::chrono::steady_clock::now();
        for (int i = 0; i < 5; ++i) {
            clients.push_back(std::make_unique<braid::Network>(executor, with({})));
            auto participant = co_await across::connect(link, *clients.back(), address);
            participants.push_back(std::move(participant));
        }
        CHECK(std::chrono::steady_clock::now() - begun >= 1'500ms);
        CHECK(server.stats().handshakes_refused > 0);
    });
}

TEST_CASE("packets that become too large for the way lose nothing: udp") { narrows(Family::v4); }
TEST_CASE("packets too large for IPv4 to a listener of both lose nothing: udp") {
    narrows(Family::both);
}
