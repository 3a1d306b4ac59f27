// Messages arrive as they were sent: their order, their bytes, their types.

#include "conformance/harness.hpp"

#include <array>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <variant>

using namespace conformance;
using braid::errc;
using braid::Message;
using braid::RecvStatus;

namespace {

struct Position {
    float x = 0;
    float y = 0;
    bool operator==(const Position&) const = default;
};

enum class Piece : std::uint8_t { pawn, rook };

struct Move {
    std::string who;
    Piece piece = Piece::pawn;
    std::vector<Position> steps;
    std::optional<std::string> comment;
    std::map<std::string, std::vector<std::uint16_t>> annotations;
    bool operator==(const Move&) const = default;
};

template <typename T>
awaitable<void> expect_back(Lane& lane, T value) {
    lane.client.send(value);
    const auto back = co_await lane.server.recv<T>();
    const bool same = back == value;
    CHECK(same);
}

awaitable<void> expect_pattern(braid::Stream& stream, std::size_t size, unsigned seed) {
    const auto message = co_await stream.recv<Message>();
    REQUIRE(message.size() == size);
    const bool same = is_pattern(message.bytes(), seed);
    REQUIRE(same);
}

std::span<const std::byte> view(const std::vector<std::byte>& bytes) { return bytes; }

}  // namespace

ON_EVERY_TRANSPORT("messages arrive in the order sent") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    const auto send = [&]() -> awaitable<void> { co_await send_numbers(lane.client, 0, 50'000); };
    Aside sender{co_await asio::this_coro::executor, send()};
    co_await expect_numbers(lane.server, 0, 50'000);
    co_await sender.joined();
}

ON_EVERY_TRANSPORT("a message of any size arrives byte for byte") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    for (const std::size_t around : {128u, 256u, 1024u, 1280u, 4096u, 16'384u, 65'536u, 262'144u}) {
        for (std::size_t size = around - 9; size <= around + 9; ++size) {
            const auto seed = static_cast<unsigned>(size);
            lane.client.send(view(pattern(size, seed)));
            co_await expect_pattern(lane.server, size, seed);
        }
    }
}

ON_EVERY_TRANSPORT("small and large messages keep their order among each other") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    const std::array<std::size_t, 5> sizes{3, 100'000, 0, 20'000, 1'000};
    for (unsigned i = 0; i < 100; ++i) {
        const auto size = sizes[i % sizes.size()];
        co_await lane.client.writable(1u << 20);
        lane.client.send(Message{pattern(size, i)});
        if (i < 10) continue;
        co_await expect_pattern(lane.server, sizes[(i - 10) % sizes.size()], i - 10);
    }
    for (unsigned i = 90; i < 100; ++i) {
        co_await expect_pattern(lane.server, sizes[i % sizes.size()], i);
    }
}

ON_EVERY_TRANSPORT("an empty message is a message") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    lane.client.send(Message{});
    lane.client.send(std::span<const std::byte>{});
    lane.client.send(std::string{});
    lane.client.finish();
    for (int i = 0; i < 2; ++i) {
        const auto message = co_await lane.server.recv<Message>();
        CHECK(message.empty());
    }
    const auto text = co_await lane.server.recv<std::string>();
    CHECK(text.empty());
    co_await expect_end(lane.server);
}

ON_EVERY_TRANSPORT("a message of 16 MiB arrives in either direction") {
    constexpr std::size_t size = 16u << 20;
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    lane.client.send(Message{pattern(size, 1)});
    lane.server.send(view(pattern(size, 2)));
    co_await expect_pattern(lane.server, size, 1);
    co_await expect_pattern(lane.client, size, 2);
}

ON_EVERY_TRANSPORT("both directions may be full at the same time") {
    const auto executor = co_await asio::this_coro::executor;
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    constexpr unsigned count = 200;
    constexpr std::size_t size = 60'000;
    const auto fill = [](braid::Stream& stream, unsigned seed) -> awaitable<void> {
        for (unsigned i = 0; i < count; ++i) {
            co_await stream.writable(256u << 10);
            stream.send(Message{pattern(size, seed + i)});
        }
    };
    const auto take = [](braid::Stream& stream, unsigned seed) -> awaitable<void> {
        for (unsigned i = 0; i < count; ++i) co_await expect_pattern(stream, size, seed + i);
    };
    Aside one{executor, fill(lane.client, 0)};
    Aside other{executor, fill(lane.server, 1000)};
    Aside taking{executor, take(lane.server, 0)};
    co_await take(lane.client, 1000);
    co_await taking.joined();
    co_await one.joined();
    co_await other.joined();
}

ON_EVERY_TRANSPORT("question and answer alternate on one stream") {
    const auto executor = co_await asio::this_coro::executor;
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    const auto echo = [&]() -> awaitable<void> {
        while (auto value = co_await lane.server.next<int>()) lane.server.send(*value + 1);
        lane.server.finish();
    };
    Aside echoing{executor, echo()};
    for (int i = 0; i < 1000; ++i) {
        lane.client.send(i);
        co_await expect_numbers(lane.client, i + 1, i + 2);
    }
    lane.client.finish();
    co_await expect_end(lane.client);
    co_await echoing.joined();
}

ON_EVERY_TRANSPORT("structs and containers arrive equal") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    Move move{
        "black", Piece::rook, {{1, 2}, {-3.5F, 0}}, "check", {{"clock", {1, 2, 3}}, {"", {}}}};
    co_await expect_back(lane, move);
    move.comment.reset();
    move.steps.resize(10'000, {7, 7});
    co_await expect_back(lane, move);
    const std::vector<std::string> words{"", "a", std::string(100'000, 'x')};
    co_await expect_back(lane, words);
    const std::map<int, std::string> names{{1, "one"}, {-1, "minus one"}};
    co_await expect_back(lane, names);
    co_await expect_back(lane, std::optional<int>{});
    co_await expect_back(lane, std::optional<int>{5});
    const std::variant<int, std::string> either{"text"};
    co_await expect_back(lane, either);
    co_await expect_back(lane, std::tuple<bool, std::int8_t, double>{true, -128, 0.1});
    co_await expect_back(lane, std::array<std::uint32_t, 3>{1, 2, 0xffffffff});
    const std::pair<std::string, std::int64_t> least{"least", INT64_MIN};
    co_await expect_back(lane, least);
}

ON_EVERY_TRANSPORT("bytes that were packed by hand are a value at the other end") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    const std::vector<std::string> words{"packed", "once"};
    lane.client.send(Message::pack(words));
    const auto received = co_await lane.server.recv<std::vector<std::string>>();
    CHECK(received == words);
    lane.server.send(words);
    const auto bytes = co_await lane.client.recv<Message>();
    CHECK(bytes.unpack<std::vector<std::string>>() == words);
    CHECK(bytes.size() == braid::packed_size(words));
}

ON_EVERY_TRANSPORT("a message of another type is malformed and gone and the next one is fine") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    for (int i = 0; i < 2; ++i) {
        lane.client.send(std::uint16_t{7});
        lane.client.send("text where a number is expected");
    }
    lane.client.send(42);
    auto error = co_await error_of(lane.server.recv<std::string>().as_awaitable());
    CHECK(error == errc::message_malformed);
    error = co_await error_of(lane.server.next<int>().as_awaitable());
    CHECK(error == errc::message_malformed);
    error = co_await error_of(lane.server.recv_for<std::uint64_t>(30s));
    CHECK(error == errc::message_malformed);
    int value = 0;
    CHECK(lane.server.try_recv(value) == RecvStatus::malformed);
    co_await expect_numbers(lane.server, 42, 43);
}

ON_EVERY_TRANSPORT("a message with bytes to spare is malformed") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    lane.client.send(std::array<int, 2>{1, 2});
    lane.client.send(3);
    const auto error = co_await error_of(lane.server.recv<int>().as_awaitable());
    CHECK(error == errc::message_malformed);
    co_await expect_numbers(lane.server, 3, 4);
}

ON_EVERY_TRANSPORT("one message sent on many streams arrives on each") {
    auto pair = co_await conformance::make_pair(transport);
    std::vector<Lane> lanes;
    for (int i = 0; i < 20; ++i) lanes.push_back(co_await make_lane(pair));
    for (const std::size_t size : {10u, 5'000u, 40'000u}) {
        {
            const Message message{pattern(size, 3)};
            for (auto& lane : lanes) lane.client.send(message);
        }
        for (auto& lane : lanes) co_await expect_pattern(lane.server, size, 3);
    }
}

ON_EVERY_TRANSPORT("messages on many streams arrive though together they exceed the window") {
    auto pair = co_await conformance::make_pair(transport);
    constexpr std::size_t size = 100'000;
    constexpr unsigned count = 60;
    std::vector<Lane> lanes;
    for (unsigned i = 0; i < count; ++i) lanes.push_back(co_await make_lane(pair));
    for (unsigned i = 0; i < count; ++i) lanes[i].client.send(Message{pattern(size, i)});
    // The last first: the parts of all are under way before one is whole.
    for (unsigned i = count; i-- > 0;) co_await expect_pattern(lanes[i].server, size, i);
}

ON_EVERY_TRANSPORT("what the sender does to its memory after send changes nothing") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    for (const std::size_t size : {100u, 10'000u, 40'000u, 300'000u}) {
        auto bytes = pattern(size, 5);
        lane.client.send(view(bytes));
        lane.client.send(bytes);
        std::fill(bytes.begin(), bytes.end(), std::byte{0});
        co_await expect_pattern(lane.server, size, 5);
        const auto packed = co_await lane.server.recv<std::vector<std::byte>>();
        CHECK(is_pattern(packed, 5));
    }
}

ON_EVERY_TRANSPORT_UNAIDED("messages outlive the stream and all else that brought them") {
    std::vector<Message> kept;
    {
        asio::io_context context;
        const auto main = [&]() -> awaitable<void> {
            auto pair = co_await conformance::make_pair(transport);
            auto lane = co_await make_lane(pair);
            for (const std::size_t size : {10u, 5'000u, 100'000u}) {
                lane.client.send(Message{pattern(size, 1)});
                kept.push_back(co_await lane.server.recv<Message>());
            }
        };
        trial::run(context, main());
    }
    REQUIRE(kept.size() == 3);
    for (const auto& message : kept) CHECK(is_pattern(message.bytes(), 1));
    CHECK(kept.back().size() == 100'000);
}

ON_EVERY_TRANSPORT("try_recv takes what is there and waits for nothing") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    std::string text = "as it was";
    CHECK(lane.server.try_recv(text) == RecvStatus::empty);
    CHECK(text == "as it was");
    lane.client.send("asd");
    lane.client.send(11331);
    co_await lane.client.drained();
    CHECK(lane.server.try_recv(text) == RecvStatus::ok);
    CHECK(text == "asd");
    int number = 0;
    CHECK(lane.server.try_recv(number) == RecvStatus::ok);
    CHECK(number == 11331);
    CHECK(lane.server.try_recv(number) == RecvStatus::empty);
    { const auto gone = std::move(lane.client); }
    co_await until([&] { return lane.server.try_recv(number) == RecvStatus::closed; });
}

ON_EVERY_TRANSPORT("recv_for gives up in time and loses nothing") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    for (int i = 0; i < 5; ++i) {
        auto value = co_await lane.server.recv_for<int>(2ms);
        CHECK_FALSE(value);
        lane.client.send(i);
        value = co_await lane.server.recv_for<int>(30s);
        CHECK(value == i);
    }
    lane.client.finish();
    const auto error = co_await error_of(lane.server.recv_for<int>(30s));
    CHECK(error == errc::stream_closed);
}

ON_EVERY_TRANSPORT("next ends a loop at a clean end") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    co_await send_numbers(lane.client, 0, 1000);
    lane.client.finish();
    int count = 0;
    while (auto value = co_await lane.server.next<int>()) CHECK(*value == count++);
    CHECK(count == 1000);
}

ON_EVERY_TRANSPORT("drained comes when the peer has all and not before") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    co_await lane.client.drained();
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 100; ++i) lane.client.send(i);
        co_await lane.client.drained();
        CHECK(pair.at_client.stats().queued_bytes == 0);
        // All of it has arrived, so that none of it needs a wait.
        for (int i = 0; i < 100; ++i) {
            int value = -1;
            REQUIRE(lane.server.try_recv(value) == RecvStatus::ok);
            REQUIRE(value == i);
        }
    }
}

ON_EVERY_TRANSPORT("drained throws when messages with guarantee were given up") {
    for (const bool by_peer : {false, true}) {
        braid::Limits limits;
        limits.stream_receive_window_bytes = limits.stream_receive_window_bytes_max = 10'000;
        auto pair = co_await conformance::make_pair(transport, limits);
        auto lane = co_await make_lane(pair);
        for (int i = 0; i < 100; ++i) lane.client.send(Message{pattern(1'000)});
        co_await give_way();
        if (by_peer) lane.server.reset();
        if (!by_peer) lane.client.reset();
        auto error = co_await error_of(lane.client.drained());
        const auto why = lane.client.try_send(1);
        CHECK(error == why);
        error = co_await error_of(lane.client.drained());
        CHECK(error == why);
    }
}
