#include "api/trial.hpp"

#include <braid/serialize.hpp>

#include <atomic>
#include <map>
#include <optional>
#include <vector>

using namespace trial;
using braid::errc;
using braid::Message;
using braid::Promises;
using braid::RecvStatus;

namespace {

struct Move {
    std::string who;
    std::vector<int> steps;
};

std::vector<std::byte> bytes_of(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + size);
    return bytes;
}

braid::StreamOptions promising(Promises promises) {
    braid::StreamOptions options;
    options.promises = promises;
    return options;
}

}  // namespace

TEST_CASE("messages of all kinds and sizes arrive as they were sent") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        for (const auto promises : {Promises::reliable, Promises::reliable | Promises::compressed,
                                    Promises::ordered | Promises::guaranteed_delivery}) {
            auto lane = co_await make_lane(pair, promising(promises));
            CHECK(lane.client.options().promises == promises);
            CHECK(lane.server.options().promises == promises);
            CHECK(lane.client.id() == lane.server.id());
            lane.client.send(Move{"black", {1, 2, 3}});
            const auto move = co_await lane.server.recv<Move>();
            CHECK(move.who == "black");
            CHECK(move.steps == std::vector{1, 2, 3});
            for (const unsigned size : {0u, 1u, 255u, 256u, 1000u, 1024u, 1025u, 16'375u, 16'383u,
                                        16'384u, 65'536u, 100'000u, 300'000u, 1'000'000u}) {
                const auto bytes = bytes_of(size);
                lane.client.send(std::span<const std::byte>{bytes});
                lane.client.send(Message{bytes});
                lane.client.send(bytes);
                for (int i = 0; i < 2; ++i) {
                    const auto message = co_await lane.server.recv<Message>();
                    const bool same = std::equal(message.bytes().begin(), message.bytes().end(),
                                                 bytes.begin(), bytes.end());
                    REQUIRE(same);
                }
                const auto packed = co_await lane.server.recv<std::vector<std::byte>>();
                const bool same = packed == bytes;
                REQUIRE(same);
            }
        }
    }());
}

TEST_CASE("a message that was sealed for some promises can be sent on every stream") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        const std::vector<Promises> all{
            Promises::reliable, Promises::reliable | Promises::compressed,
            Promises::ordered | Promises::guaranteed_delivery,
            Promises::guaranteed_delivery | Promises::compressed, Promises::none};
        std::vector<Lane> lanes;
        for (const auto promises : all) {
            lanes.push_back(co_await make_lane(pair, promising(promises)));
        }
        for (const unsigned size : {0u, 10u, 200u, 1'000u, 20'000u, 60'000u}) {
            const Move move{std::string(size, 'm'), {1, 2, 3}};
            for (const auto promises : all) {
                const auto message = Message::pack(move, promises);
                CHECK(message.unpack<Move>().who == move.who);
                for (auto& lane : lanes) {
                    lane.client.send(message);
                    lane.client.send(Message::pack(move));
                    lane.client.send(message.sealed(Promises::compressed));
                }
                for (auto& lane : lanes) {
                    for (int i = 0; i < 3; ++i) {
                        const auto received = co_await lane.server.recv<Message>();
                        const bool same = std::ranges::equal(received.bytes(), message.bytes());
                        CHECK(same);
                        lane.server.send(received);  // back again
                    }
                }
                for (auto& lane : lanes) {
                    for (int i = 0; i < 3; ++i) {
                        const auto back = co_await lane.client.recv<Move>();
                        CHECK(back.who == move.who);
                        CHECK(back.steps == move.steps);
                    }
                }
            }
        }
    }());
}

TEST_CASE("messages without guarantees arrive where nothing is lost") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        for (const auto promises : {Promises::none, Promises::ordered, Promises::consistency}) {
            auto lane = co_await make_lane(pair, promising(promises));
            for (int i = 0; i < 100; ++i) lane.client.send(i);
            lane.client.finish();
            for (int i = 0; i < 100; ++i) {
                const auto value = co_await lane.server.recv<int>();
                CHECK(value == i);
            }
            const auto end = co_await lane.server.next<int>();
            CHECK_FALSE(end);
            co_await lane.client.drained();
        }
    }());
}

TEST_CASE("a clean end is one for recv, next and try_recv") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        int value = 0;
        CHECK(lane.server.try_recv(value) == RecvStatus::empty);
        lane.client.send(1);
        lane.client.send("no number");
        lane.client.send(2);
        lane.client.finish();
        CHECK(lane.client.try_send(3) == errc::stream_closed);
        CHECK(thrown_by([&] { lane.client.send(3); }) == errc::stream_closed);
        value = co_await lane.server.recv<int>();
        CHECK(value == 1);
        CHECK(lane.server.try_recv(value) == RecvStatus::malformed);
        value = co_await lane.server.recv<int>();
        CHECK(value == 2);
        const auto end = co_await lane.server.next<int>();
        CHECK_FALSE(end);
        auto error = co_await error_of(lane.server.recv<int>().as_awaitable());
        CHECK(error == errc::stream_closed);
        CHECK(lane.server.try_recv(value) == RecvStatus::closed);
        error = co_await error_of(lane.server.recv_for<int>(1ms));
        CHECK(error == errc::stream_closed);

        lane.server.send("the other direction is open");
        const auto text = co_await lane.client.recv<std::string>();
        CHECK(text.size() == 27);
    }());
}

TEST_CASE("a malformed message is consumed and the stream goes on") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        lane.client.send("text");
        lane.client.send(5);
        const auto error = co_await error_of(lane.server.recv<int>().as_awaitable());
        CHECK(error == errc::message_malformed);
        const auto value = co_await lane.server.recv<int>();
        CHECK(value == 5);
    }());
}

TEST_CASE("try_recv tells the number of a message and when it arrived") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        for (const auto promises : {Promises::reliable, Promises::ordered, Promises::none}) {
            auto lane = co_await make_lane(pair, promising(promises));
            const auto before = std::chrono::steady_clock::now();
            for (int i = 0; i < 3; ++i) lane.client.send(i);
            lane.client.send("no number");
            auto error = co_await error_of(lane.server.recv<std::string>().as_awaitable());
            CHECK(error == errc::message_malformed);
            const auto between = std::chrono::steady_clock::now();
            lane.client.send(4);
            braid::RecvInfo info;
            int value = 0;
            for (std::uint64_t number = 1; number < 5; ++number) {
                auto status = lane.server.try_recv(value, &info);
                while (status == RecvStatus::empty) {
                    co_await give_way(1);
                    status = lane.server.try_recv(value, &info);
                }
                CHECK(status == (number == 3 ? RecvStatus::malformed : RecvStatus::ok));
                CHECK(info.number == braid::MessageId{number});
                CHECK(info.arrived >= (number == 4 ? between : before));
                CHECK(info.arrived <= (number == 4 ? std::chrono::steady_clock::now() : between));
            }
            const auto last = info.arrived;
            CHECK(lane.server.try_recv(value, &info) == RecvStatus::empty);
            CHECK(info.arrived == last);
        }
    }());
}

TEST_CASE("receipts come for what the peer has, and for nothing else") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        for (const auto promises :
             {Promises::reliable, Promises::guaranteed_delivery, Promises::ordered, Promises::none,
              Promises::consistency | Promises::compressed}) {
            auto lane = co_await make_lane(pair, promising(promises));
            std::vector<braid::MessageId> ids(6);
            CHECK_FALSE(lane.client.try_receipt(ids[0]));
            CHECK_FALSE(lane.client.try_send(0, ids[0]));
            lane.client.send(1);
            const auto bytes = bytes_of(40'000);
            CHECK_FALSE(lane.client.try_send(std::span<const std::byte>{bytes}, ids[1]));
            CHECK_FALSE(lane.client.try_send(Message{bytes}, ids[2]));
            CHECK_FALSE(lane.client.try_send(Move{"white", {}}, ids[3]));
            CHECK_FALSE(lane.client.try_send(bytes, ids[4]));
            CHECK(lane.client.try_send(std::string(20u << 20, 'x'), ids[5]) ==
                  errc::message_too_large);
            CHECK_FALSE(lane.client.try_send(Message{}, ids[5]));
            std::vector<std::uint64_t> expected{0, 2, 3, 4, 5, 6};
            std::vector<std::uint64_t> delivered;
            for (unsigned i = 0; i < 6; ++i) {
                CHECK(ids[i] == braid::MessageId{expected[i]});
            }
            co_await until([&] {
                braid::MessageId id{};
                while (lane.client.try_receipt(id)) {
                    delivered.push_back(static_cast<std::uint64_t>(id));
                }
                return delivered.size() == 6;
            });
            CHECK(delivered == expected);
            if (covers(promises, Promises::guaranteed_delivery)) {
                braid::RecvInfo info;
                Message message;
                for (std::uint64_t number = 0; number < 7; ++number) {
                    CHECK(lane.server.try_recv(message, &info) == RecvStatus::ok);
                    CHECK(info.number == braid::MessageId{number});
                }
            }
        }
    }());
}

TEST_CASE("a snapshot that was replaced unsent has no receipt") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto options = promising(Promises::ordered);
        options.latest_only = true;
        auto lane = co_await make_lane(pair, options);
        braid::MessageId id{};
        for (int i = 0; i < 5; ++i) CHECK_FALSE(lane.client.try_send(i, id));
        CHECK(id == braid::MessageId{4});
        braid::MessageId delivered{};
        bool told = false;
        co_await until([&] { return told || (told = lane.client.try_receipt(delivered)); });
        CHECK(delivered == braid::MessageId{4});
        const auto value = co_await lane.server.recv<int>();
        CHECK(value == 4);
        CHECK_FALSE(lane.client.try_receipt(delivered));
        lane.client.reset();
        CHECK(lane.client.try_send(5, id) == errc::stream_closed);
    }());
}

TEST_CASE("recv_for gives up in time and loses nothing") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        auto value = co_await lane.server.recv_for<int>(5ms);
        CHECK_FALSE(value);
        lane.client.send(1);
        value = co_await lane.server.recv_for<int>(10s);
        CHECK(value == 1);
    }());
}

TEST_CASE("only one may wait on a stream") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        std::optional<int> received;
        asio::co_spawn(
            executor, [&]() -> awaitable<void> { received = co_await lane.server.recv<int>(); },
            asio::detached);
        co_await give_way();
        const auto error = co_await error_of(lane.server.recv<int>().as_awaitable());
        CHECK(error == errc::recv_pending);
        lane.client.send(3);
        co_await until([&] { return received.has_value(); });
        CHECK(received == 3);
    }());
}

TEST_CASE("reset gives both directions up") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        lane.client.reset(9);
        auto error = co_await error_of(lane.server.recv<int>().as_awaitable());
        CHECK(error == errc::stream_reset);
        error = co_await error_of(lane.client.recv<int>().as_awaitable());
        CHECK(error == errc::stream_closed);
        co_await until([&] { return lane.server.try_send(1) == errc::stream_closed; });
    }());
}

TEST_CASE("a full queue says so, and writable says when there is room") {
    run([]() -> awaitable<void> {
        braid::Limits limits;
        limits.stream_send_queue_bytes = 64 << 10;
        limits.message_bytes = 1 << 20;
        auto pair = co_await make_pair({}, limits);
        auto lane = co_await make_lane(pair);
        const auto kilobyte = bytes_of(1000);
        std::error_code error;
        std::size_t sent = 0;
        while (!error) {
            error = lane.client.try_send(std::span<const std::byte>{kilobyte});
            if (!error) ++sent;
        }
        CHECK(error == errc::send_queue_full);
        CHECK(sent <= (64u << 10) / 1000);
        CHECK(lane.client.try_send(Message{bytes_of((1 << 20) + 1)}) == errc::message_too_large);
        for (int round = 0; round < 100; ++round) {
            co_await lane.client.writable(32 << 10);
            for (int i = 0; i < 20; ++i) {
                lane.client.send(std::span<const std::byte>{kilobyte});
                ++sent;
            }
            Message message;
            while (lane.server.try_recv(message) == RecvStatus::ok) --sent;
        }
        for (; sent > 0; --sent) co_await lane.server.recv<Message>();
        co_await lane.client.drained();
        CHECK(pair.at_client.stats().queued_bytes == 0);
    }());
}

TEST_CASE("a reader that does not read slows only its own stream") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto stuck = co_await make_lane(pair);
        auto live = co_await make_lane(pair);
        const auto bytes = bytes_of(10'000);
        std::size_t accepted = 0;
        while (!stuck.client.try_send(std::span<const std::byte>{bytes})) ++accepted;
        CHECK(accepted * bytes.size() <= braid::Limits{}.stream_send_queue_bytes);
        for (int i = 0; i < 2000; ++i) {
            live.client.send(i);
            const auto value = co_await live.server.recv<int>();
            REQUIRE(value == i);
        }
        for (; accepted > 0; --accepted) co_await stuck.server.recv<Message>();
    }());
}

TEST_CASE("lossy messages that nobody takes are dropped, the oldest first") {
    run([]() -> awaitable<void> {
        braid::Limits limits;
        limits.lossy_receive_queue_bytes = 10'000;
        auto pair = co_await make_pair(limits);
        auto lossy = co_await make_lane(pair, promising(Promises::ordered));
        auto reliable = co_await make_lane(pair);
        for (int i = 0; i < 10'000; ++i) {
            lossy.client.send(i);
            if (i % 1000 == 0) co_await lossy.client.drained();
        }
        co_await lossy.client.drained();
        reliable.client.send(0);
        co_await reliable.server.recv<int>();
        lossy.client.finish();
        int count = 0;
        int last = -1;
        while (auto value = co_await lossy.server.next<int>()) {
            CHECK(*value > last);
            last = *value;
            ++count;
        }
        CHECK(last == 9'999);
        CHECK(count < 2'000);
    }());
}

TEST_CASE("a busy stream lets others run") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        for (int i = 0; i < 1000; ++i) lane.client.send(i);
        co_await lane.client.drained();
        int turns = 0;
        bool done = false;
        asio::co_spawn(
            executor,
            [&]() -> awaitable<void> {
                while (!done) {
                    ++turns;
                    co_await asio::post(asio::use_awaitable);
                }
            },
            asio::detached);
        for (int i = 0; i < 1000; ++i) {
            const auto value = co_await lane.server.recv<int>();
            REQUIRE(value == i);
        }
        done = true;
        CHECK(turns >= 5);
        co_await give_way();
    }());
}

TEST_CASE("streams are opened, used and closed ten thousand times") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        auto pair = co_await make_pair();
        constexpr int rounds = 10'000;
        bool echoed = false;
        asio::co_spawn(
            executor,
            [&]() -> awaitable<void> {
                for (int i = 0; i < rounds; ++i) {
                    auto stream = co_await pair.at_server.opened();
                    // The end of the other side is met at every stage.
                    if (i % 3 == 0) continue;
                    try {
                        const auto value = co_await stream.next<int>();
                        if (value && i % 3 == 1) (void)stream.try_send(*value);
                    } catch (const braid::StreamError& error) {
                        CHECK(error.code() == errc::stream_reset);
                    }
                }
                echoed = true;
            },
            [](std::exception_ptr error) {
                if (error) std::rethrow_exception(error);
            });
        for (int i = 0; i < rounds; ++i) {
            auto stream = co_await pair.at_client.open();
            // The peer may have closed it already.
            const auto error = stream.try_send(i);
            CHECK((!error || error == errc::stream_closed));
            if (i % 5 == 0) {
                const auto answer = co_await stream.next<int>();
                CHECK((!answer || *answer == i));
            }
            if (i % 7 == 0) stream.reset();
        }
        co_await until([&] { return echoed; });
        co_await until([&] { return pair.at_client.stats().streams == 0; });
        co_await until([&] { return pair.at_server.stats().streams == 0; });
        CHECK(pair.at_client.stats().queued_bytes == 0);
    }());
}

TEST_CASE("many threads send while streams come and go") {
    std::atomic<int> received{0};
    constexpr int senders = 8;
    constexpr int each = 2'000;
    run(
        [](std::atomic<int>& count) -> awaitable<void> {
            const auto executor = co_await asio::this_coro::executor;
            auto pair = co_await make_pair();
            auto lane = co_await make_lane(pair);
            std::vector<std::thread> threads;
            for (int sender = 0; sender < senders; ++sender) {
                threads.emplace_back([&lane, sender] {
                    for (int i = 0; i < each; ++i) {
                        const std::pair message{sender, i};
                        while (lane.client.try_send(message)) std::this_thread::yield();
                    }
                });
            }
            std::map<int, int> next;
            for (int i = 0; i < senders * each; ++i) {
                const auto [sender, number] = co_await lane.server.recv<std::pair<int, int>>();
                REQUIRE(number == next[sender]++);
                ++count;
                if (i % 100 == 0) {
                    auto other = co_await make_lane(pair);
                    other.client.send(i);
                    const auto value = co_await other.server.recv<int>();
                    REQUIRE(value == i);
                }
            }
            for (auto& thread : threads) thread.join();
        }(received),
        4);
    CHECK(received == senders * each);
}
