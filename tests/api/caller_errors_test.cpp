// Mistakes of the caller: each has a name, and a text that says what to do.
#include "api/trial.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

using namespace trial;
using braid::errc;
using braid::Network;
using braid::Promises;

namespace {

/// What was thrown, as code and text.
class Mistake {
public:
    Mistake(std::error_code code_, std::string text_) : code{code_}, text{std::move(text_)} {}

    std::error_code code;
    std::string text;
};

template <typename T>
awaitable<Mistake> mistake(awaitable<T> operation) {
    try {
        co_await std::move(operation);
    } catch (const std::system_error& error) {
        co_return Mistake{error.code(), error.what()};
    }
    co_return Mistake{{}, "nothing was thrown"};
}

template <typename Function>
Mistake mistake_of(Function function) {
    try {
        function();
    } catch (const std::system_error& error) {
        return {error.code(), error.what()};
    }
    return {{}, "nothing was thrown"};
}

void expect(const Mistake& made, errc code, const std::vector<std::string>& words) {
    INFO(made.text);
    CHECK(made.code == code);
    for (const auto& word : words) CHECK(made.text.find(word) != std::string::npos);
}

}  // namespace

TEST_CASE("a priority that is none") {
    expect(mistake_of([] { braid::Priority{9}; }), errc::priority_invalid, {"0 to 7", "0 leaves"});
    expect(mistake_of([] { braid::Priority{-1}; }), errc::priority_invalid, {"0 to 7"});
}

TEST_CASE("a scheme that is unknown and an address that is none") {
    expect(mistake_of([] { braid::ConnectAddr{"http://example.org:80"}; }), errc::address_invalid,
           {"http://example.org:80", "tcp://", "write it like tcp://host:port"});
    expect(mistake_of([] { braid::ListenAddr{"tcp://127.0.0.1:99999"}; }), errc::address_invalid,
           {"99999", "0 to 65535"});
}

TEST_CASE("use after close") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        lane.client.finish();
        expect(mistake_of([&] { lane.client.send(1); }), errc::stream_closed, {"open a new one"});

        co_await pair.at_client.disconnect();
        auto made = co_await mistake(pair.at_client.open());
        expect(made, errc::participant_closed, {"connect again"});
        made = co_await mistake(pair.at_server.open());
        expect(made, errc::participant_disconnected, {"Participant::close_reason()"});
        expect(mistake_of([&] { lane.client.send(1); }), errc::participant_closed,
               {"connect again"});

        co_await pair.client.shutdown();
        made = co_await mistake(pair.client.connect("tcp://127.0.0.1:1"));
        expect(made, errc::network_closed, {"keep it alive"});
        made = co_await mistake(pair.client.connected());
        expect(made, errc::network_closed, {"keep it alive"});
    }());
}

TEST_CASE("a message that is too large") {
    run([]() -> awaitable<void> {
        braid::Limits small;
        small.message_bytes = 1000;
        auto pair = co_await make_pair(small);
        auto lane = co_await make_lane(pair);
        const std::string text(1000, 'a');
        expect(mistake_of([&] { lane.client.send(text); }), errc::message_too_large,
               {"Limits::message_bytes", "split it"});
        expect(mistake_of([&] { lane.server.send(text); }), errc::message_too_large,
               {"Limits::message_bytes"});
        lane.client.send("small");
        const auto received = co_await lane.server.recv<std::string>();
        CHECK(received == "small");
    }());
}

TEST_CASE("a second recv while one waits") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        std::optional<int> received;
        const auto receive = [&]() -> awaitable<void> {
            const auto value = co_await lane.server.recv<int>();
            received = value;
        };
        asio::co_spawn(co_await asio::this_coro::executor, receive(), asio::detached);
        co_await give_way();
        const auto made = co_await mistake(lane.server.recv<int>().as_awaitable());
        expect(made, errc::recv_pending, {"one coroutine"});
        lane.client.send(3);
        co_await until([&] { return received == 3; });
    }());
}

TEST_CASE("promises that cannot be kept together or at all") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        braid::StreamOptions options;
        options.latest_only = true;
        auto made = co_await mistake(pair.at_client.open(options));
        expect(made, errc::options_invalid, {"latest_only", "guaranteed_delivery"});
        options.latest_only = false;
        options.promises = Promises::none;
        options.time_to_live = -1ms;
        made = co_await mistake(pair.at_client.open(options));
        expect(made, errc::options_invalid, {"time_to_live"});
        options.time_to_live = 0ms;
        options.copies = std::uint8_t{braid::StreamOptions::copies_max + 1};
        made = co_await mistake(pair.at_client.open(options));
        expect(made, errc::options_invalid, {"copies_max"});
        options.copies = std::nullopt;
        for (const auto wait : {-1ms, 1ms, 51ms}) {
            options.promises = wait == 1ms ? Promises::none : Promises::ordered;
            options.reorder_wait = wait;
            made = co_await mistake(pair.at_client.open(options));
            expect(made, errc::options_invalid, {"reorder_wait"});
        }
        made = co_await mistake(pair.at_client.open(4, Promises::reliable | Promises::encrypted));
        expect(made, errc::encryption_unavailable, {"leave Promises::encrypted out"});
    }());
}

TEST_CASE("streams for a peer that takes none") {
    run([]() -> awaitable<void> {
        braid::Limits none;
        none.peer_streams = 0;
        auto pair = co_await make_pair(none);
        const auto made = co_await mistake(pair.at_client.open());
        expect(made, errc::too_many_streams, {"Limits::peer_streams"});
        auto stream = co_await pair.at_server.open();
        stream.send(1);
        auto there = co_await pair.at_client.opened();
        const auto value = co_await there.recv<int>();
        CHECK(value == 1);
    }());
}

TEST_CASE("limits that cannot be") {
    asio::io_context context;
    braid::Limits limits;
    limits.idle = 0ms;
    const auto make = [&] { Network{context.get_executor(), with(limits)}; };
    expect(mistake_of(make), errc::options_invalid, {"Limits::idle is 0 ms", "from 1 to"});
}

TEST_CASE("a deadline that never comes is none") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        Network server{executor, with({})};
        Network client{executor, with({})};
        auto listener = co_await server.listen("tcp://127.0.0.1:0");
        const auto address = to_string(listener.address());
        auto participant = co_await client.connect(address, std::chrono::nanoseconds::max());
        auto stream = co_await participant.open();
        stream.send(1);
        auto at_server = co_await server.connected();
        auto opened = co_await at_server.opened();
        const auto value = co_await opened.recv_for<int>(std::chrono::nanoseconds::max() - 1h);
        CHECK(value == 1);
        auto result = co_await participant.disconnect({}, std::chrono::nanoseconds::max());
        CHECK(result.all_delivered());
        const auto late = co_await error_of(client.connect("tcp://127.0.0.1:1", -1s));
        CHECK((late == errc::timed_out || late == asio::error::connection_refused));
    }());
}
