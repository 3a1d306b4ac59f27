#include "transport/udp/encounter.hpp"

#include "catch.hpp"
#include "transport/udp/gate_sample.hpp"
#include "transport/udp/link.hpp"
#include "transport/udp/link_pair.hpp"
#include "transport/udp/rendezvous.hpp"

#include <asio/error.hpp>

#include <memory>
#include <optional>
#include <string>

using namespace braid;
using namespace braid::test;
using namespace braid::transport;
using protocol::Hello;

TEST_CASE("two ends meet over UDP and exchange frames") {
    asio::io_context context;
    const std::string host = GENERATE("127.0.0.1", "[::1]", "localhost", "0.0.0.0", "[::]");
    const auto listener = listen(context, "udp://" + host + ":0");
    const auto port = listener->address().port();
    REQUIRE(port != 0);
    const std::string called = host == "0.0.0.0" ? "127.0.0.1" : host == "[::]" ? "[::1]" : host;

    auto transports = system_transports();
    Hello seen_by_dialler;
    Hello seen_by_listener;
    std::unique_ptr<Encounter> accepted;
    spawn(context, meet_accepting(*listener, accepted, &seen_by_listener));
    auto address = ConnectAddr{"udp://" + called + ":" + std::to_string(port)};
    const auto dialled = dial(context, transports, std::move(address));
    run(context, meet_dialling(*dialled, &seen_by_dialler));
    CHECK(seen_by_dialler == hello(2));
    CHECK(seen_by_listener == hello(1));
    CHECK(dialled->peer_host().empty());
    CHECK(accepted->peer_host().empty());
    CHECK(accepted->peer_address().starts_with(called == "[::1]" ? "udp://[::1]:" : "udp://127.0"));
    CHECK(dialled->peer_address() == "udp://" + called + ":" + std::to_string(port));

    Rendezvous::End left;
    Rendezvous::End right;
    left.connection = dialled->established();
    right.connection = accepted->established();
    left.source.push(payload(1'000, 1));
    run(context, left.write_all());
    run(context, right.read_messages(1));
    CHECK(right.messages() == std::vector<Bytes>{payload(1'000, 1)});
    right.source.push(payload(900, 2));
    run(context, right.write_all());
    run(context, left.read_messages(1));
    CHECK(left.messages() == std::vector<Bytes>{payload(900, 2)});
}

TEST_CASE("a refusal over UDP reaches the dialling side with its reason and text") {
    asio::io_context context;
    const auto listener = listen(context, "udp://127.0.0.1:0");
    const auto serve = [&]() -> asio::awaitable<void> {
        auto encounter = co_await listener->accept();
        const auto theirs = co_await encounter->receive_hello();
        protocol::Refusal refusal;
        refusal.reason = errc::handshake_application;
        refusal.text = "here runs \"go\"";
        co_await encounter->refuse(std::move(refusal));
    };
    spawn(context, serve());
    auto transports = system_transports();
    const auto encounter = dial(context, transports, connect_address(listener->address()));
    std::error_code error;
    std::string said;
    const auto meet = [&]() -> asio::awaitable<void> {
        error = co_await caught(meet_dialling(*encounter), &said);
    };
    run(context, meet());
    CHECK(error == errc::handshake_application);
    CHECK(said.find("here runs \"go\"") != std::string::npos);
}

TEST_CASE("who came with a cookie gets more than three times its handshake at once") {
    for (const bool proven : {false, true}) {
        asio::io_context context;
        const auto clock = std::make_shared<runtime::SystemClock>();
        const auto entropy = std::make_shared<runtime::SystemEntropy>();
        const auto bell = Doorbell::make(context.get_executor());
        const auto door = std::make_shared<UdpDoor>(proven ? always_cookies() : GateLimits{}, bell,
                                                    clock, *entropy);
        const auto socket =
            UdpSocket::open(context.get_executor(), {asio::ip::address_v4::loopback(), 0}, {});
        RawPeer peer{context};
        socket->set_strays(door);
        std::optional<crypto::Cookie> cookie;
        const auto knock = [&]() -> asio::awaitable<void> {
            const auto to = socket->endpoint();
            peer.socket.send_to(asio::buffer(encode_initial(1, {}, sample_message())), to);
            if (!proven) co_return;
            const auto retry = co_await peer.receive();
            cookie = decode_retry(HandshakeHead::decode(retry)->body);
            peer.answer(encode_initial(1, cookie, sample_message()));
        };
        run(context, knock());
        std::optional<UdpDoor::Guest> guest;
        context.restart();
        while (!(guest = door->next())) REQUIRE(context.run_one_for(std::chrono::seconds{20}) != 0);

        ScriptedSource source;
        for (int i = 0; i < 10; ++i) source.push(payload(1'000, 1));
        UdpEncounter encounter{context.get_executor(), socket, door,
                               std::move(*guest),      clock,  entropy};
        const auto meet = [&]() -> asio::awaitable<void> {
            const auto theirs = co_await encounter.receive_hello();
            Hello ours = hello(2);
            co_await encounter.send_hello(std::move(ours));
        };
        run(context, meet());
        auto connection = encounter.established();
        auto& link = static_cast<UdpLink&>(*connection.link);
        const auto sent = udp_test::bytes_sent(link, source, clock->now(), 100ms);
        CHECK((sent > 3 * packet_bytes_base) == proven);
        bell->take_down();
    }
}

TEST_CASE("an encounter over UDP that is closed goes no further") {
    asio::io_context context;
    const auto listener = listen(context, "udp://127.0.0.1:0");
    auto transports = system_transports();
    const auto dialled = dial(context, transports, connect_address(listener->address()));
    std::unique_ptr<Encounter> accepted;
    spawn(context, meet_accepting(*listener, accepted));
    run(context, meet_dialling(*dialled));
    dialled->close();
    dialled->close();
    std::error_code error;
    const auto hear = [&]() -> asio::awaitable<void> {
        const auto ignored = co_await dialled->receive_hello();
    };
    const auto meet = [&]() -> asio::awaitable<void> { error = co_await caught(hear()); };
    run(context, meet());
    CHECK(error == asio::error::operation_aborted);
    auto connection = dialled->established();
    CHECK(connection.link->failure() == asio::error::operation_aborted);
}

TEST_CASE("an io_context may go while a handshake over UDP waits") {
    auto context = std::make_unique<asio::io_context>();
    auto listener = listen(*context, "udp://127.0.0.1:0");
    const auto address = connect_address(listener->address());
    const auto accept = [](std::unique_ptr<Listener> from) -> asio::awaitable<void> {
        auto encounter = co_await from->accept();
        co_await encounter->receive_hello();
        co_await from->accept();
    };
    const auto call = [](ConnectAddr where) -> asio::awaitable<void> {
        auto transports = system_transports();
        auto encounter = co_await transports.dial(std::move(where));
        Hello ours = hello(1);
        co_await encounter->send_hello(std::move(ours));
    };
    spawn(*context, accept(std::move(listener)));
    spawn(*context, call(address));
    context->run_for(std::chrono::milliseconds{50});
    context.reset();
}
