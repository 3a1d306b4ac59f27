#include "api/trial.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// The ways in which people write their calls. g++ 12 destroys some temporaries of a co_await
// expression twice (docs/compilers.md), so each shape here runs to its end and its values are
// checked; ./dev asan runs the same file at -O0 and at -O2 as well.

using namespace trial;
using braid::Promises;

namespace {

/// What g++ 12 leaves alone as a temporary of a co_await expression: see docs/compilers.md.
template <typename... T>
inline constexpr bool may_be_temporary = ((!std::is_aggregate_v<T> ||
                                           std::is_trivially_destructible_v<T>)&&...);

static_assert(may_be_temporary<braid::ConnectAddr, braid::ListenAddr, braid::CloseReason,
                               braid::NetworkOptions, braid::StreamOptions, braid::Limits,
                               braid::Pid, braid::Priority, braid::Promises, braid::Message>);
static_assert(may_be_temporary<braid::Network, braid::Participant, braid::Stream, braid::Listener,
                               braid::DisconnectResult, braid::DisconnectResult::Undelivered,
                               braid::ParticipantStats, braid::NetworkStats,
                               braid::Result<braid::Participant>, braid::Result<braid::Listener>>);
static_assert(!may_be_temporary<std::pair<int, int>, std::array<std::string, 2>>);

/// Long enough to live on the heap, where a second destruction is noticed.
const std::string long_text = "a text that no small string can hold, so that it is allocated";

/// g++ 12 awaits in a CHECK twice: it is a loop, whose head skips nothing.
template <typename T, typename Expected>
void is(const T& actual, const Expected& expected) {
    CHECK(actual == expected);
}

struct Chat {
    std::string author;
    std::vector<std::string> lines;
    std::map<std::string, int> votes;

    bool operator==(const Chat&) const = default;
};

Chat chat() { return {"Ada", {long_text, "short"}, {{long_text, 1}, {"no", 0}}}; }

/// A listening Network and the text of its address.
class Host {
public:
    Host(braid::Network network_, std::string address_)
        : network{std::move(network_)}, address{std::move(address_)} {}

    braid::Network network;
    std::string address;
};

awaitable<Host> make_host() {
    braid::Network network{co_await asio::this_coro::executor, with({})};
    auto listener = co_await network.listen("tcp://127.0.0.1:0");
    co_return Host{std::move(network), to_string(listener.address())};
}

awaitable<braid::Network> make_network() {
    co_return braid::Network{co_await asio::this_coro::executor, with({})};
}

}  // namespace

TEST_CASE("an address may be given as a literal, a string, a view, braces or an address") {
    run([]() -> awaitable<void> {
        auto network = co_await make_network();
        const std::string text = "tcp://127.0.0.1:0";
        std::vector<braid::Listener> listeners;
        listeners.push_back(co_await network.listen("tcp://127.0.0.1:0"));
        listeners.push_back(co_await network.listen({"tcp://127.0.0.1:0"}));
        listeners.push_back(co_await network.listen(text));
        listeners.push_back(co_await network.listen(std::string{"tcp://127.0.0.1:0"}));
        listeners.push_back(co_await network.listen(std::string_view{text}));
        listeners.push_back(co_await network.listen("tcp://" + std::string{"127.0.0.1"} + ":0"));
        listeners.push_back(co_await network.listen(braid::ListenAddr{text}));
        listeners.push_back(co_await network.listen(braid::ListenAddr::tcp("127.0.0.1", 0)));
        for (const auto& listener : listeners) {
            CHECK(listener.address().host() == "127.0.0.1");
            CHECK(listener.address().port() != 0);
        }
    }());
}

TEST_CASE("a connection may be asked for in as many ways") {
    run([]() -> awaitable<void> {
        auto host = co_await make_host();
        const auto port = braid::ConnectAddr{host.address}.port();
        const auto pid = host.network.pid();

        auto first = co_await make_network();
        auto participant = co_await first.connect(host.address);
        CHECK(participant.pid() == pid);
        auto second = co_await make_network();
        is((co_await second.connect(host.address.c_str(), 5s)).pid(), pid);
        auto third = co_await make_network();
        is((co_await third.connect({host.address})).pid(), pid);
        auto fourth = co_await make_network();
        participant =
            co_await fourth.connect("tcp://" + std::string{"127.0.0.1:"} + std::to_string(port));
        CHECK(participant.pid() == pid);
        auto fifth = co_await make_network();
        participant = co_await fifth.connect(braid::ConnectAddr::tcp("127.0.0.1", port), 5s);
        CHECK(participant.pid() == pid);
    }());
}

TEST_CASE("results are looked at in a condition, in place or by name") {
    run([]() -> awaitable<void> {
        auto host = co_await make_host();
        auto network = co_await make_network();
        if (auto listener = co_await network.try_listen("tcp://" + long_text + ":x")) {
            FAIL("listens on no address");
        } else {
            CHECK(listener.error() == braid::errc::address_invalid);
        }
        auto result = co_await network.try_connect({host.address});
        REQUIRE(result);
        CHECK(result->pid() == host.network.pid());
        auto participant = *std::move(result);
        auto stream = (co_await participant.try_open({.tag = 3})).value();
        CHECK(stream.options().tag == 3);
        is((co_await participant.try_open({.time_to_live = 1ms})).error(),
           braid::errc::options_invalid);
    }());
}

TEST_CASE("options may be named or numbered where a stream is opened") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto& participant = pair.at_client;
        auto plain = co_await participant.open();
        CHECK(plain.options().priority == 4);
        auto numbered = co_await participant.open(2, Promises::ordered | Promises::consistency, 0);
        CHECK(numbered.options().priority == 2);
        CHECK(numbered.options().promises == (Promises::ordered | Promises::consistency));
        auto named = co_await participant.open({.priority = 1, .tag = 7});
        CHECK(named.options().priority == 1);
        CHECK(named.options().promises == Promises::reliable);
        CHECK(named.options().tag == 7);
        auto typed = co_await participant.open(
            braid::StreamOptions{.promises = Promises::ordered, .time_to_live = 20ms});
        CHECK(typed.options().promises == Promises::ordered);
        CHECK(typed.options().time_to_live == 20ms);

        // The peer sees them in the same order.
        is((co_await pair.at_server.opened()).options().priority, 4);
        is((co_await pair.at_server.opened()).options().priority, 2);
        is((co_await pair.at_server.opened()).options().tag, 7u);
    }());
}

TEST_CASE("a reason may be given in braces, with a text that is allocated") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto result = co_await pair.at_client.disconnect({3, "bye " + long_text});
        CHECK(result.all_delivered());
        const auto reason = [&] { return pair.at_server.close_reason(); };
        co_await until([&] { return reason().has_value(); });
        CHECK(reason()->code() == 3);
        CHECK(reason()->text() == "bye " + long_text);
    }());
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        is((co_await pair.at_client.disconnect({3, "bye"}, 5s)).all_delivered(), true);
        is((co_await pair.at_server.disconnect(braid::CloseReason{4})).all_delivered(), true);
        co_await pair.server.shutdown(5s);
        co_await pair.client.shutdown();
    }());
}

TEST_CASE("texts of all types arrive as std::string") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        char buffer[32] = "buffer";  // NOLINT: people have them
        lane.client.send("text");
        lane.client.send(std::string_view{"a view"});
        lane.client.send(std::string{"a string " + long_text});
        lane.client.send(static_cast<const char*>("a pointer"));
        lane.client.send(buffer);
        lane.client.send("");
        is(co_await lane.server.recv<std::string>(), "text");
        is(co_await lane.server.recv<std::string>(), "a view");
        is(co_await lane.server.recv<std::string>(), "a string " + long_text);
        is(co_await lane.server.recv<std::string>(), "a pointer");
        is(co_await lane.server.recv<std::string>(), "buffer");
        is((co_await lane.server.recv<std::string>()).empty(), true);
    }());
    const auto text = braid::Message::pack("text");
    const auto string = braid::Message::pack(std::string{"text"});
    CHECK(std::equal(text.bytes().begin(), text.bytes().end(), string.bytes().begin(),
                     string.bytes().end()));
    CHECK(text.size() == 8 + 4);
}

TEST_CASE("a plain struct with strings may be sent as a temporary and received in place") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        lane.client.send(Chat{"Ada", {long_text, "short"}, {{long_text, 1}, {"no", 0}}});
        lane.client.send(chat());
        CHECK(!lane.client.try_send(Chat{.author = "Ada", .lines = {}, .votes = {}}));
        lane.client.send(std::pair{long_text, 2});
        lane.client.send(std::tuple{1, long_text, std::optional{long_text}});
        lane.client.send(std::vector<std::string>{long_text, "b"});

        auto named = co_await lane.server.recv<Chat>();
        CHECK(named == chat());
        is((co_await lane.server.recv<Chat>()).lines.at(0), long_text);
        is((co_await lane.server.recv<Chat>()).author, "Ada");
        const auto [text, number] = co_await lane.server.recv<std::pair<std::string, int>>();
        CHECK(text == long_text);
        CHECK(number == 2);
        using Three = std::tuple<int, std::string, std::optional<std::string>>;
        auto [one, two, three] = co_await lane.server.recv<Three>();
        CHECK(one == 1);
        CHECK(two == long_text);
        CHECK(three == long_text);
        std::string joined;
        for (const auto& item : co_await lane.server.recv<std::vector<std::string>>()) {
            joined += item;
        }
        CHECK(joined == long_text + "b");
    }());
}

TEST_CASE("loops and conditions may take the next message in their head") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        for (int i = 0; i < 6; ++i) lane.client.send(long_text + std::to_string(i));
        lane.client.finish();
        int count = 0;
        if (auto message = co_await lane.server.next<std::string>()) {
            CHECK(*message == long_text + std::to_string(count++));
        }
        if (auto message = co_await lane.server.recv_for<std::string>(5s); message.has_value()) {
            CHECK(*message == long_text + std::to_string(count++));
        }
        for (int i = 0; i < 2; ++i) {
            is(co_await lane.server.recv<std::string>(), long_text + std::to_string(count++));
        }
        while (auto message = co_await lane.server.next<std::string>()) {
            CHECK(*message == long_text + std::to_string(count++));
        }
        CHECK(count == 6);
        for (auto message = co_await lane.server.next<std::string>(); message;
             message = co_await lane.server.next<std::string>()) {
            FAIL("after the end");
        }
    }());
}

namespace {

awaitable<std::string> ask(braid::Stream& stream, std::string question) {
    stream.send(question);
    co_return co_await stream.recv<std::string>();
}

awaitable<std::optional<std::string>> ask_politely(braid::Stream& stream, std::string question) {
    stream.send(question);
    co_return co_await stream.next<std::string>();
}

awaitable<braid::Stream> open_one(braid::Participant& participant) {
    co_return co_await participant.open({.priority = 3, .tag = 9});
}

awaitable<void> echo(braid::Stream stream) {
    while (auto message = co_await stream.next<std::string>()) stream.send(*message + "!");
}

}  // namespace

TEST_CASE("what is awaited may be returned at once") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto stream = co_await open_one(pair.at_client);
        CHECK(stream.options().tag == 9);
        braid::spawn(co_await asio::this_coro::executor, echo(co_await pair.at_server.opened()));
        is(co_await ask(stream, long_text), long_text + "!");
        is(co_await ask(stream, "a" + long_text), "a" + long_text + "!");
        is(co_await ask_politely(stream, long_text), long_text + "!");
        const auto both = co_await ask(stream, "a") + co_await ask(stream, "b");
        CHECK(both == "a!b!");
    }());
}

TEST_CASE("choices may be made of what has no destructor, and with if") {
    run([](const char* given) -> awaitable<void> {
        auto host = co_await make_host();
        auto network = co_await make_network();
        const char* const address = host.address.c_str();
        auto participant = co_await network.connect(given != nullptr ? given : address);
        is(participant.pid(), host.network.pid());
        const bool urgent = given == nullptr;
        auto stream = co_await participant.open(urgent ? 1 : 6);
        is(stream.options().priority, 1);
        auto at_host = co_await host.network.connected();
        auto opened = co_await at_host.opened();
        stream.send(long_text);
        if (urgent && co_await opened.recv<std::string>() == long_text) stream.send(2);
        const int number = urgent ? co_await opened.recv<int>() : 0;
        is(number, 2);
        stream.send(long_text);
        std::string text = "none";
        if (urgent) text = co_await opened.recv<std::string>();
        is(text, long_text);
    }(nullptr));
}

TEST_CASE("lambdas may be coroutines, if what they capture is a reference or trivial") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        const auto receive = [&]() -> awaitable<std::string> {
            co_return co_await lane.server.recv<std::string>();
        };
        lane.client.send(long_text);
        is(co_await receive(), long_text);
        lane.client.send(long_text);
        is(
            co_await [&]() -> awaitable<std::string> {
                co_return co_await lane.server.recv<std::string>();
            }(),
            long_text);
        lane.client.send(long_text + "c");
        is(
            co_await [](braid::Stream& stream, std::string suffix) -> awaitable<std::string> {
                co_return co_await stream.recv<std::string>() + suffix;
            }(lane.server, long_text),
            long_text + "c" + long_text);
    }());
}

TEST_CASE("handles may be kept in whatever holds them") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        std::vector<braid::Stream> streams;
        streams.push_back(co_await pair.at_client.open());
        streams.push_back(co_await pair.at_client.open({.tag = 1}));
        std::map<std::string, braid::Stream> by_name;
        by_name.emplace(long_text, co_await pair.at_client.open({.tag = 2}));
        auto shared = std::make_shared<braid::Stream>(co_await pair.at_client.open({.tag = 3}));
        std::optional<braid::Stream> maybe;
        maybe = co_await pair.at_client.open({.tag = 4});
        streams.front() = co_await pair.at_client.open({.tag = 5});
        std::swap(streams.front(), *shared);
        CHECK(streams.front().options().tag == 3);
        CHECK(shared->options().tag == 5);
        CHECK(by_name.at(long_text).options().tag == 2);
        CHECK(maybe->options().tag == 4);
        auto moved = std::move(*maybe);
        moved.send(std::string{long_text});
        for (int i = 0; i < 6; ++i) {
            auto opened = co_await pair.at_server.opened();
            if (opened.options().tag != 4) continue;
            is(co_await opened.recv<std::string>(), long_text);
        }
    }());
}
