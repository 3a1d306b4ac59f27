// What a caller does wrong has a name, and the text tells what to do.

#include "conformance/harness.hpp"

#include <exception>
#include <optional>
#include <string_view>
#include <utility>

using namespace conformance;
using braid::errc;
using braid::Message;
using braid::Promises;

namespace {

/// What is thrown, caught as T, which fails if it is of another type.
template <typename T, typename Function>
std::string text_of(errc code, Function function) {
    try {
        function();
    } catch (const T& error) {
        CHECK(error.code() == code);
        return error.what();
    }
    FAIL("nothing was thrown");
    return {};
}

template <typename Exception, typename T>
awaitable<std::string> text_of(errc code, awaitable<T> operation) {
    std::string text;
    try {
        co_await std::move(operation);
    } catch (const Exception& error) {
        CHECK(error.code() == code);
        text = error.what();
    }
    CHECK_FALSE(text.empty());
    co_return text;
}

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace

ON_EVERY_TRANSPORT("a priority that is none is refused where it is made") {
    auto pair = co_await conformance::make_pair(transport);
    for (const int level : {-1, 8, 9, 255, 256}) {
        const auto text = text_of<braid::StreamError>(errc::priority_invalid,
                                                      [&] { (void)pair.at_client.open(level); });
        CHECK(has(text, "0 leaves first, 7 last"));
    }
    for (const int level : {0, 7}) {
        auto stream = co_await pair.at_client.open(level);
        CHECK(stream.options().priority.level() == level);
    }
}

ON_EVERY_TRANSPORT("options that contradict each other are refused") {
    auto pair = co_await conformance::make_pair(transport);
    braid::StreamOptions latest;
    latest.latest_only = true;
    auto text = co_await text_of<braid::ParticipantError>(errc::options_invalid,
                                                          pair.at_client.open(latest));
    CHECK(has(text, "guaranteed_delivery"));
    braid::StreamOptions fading;
    fading.time_to_live = 1s;
    text = co_await text_of<braid::ParticipantError>(errc::options_invalid,
                                                     pair.at_client.open(fading));
    CHECK(has(text, "guaranteed_delivery"));
    auto backwards = promising(Promises::ordered);
    backwards.time_to_live = -1ms;
    const auto error = co_await error_of(pair.at_client.open(backwards));
    CHECK(error == errc::options_invalid);
    CHECK(pair.at_client.stats().streams == 0);
}

ON_EVERY_TRANSPORT("a stream that cannot be encrypted is refused with what to do") {
    if (transport.encrypted) co_return;
    auto pair = co_await conformance::make_pair(transport);
    const auto text = co_await text_of<braid::ParticipantError>(
        errc::encryption_unavailable,
        pair.at_client.open(4, Promises::reliable | Promises::encrypted));
    CHECK(has(text, "leave Promises::encrypted out"));
    CHECK_FALSE(pair.at_server.try_opened());
}

ON_EVERY_TRANSPORT("a second receiver is turned away and the first one goes on") {
    auto pair = co_await conformance::make_pair(transport);
    auto lane = co_await make_lane(pair);
    std::optional<int> received;
    const auto receive = [&]() -> awaitable<void> {
        const auto value = co_await lane.server.recv<int>();
        received = value;
    };
    Aside first{co_await asio::this_coro::executor, receive()};
    co_await give_way();
    const auto text = co_await text_of<braid::StreamError>(errc::recv_pending,
                                                           lane.server.recv<int>().as_awaitable());
    CHECK(has(text, "let one coroutine receive"));
    auto error = co_await error_of(lane.server.next<int>().as_awaitable());
    CHECK(error == errc::recv_pending);
    error = co_await error_of(lane.server.recv_for<int>(1s));
    CHECK(error == errc::recv_pending);
    lane.client.send(3);
    co_await first.joined();
    CHECK(received == 3);
    lane.client.send(4);
    co_await expect_numbers(lane.server, 4, 5);
}

ON_EVERY_TRANSPORT("a message that is too large is refused with what to do") {
    braid::Limits limits;
    limits.message_bytes = 1'000;
    auto pair = co_await conformance::make_pair(transport, {}, limits);
    auto lane = co_await make_lane(pair);
    const Message message{pattern(1'001)};
    const auto text =
        text_of<braid::StreamError>(errc::message_too_large, [&] { lane.client.send(message); });
    CHECK(has(text, "Limits::message_bytes"));
    CHECK(has(text, "split it"));
    CHECK(lane.client.try_send(std::string(1'001, 'x')) == errc::message_too_large);
    lane.client.send(Message{pattern(1'000)});
    const auto received = co_await lane.server.recv<Message>();
    CHECK(received.size() == 1'000);
}

ON_EVERY_TRANSPORT("what is used after its end says which end it was") {
    auto pair = co_await conformance::make_pair(transport);
    auto finished = co_await make_lane(pair);
    finished.client.finish();
    auto text = text_of<braid::StreamError>(errc::stream_closed, [&] { finished.client.send(1); });
    CHECK(has(text, "open a new one"));
    finished.client.finish();
    auto reset = co_await make_lane(pair);
    reset.client.reset();
    CHECK(reset.client.try_send(1) == errc::stream_closed);
    auto left = co_await make_lane(pair);
    co_await pair.at_client.disconnect();
    text = text_of<braid::StreamError>(errc::participant_closed, [&] { left.client.send(1); });
    CHECK(has(text, "connect again"));
    text =
        co_await text_of<braid::ParticipantError>(errc::participant_closed, pair.at_client.open());
    CHECK(has(text, "connect again"));
    text = co_await text_of<braid::StreamError>(errc::participant_closed,
                                                left.client.writable(1u << 20));
    CHECK(has(text, "connect again"));
}

ON_EVERY_TRANSPORT("a network that was shut down says so at every call") {
    auto pair = co_await conformance::make_pair(transport);
    co_await pair.client.shutdown();
    auto text = co_await text_of<braid::NetworkError>(errc::network_closed,
                                                      pair.client.listen(transport.free_address));
    CHECK(has(text, "keep it alive"));
    text = co_await text_of<braid::NetworkError>(errc::network_closed, pair.client.connected());
    CHECK(has(text, "keep it alive"));
    auto listener = co_await pair.server.listen(transport.free_address);
    text = co_await text_of<braid::NetworkError>(
        errc::network_closed, pair.client.connect(to_string(listener.address())));
    CHECK(has(text, "keep it alive"));
    CHECK_FALSE(pair.client.try_connected());
    co_await pair.client.shutdown();
}

ON_EVERY_TRANSPORT("where nobody listens a connect fails and names the address") {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network network{executor, quiet()};
    std::string address;
    {
        braid::Network gone{executor, quiet()};
        auto listener = co_await gone.listen(transport.free_address);
        address = to_string(listener.address());
        listener.stop();
        co_await give_way();
    }
    auto server = co_await network.try_connect(address);
    CHECK_FALSE(server);
#ifdef BRAID_PORTABLE_IO
    // Asio alone does not tell what ICMP reports.
    const bool told = address.rfind("udp", 0) != 0;
#else
    const bool told = true;
#endif
    CHECK((told ? is_system_error(server.error(), std::errc::connection_refused)
                : server.error() == errc::handshake_timeout));
    CHECK(has(server.text(), address));
}

ON_EVERY_TRANSPORT("an address that is taken cannot be listened at twice") {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network first{executor, quiet()};
    braid::Network second{executor, quiet()};
    auto listener = co_await first.listen(transport.free_address);
    for (auto* const network : {&first, &second}) {
        auto taken = co_await network->try_listen(to_string(listener.address()));
        CHECK_FALSE(taken);
        CHECK(is_system_error(taken.error(), std::errc::address_in_use));
        CHECK(has(taken.text(), to_string(listener.address())));
    }
    auto participant = co_await second.connect(to_string(listener.address()));
    CHECK(participant.pid() == first.pid());
}

ON_EVERY_TRANSPORT("two applications that differ do not talk and name both") {
    const auto executor = co_await asio::this_coro::executor;
    const auto named = [](const char* name, const char* version) {
        return quiet().application(name, version);
    };
    braid::Network server{executor, named("chess", "3")};
    auto listener = co_await server.listen(transport.free_address);
    const auto address = to_string(listener.address());
    braid::Network draughts{executor, named("draughts", "3")};
    auto text = co_await text_of<braid::HandshakeError>(errc::handshake_application,
                                                        draughts.connect(address));
    CHECK(has(text, "chess"));
    CHECK(has(text, "draughts"));
    braid::Network older{executor, named("chess", "2")};
    text = co_await text_of<braid::HandshakeError>(errc::handshake_application,
                                                   older.connect(address));
    CHECK(has(text, "2"));
    CHECK(has(text, "3"));
    CHECK(server.stats().handshakes_refused == 2);
    braid::Network same{executor, named("chess", "3")};
    auto participant = co_await same.connect(address);
    CHECK(participant.pid() == server.pid());
}

ON_EVERY_TRANSPORT("the twins that return errors throw none") {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network server{executor, quiet()};
    braid::Network client{executor, quiet()};
    auto listener = co_await server.try_listen(transport.free_address);
    REQUIRE(listener);
    auto nonsense = co_await client.try_connect("carrier-pigeon://loft");
    CHECK_FALSE(nonsense);
    CHECK(nonsense.error() == errc::address_invalid);
    CHECK(has(nonsense.text(), "carrier-pigeon"));
    CHECK(has(nonsense.text(), "tcp://host:port"));
    auto at_client = co_await client.try_connect(to_string(listener->address()));
    REQUIRE(at_client);
    CHECK_FALSE(at_client.error());
    CHECK(at_client.text().empty());
    auto stream = co_await at_client->try_open();
    REQUIRE(stream);
    stream->send(1);
    braid::StreamOptions latest;
    latest.latest_only = true;
    auto refused = co_await at_client->try_open(latest);
    CHECK(refused.error() == errc::options_invalid);
    CHECK(thrown_by([&] { (void)std::move(refused).value(); }) == errc::options_invalid);
    auto again = co_await client.try_connect(to_string(listener->address()));
    CHECK(again.error() == errc::already_connected);
    co_await at_client->disconnect();
    auto late = co_await at_client->try_open();
    CHECK(late.error() == errc::participant_closed);
}
