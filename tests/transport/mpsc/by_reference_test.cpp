#include "api/trial.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

// Large messages within the process: what is received lies where the sender put it.

using namespace trial;

namespace {

std::vector<std::byte> bytes_of(std::size_t size, unsigned seed) {
    std::vector<std::byte> result(size);
    for (std::size_t i = 0; i < size; ++i) {
        result[i] = static_cast<std::byte>(i * 7 + (i >> 9) + seed);
    }
    return result;
}

awaitable<Pair> make_pair_in_process(braid::Limits server_limits = {},
                                     braid::Limits client_limits = {}) {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network server{executor, with(server_limits)};
    braid::Network client{executor, with(client_limits)};
    auto listener = co_await server.listen("mpsc://0");
    auto at_client = co_await client.connect(to_string(listener.address()));
    auto at_server = co_await server.connected();
    co_return Pair{std::move(server), std::move(client), std::move(at_server),
                   std::move(at_client)};
}

}  // namespace

TEST_CASE("a large Message is received where it lies, with every set of promises") {
    const auto promises = GENERATE(braid::Promises{}, braid::Promises::ordered,
                                   braid::Promises::guaranteed_delivery, braid::Promises::reliable,
                                   braid::Promises::reliable | braid::Promises::compressed);
    const std::size_t size = GENERATE(16u << 10, 64u << 10, 200u << 10);
    CAPTURE(static_cast<int>(promises), size);
    const auto body = [=]() -> awaitable<void> {
        auto pair = co_await make_pair_in_process();
        braid::StreamOptions options;
        options.promises = promises;
        auto lane = co_await make_lane(pair, options);
        const braid::Message sent{bytes_of(size, 1)};
        for (int i = 0; i < 3; ++i) {
            lane.client.send(sent);
            const auto received = co_await lane.server.recv<braid::Message>();
            REQUIRE(received.bytes().data() == sent.bytes().data());
            REQUIRE(received.size() == size);
        }
        lane.client.send(std::string{"small"});
        const auto small = co_await lane.server.recv<std::string>();
        CHECK(small == "small");
    };
    run(body());
}

TEST_CASE("around the size from which messages are handed over by reference, all arrive") {
    const auto promises = GENERATE(
        braid::Promises{}, braid::Promises::consistency | braid::Promises::guaranteed_delivery,
        braid::Promises::reliable, braid::Promises::reliable | braid::Promises::compressed);
    CAPTURE(static_cast<int>(promises));
    const auto body = [=]() -> awaitable<void> {
        auto pair = co_await make_pair_in_process();
        braid::StreamOptions options;
        options.promises = promises;
        auto lane = co_await make_lane(pair, options);
        for (std::size_t size = (16u << 10) - 20; size < (16u << 10) + 20; ++size) {
            const auto bytes = bytes_of(size, static_cast<unsigned>(size));
            lane.client.send(std::span<const std::byte>{bytes});
            lane.client.send(braid::Message{bytes});
            lane.client.send(braid::Message::pack(bytes, promises));
            lane.client.send(bytes);
            for (int i = 0; i < 2; ++i) {
                const auto raw = co_await lane.server.recv<braid::Message>();
                REQUIRE(std::ranges::equal(raw.bytes(), bytes));
            }
            for (int i = 0; i < 2; ++i) {
                const auto unpacked = co_await lane.server.recv<std::vector<std::byte>>();
                REQUIRE(unpacked == bytes);
            }
        }
    };
    run(body());
}

TEST_CASE("a message longer than the windows is announced, and then received where it lies") {
    const auto body = []() -> awaitable<void> {
        braid::Limits limits;
        limits.stream_receive_window_bytes = 64u << 10;
        limits.stream_receive_window_bytes_max = 64u << 10;
        limits.participant_receive_window_bytes = 100u << 10;
        limits.participant_receive_window_bytes_max = 100u << 10;
        auto pair = co_await make_pair_in_process(limits, limits);
        auto lane = co_await make_lane(pair);
        auto other = co_await make_lane(pair);
        for (unsigned i = 0; i < 5; ++i) {
            const braid::Message sent{bytes_of((1u << 20) + i, i)};
            lane.client.send(std::string(1000, 'a'));
            lane.client.send(sent);
            for (int k = 0; k < 100; ++k) other.client.send(std::string(500, 'b'));
            for (int k = 0; k < 100; ++k) {
                const auto text = co_await other.server.recv<std::string>();
                REQUIRE(text.size() == 500);
            }
            const auto before = co_await lane.server.recv<std::string>();
            REQUIRE(before.size() == 1000);
            const auto received = co_await lane.server.recv<braid::Message>();
            REQUIRE(received.bytes().data() == sent.bytes().data());
            REQUIRE(received.size() == sent.size());
        }
        co_await lane.client.drained();
    };
    run(body());
}

TEST_CASE("large messages get through although others take what credit there is") {
    const auto body = []() -> awaitable<void> {
        braid::Limits limits;
        limits.stream_receive_window_bytes = 64u << 10;
        limits.stream_receive_window_bytes_max = 64u << 10;
        limits.participant_receive_window_bytes = 64u << 10;
        limits.participant_receive_window_bytes_max = 64u << 10;
        auto pair = co_await make_pair_in_process(limits, limits);
        auto large = co_await make_lane(pair);
        bool over = false;
        const auto bulk = [&](braid::Stream stream) -> awaitable<void> {
            const std::string text(700, 'x');
            while (!over) {
                co_await stream.writable(1u << 20);
                stream.send(text);
            }
        };
        const auto read = [&](braid::Stream stream) -> awaitable<void> {
            while (!over) co_await stream.recv<std::string>();
        };
        const auto executor = co_await asio::this_coro::executor;
        for (int i = 0; i < 3; ++i) {
            auto lane = co_await make_lane(pair);
            asio::co_spawn(executor, bulk(std::move(lane.client)), [](std::exception_ptr) {});
            asio::co_spawn(executor, read(std::move(lane.server)), [](std::exception_ptr) {});
        }
        for (unsigned i = 0; i < 5; ++i) {
            const braid::Message sent{bytes_of(50'000 + i * 100'000, i)};
            large.client.send(sent);
            const auto received = co_await large.server.recv<braid::Message>();
            REQUIRE(received.bytes().data() == sent.bytes().data());
        }
        over = true;
        co_await pair.client.shutdown();
        co_await pair.server.shutdown();
    };
    run(body());
}

TEST_CASE("a reader that never reads holds no more than its window by reference either") {
    const auto body = []() -> awaitable<void> {
        braid::Limits limits;
        limits.stream_receive_window_bytes = 256u << 10;
        limits.stream_receive_window_bytes_max = 256u << 10;
        auto pair = co_await make_pair_in_process(limits, limits);
        auto lane = co_await make_lane(pair);
        auto other = co_await make_lane(pair);
        std::vector<braid::Message> sent;
        for (unsigned i = 0; i < 40; ++i) {
            sent.emplace_back(bytes_of(100'000, i));
            lane.client.send(sent.back());
        }
        for (int i = 0; i < 20; ++i) {
            const std::string ping = "other streams go on";
            other.client.send(ping);
            const auto text = co_await other.server.recv<std::string>();
            REQUIRE(text == ping);
        }
        // Two of them fit the window; what is held beyond is the sender's queue.
        const auto stats = pair.at_client.stats();
        CHECK(stats.queued_bytes >= 38u * 100'000);
        for (const auto& each : sent) {
            const auto received = co_await lane.server.recv<braid::Message>();
            REQUIRE(received.bytes().data() == each.bytes().data());
        }
    };
    run(body());
}
