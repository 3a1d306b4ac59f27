#include "transport/tcp/dial.hpp"

#include "catch.hpp"
#include "transport/loopback.hpp"
#include "transport/scripted.hpp"
#include "transport/strand_executor.hpp"
#include "transport/tcp/encounter.hpp"
#include "transport/tcp/listener.hpp"
#include "transport/transport.hpp"

#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

using namespace braid;
using namespace braid::test;
using namespace braid::transport;
using asio::ip::tcp;
using protocol::HandshakeSide;
using protocol::Hello;

namespace {

Hello hello(unsigned letter) {
    Hello result;
    result.pid = Pid::numbered(letter);
    result.application_name = "test";
    result.idle_ms = 15'000;
    return result;
}

ConnectAddr to(const tcp::endpoint& endpoint) {
    return ConnectAddr::tcp(endpoint.address().to_string(), endpoint.port());
}

ConnectAddr to(const ListenAddr& address) {
    return ConnectAddr::tcp(address.host(), address.port());
}

/// What a coroutine threw, if anything.
asio::awaitable<std::error_code> caught(asio::awaitable<void> what, std::string* text = nullptr) {
    try {
        co_await std::move(what);
    } catch (const std::system_error& error) {
        if (text != nullptr) *text = error.what();
        co_return error.code();
    }
    co_return std::error_code{};
}

asio::awaitable<void> meet_dialling(Encounter& encounter, Hello ours, Hello& theirs) {
    co_await encounter.send_hello(std::move(ours));
    theirs = co_await encounter.receive_hello();
}

asio::awaitable<void> meet_dialling(Encounter& encounter) {
    Hello ours = hello(1);
    Hello theirs;
    co_await meet_dialling(encounter, std::move(ours), theirs);
}

asio::awaitable<void> hear(Encounter& encounter, Hello& theirs) {
    theirs = co_await encounter.receive_hello();
}

asio::awaitable<void> accept_and_meet(Listener& listener, std::unique_ptr<Encounter>& encounter,
                                      Hello& theirs) {
    encounter = co_await listener.accept();
    theirs = co_await encounter->receive_hello();
    Hello ours = hello(2);
    co_await encounter->send_hello(std::move(ours));
}

void spawn(asio::io_context& context, asio::awaitable<void> what) {
    asio::co_spawn(context, std::move(what), asio::detached);
}

/// A peer that is no braid: takes one connection and does as told.
struct RawListener {
    explicit RawListener(asio::io_context& context)
        : acceptor{context, tcp::endpoint{asio::ip::address_v4::loopback(), 0}}, socket{context} {}

    ConnectAddr address() const { return to(acceptor.local_endpoint()); }

    /// Accepts, reads `read_bytes`, says `answer`, closes.
    asio::awaitable<void> serve(std::size_t read_bytes, Bytes answer) {
        socket = co_await acceptor.async_accept(asio::use_awaitable);
        Bytes heard(read_bytes);
        co_await asio::async_read(socket, asio::buffer(heard), asio::use_awaitable);
        co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
        socket.close();
    }

    tcp::acceptor acceptor;
    tcp::socket socket;
};

Bytes text(std::string_view letters) {
    Bytes result(letters.size());
    std::transform(letters.begin(), letters.end(), result.begin(),
                   [](char letter) { return static_cast<std::byte>(letter); });
    return result;
}

/// The dialling side's error against a peer that answers so.
std::error_code dial_raw(std::size_t read_bytes, Bytes answer, std::string* said = nullptr) {
    asio::io_context context;
    RawListener peer{context};
    spawn(context, peer.serve(read_bytes, std::move(answer)));
    TcpEncounter encounter{context.get_executor(), peer.address()};
    std::error_code error;
    const auto meet = [&]() -> asio::awaitable<void> {
        error = co_await caught(meet_dialling(encounter), said);
    };
    run(context, meet());
    return error;
}

/// The accepting side's error against a peer that says so, and what it answers.
std::error_code knock_raw(const Bytes& words, Bytes* answer = nullptr) {
    asio::io_context context;
    const auto listener = listen(context, "tcp://127.0.0.1:0");
    tcp::socket socket{context};
    socket.connect(
        {asio::ip::make_address(listener->address().host()), listener->address().port()});
    asio::write(socket, asio::buffer(words));
    socket.shutdown(tcp::socket::shutdown_send);
    std::error_code error;
    const auto meet = [&]() -> asio::awaitable<void> {
        auto encounter = co_await listener->accept();
        Hello theirs;
        error = co_await caught(hear(*encounter, theirs));
    };
    run(context, meet());
    if (answer != nullptr) {
        std::error_code end;
        asio::read(socket, asio::dynamic_buffer(*answer), end);
        CHECK(end == asio::error::eof);
    }
    return error;
}

std::size_t hello_bytes() { return encode_hello(hello(1), HandshakeSide::dialling).size(); }

}  // namespace

TEST_CASE("two ends meet over TCP and exchange frames") {
    asio::io_context context;
    const std::string host = GENERATE("127.0.0.1", "[::1]", "localhost");
    const auto listener = listen(context, "tcp://" + host + ":0");
    REQUIRE(listener->address().port() != 0);

    auto transports = system_transports();
    std::unique_ptr<Encounter> dialled;
    std::unique_ptr<Encounter> accepted;
    Hello seen_by_dialler;
    Hello seen_by_listener;
    spawn(context, accept_and_meet(*listener, accepted, seen_by_listener));
    const auto dial = [&]() -> asio::awaitable<void> {
        auto address = ConnectAddr::tcp(host == "[::1]" ? "::1" : host, listener->address().port());
        dialled = co_await transports.dial(std::move(address));
        Hello ours = hello(1);
        co_await meet_dialling(*dialled, std::move(ours), seen_by_dialler);
    };
    run(context, dial());
    CHECK(seen_by_dialler == hello(2));
    CHECK(seen_by_listener == hello(1));
    CHECK(dialled->peer_host().empty());
    CHECK(accepted->peer_host().empty());
    CHECK(accepted->peer_address().starts_with(host == "[::1]" ? "tcp://[::1]:" : "tcp://127.0"));
    CHECK(dialled->peer_address() ==
          "tcp://" + host + ":" + std::to_string(listener->address().port()));

    auto left = dialled->established();
    auto right = accepted->established();
    ScriptedSource source;
    ScriptedSink sink;
    source.push(payload(1000, 1));
    left.link->fill(source, protocol::Time{});
    const auto exchange = [&]() -> asio::awaitable<void> {
        co_await left.driver->write();
        while (sink.frames == 0) {
            co_await right.driver->read();
            right.link->drain(sink, protocol::Time{});
        }
    };
    run(context, exchange());
    CHECK(sink.messages.front() == payload(1000, 1));
}

TEST_CASE("frames that come with the hello go to the link") {
    asio::io_context context;
    RawListener peer{context};
    auto answer = encode_hello(hello(2), HandshakeSide::accepting);
    for (const auto byte : {0x92, 3, 7, 8, 9, 0x92}) answer.push_back(static_cast<std::byte>(byte));
    spawn(context, peer.serve(hello_bytes(), std::move(answer)));
    TcpEncounter encounter{context.get_executor(), peer.address()};
    run(context, meet_dialling(encounter));
    auto connection = encounter.established();
    ScriptedSink sink;
    run(context, connection.driver->read());
    connection.link->drain(sink, protocol::Time{});
    REQUIRE(sink.frames == 1);
    CHECK(sink.messages.front() == Bytes{std::byte{7}, std::byte{8}, std::byte{9}});
    run(context, connection.driver->read());
    CHECK(connection.link->failure() == errc::participant_lost);
}

TEST_CASE("a refusal reaches the dialling side with its reason and text") {
    asio::io_context context;
    const auto listener = listen(context, "tcp://127.0.0.1:0");
    const auto serve = [&]() -> asio::awaitable<void> {
        auto encounter = co_await listener->accept();
        const auto theirs = co_await encounter->receive_hello();
        protocol::Refusal refusal;
        refusal.reason = errc::handshake_application;
        refusal.text = "here runs \"go\"";
        co_await encounter->refuse(std::move(refusal));
    };
    spawn(context, serve());
    TcpEncounter encounter{context.get_executor(), to(listener->address())};
    std::error_code error;
    std::string said;
    const auto meet = [&]() -> asio::awaitable<void> {
        error = co_await caught(meet_dialling(encounter), &said);
    };
    run(context, meet());
    CHECK(error == errc::handshake_application);
    CHECK(said.find("here runs \"go\"") != std::string::npos);
}

TEST_CASE("a dialling side recognises who answers wrongly") {
    CHECK(dial_raw(0, text("HTTP/1.1 400 Bad Request")) == errc::handshake_not_braid);
    CHECK(dial_raw(hello_bytes(), text("SSH-2.0-OpenSSH")) == errc::handshake_not_braid);
    CHECK(dial_raw(hello_bytes(), {}) == errc::handshake_not_braid);
    CHECK(dial_raw(hello_bytes(), text("BRAID\x02")) == errc::handshake_malformed);
    CHECK(dial_raw(hello_bytes(), encode_hello(hello(1), HandshakeSide::dialling)) ==
          errc::handshake_not_braid);
    const protocol::WireVersion spoken[] = {{9, 0}};
    std::string said;
    CHECK(dial_raw(hello_bytes(), protocol::encode_versions(spoken), &said) ==
          errc::handshake_version);
    CHECK(said.find("9.0") != std::string::npos);
}

TEST_CASE("a peer that closes at any point of its hello is an error, not a hang") {
    const auto whole = encode_hello(hello(2), HandshakeSide::accepting);
    for (std::size_t size = 0; size < whole.size(); size += 5) {
        const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        REQUIRE(dial_raw(hello_bytes(), part).category() == category());
        REQUIRE(knock_raw(part).category() == category());
    }
}

TEST_CASE("an accepting side answers only who speaks braid") {
    Bytes answer;
    SECTION("garbage") {
        CHECK(knock_raw(text("GET / HTTP/1.1\r\n\r\n"), &answer) == errc::handshake_not_braid);
        CHECK(answer.empty());
    }
    SECTION("another version") {
        const auto words = encode_hello(hello(1), HandshakeSide::dialling, {9, 1});
        CHECK(knock_raw(words, &answer) == errc::handshake_version);
        const protocol::WireVersion spoken[] = {{1, 0}};
        CHECK(answer == protocol::encode_versions(spoken));
    }
    SECTION("another security") {
        auto words = encode_hello(hello(1), HandshakeSide::dialling);
        words[8] = std::byte{2};
        CHECK(knock_raw(words, &answer) == errc::handshake_security);
        std::span<const std::byte> rest{answer};
        protocol::HandshakeReader reader{HandshakeSide::accepting};
        CHECK(reader.read(rest) == protocol::HandshakeStatus::refused);
        CHECK(reader.refusal().reason == errc::handshake_security);
    }
}

TEST_CASE("garbage after the handshake fails the link, not the process") {
    asio::io_context context;
    RawListener peer{context};
    auto answer = encode_hello(hello(2), HandshakeSide::accepting);
    answer.insert(answer.end(), 1000, std::byte{0x7f});
    spawn(context, peer.serve(hello_bytes(), std::move(answer)));
    TcpEncounter encounter{context.get_executor(), peer.address()};
    run(context, meet_dialling(encounter));
    auto connection = encounter.established();
    ScriptedSink sink;
    run(context, connection.driver->read());
    connection.link->drain(sink, protocol::Time{});
    CHECK(connection.link->failure() == errc::frame_malformed);
}

TEST_CASE("close() ends the wait for a peer that says half a hello and no more") {
    asio::io_context context;
    const auto listener = listen(context, "tcp://127.0.0.1:0");
    tcp::socket socket{context};
    socket.connect(
        {asio::ip::make_address(listener->address().host()), listener->address().port()});
    asio::write(socket, asio::buffer(std::string_view{"BRAID\x01\x01"}));
    std::unique_ptr<Encounter> encounter;
    std::error_code error;
    const auto meet = [&]() -> asio::awaitable<void> {
        encounter = co_await listener->accept();
        asio::post(context, [&] { encounter->close(); });
        Hello theirs;
        error = co_await caught(hear(*encounter, theirs));
    };
    run(context, meet());
    CHECK(error == asio::error::operation_aborted);
    encounter->close();
    const auto again = [&]() -> asio::awaitable<void> {
        Hello theirs;
        error = co_await caught(hear(*encounter, theirs));
    };
    error.clear();
    run(context, again());
    CHECK(error == asio::error::operation_aborted);
}

TEST_CASE("nobody listening is the system's error") {
    asio::io_context context;
    tcp::endpoint endpoint;
    {
        RawListener gone{context};
        endpoint = gone.acceptor.local_endpoint();
    }
    TcpEncounter encounter{context.get_executor(), to(endpoint)};
    std::error_code error;
    std::string said;
    const auto meet = [&]() -> asio::awaitable<void> {
        error = co_await caught(meet_dialling(encounter), &said);
    };
    run(context, meet());
    CHECK(error == asio::error::connection_refused);
    CHECK(said.find(std::to_string(endpoint.port())) != std::string::npos);
}

TEST_CASE("a name that does not exist is the resolver's error") {
    asio::io_context context;
    TcpEncounter encounter{context.get_executor(), ConnectAddr::tcp("no-such-host.invalid", 1)};
    std::error_code error;
    const auto meet = [&]() -> asio::awaitable<void> {
        error = co_await caught(meet_dialling(encounter));
    };
    run(context, meet());
    CHECK(error);
    CHECK(error.category() == asio::error::get_netdb_category());
}

TEST_CASE("close() ends a look-up at once") {
    asio::io_context context;
    TcpEncounter encounter{context.get_executor(), ConnectAddr::tcp("localhost", 1)};
    asio::post(context, [&] { encounter.close(); });
    std::error_code error;
    const auto meet = [&]() -> asio::awaitable<void> {
        error = co_await caught(meet_dialling(encounter));
    };
    run(context, meet());
    CHECK(error == asio::error::operation_aborted);
}

#if defined(__linux__)
TEST_CASE("a connect that nobody answers holds up no other, and close() ends it") {
    asio::io_context context;
    tcp::acceptor full{context};
    full.open(tcp::v4());
    full.bind({asio::ip::address_v4::loopback(), 0});
    full.listen(0);
    // As many as the backlog takes; what comes later is left without an answer.
    std::vector<tcp::socket> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.emplace_back(context);
        waiting.back().async_connect(full.local_endpoint(), [](std::error_code) {});
    }
    context.poll();

    TcpEncounter stuck{context.get_executor(), to(full.local_endpoint())};
    std::error_code error;
    bool ended = false;
    const auto wait = [&]() -> asio::awaitable<void> {
        error = co_await caught(meet_dialling(stuck));
        ended = true;
    };
    spawn(context, wait());

    const auto listener = listen(context, "tcp://127.0.0.1:0");
    std::unique_ptr<Encounter> accepted;
    Hello theirs;
    spawn(context, accept_and_meet(*listener, accepted, theirs));
    TcpEncounter other{context.get_executor(), to(listener->address())};
    run(context, meet_dialling(other));
    CHECK_FALSE(ended);

    SECTION("close()") {
        stuck.close();
        context.restart();
        while (!ended) REQUIRE(context.run_one_for(std::chrono::seconds{20}) != 0);
        CHECK(error == asio::error::operation_aborted);
    }
    SECTION("or the io_context goes") {}
}

TEST_CASE("a listener waits for files to come free, without spinning") {
    asio::io_context context;
    const auto listener = listen(context, "tcp://127.0.0.1:0");
    tcp::socket client{context};
    client.connect(
        {asio::ip::make_address(listener->address().host()), listener->address().port()});

    // A sanitizer that sees a type for the first time opens a pipe to look at it.
    const std::error_code full{EMFILE, asio::error::get_system_category()};
    REQUIRE(full == asio::error::no_descriptors);
    REQUIRE(strand_over(beneath(context.get_executor())) != asio::any_io_executor{});

    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const int next = ::dup(0);
    ::close(next);
    auto none = before;
    none.rlim_cur = static_cast<rlim_t>(next);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);

    std::unique_ptr<Encounter> accepted;
    const auto accept = [&]() -> asio::awaitable<void> { accepted = co_await listener->accept(); };
    spawn(context, accept());
    context.restart();
    const auto handlers = context.run_for(std::chrono::milliseconds{200});
    const bool waited = accepted == nullptr;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(waited);
    CHECK(handlers < 30);
    context.restart();
    while (accepted == nullptr) REQUIRE(context.run_one_for(std::chrono::seconds{20}) != 0);
}
#endif

TEST_CASE("close() ends a listener's accept()") {
    asio::io_context context;
    const auto listener = listen(context, "tcp://127.0.0.1:0");
    std::error_code error;
    std::unique_ptr<Encounter> encounter;
    const auto accept = [&]() -> asio::awaitable<void> { encounter = co_await listener->accept(); };
    const auto wait = [&]() -> asio::awaitable<void> {
        asio::post(context, [&] { listener->close(); });
        error = co_await caught(accept());
    };
    run(context, wait());
    CHECK(error == asio::error::operation_aborted);
    listener->close();
}

TEST_CASE("an io_context may go while a handshake waits") {
    auto context = std::make_unique<asio::io_context>();
    auto listener = listen(*context, "tcp://127.0.0.1:0");
    const auto address = to(listener->address());
    const auto accept = [](std::unique_ptr<Listener> from) -> asio::awaitable<void> {
        auto encounter = co_await from->accept();
        co_await encounter->receive_hello();
        co_await from->accept();
    };
    const auto dial = [](ConnectAddr where) -> asio::awaitable<void> {
        auto transports = system_transports();
        auto encounter = co_await transports.dial(std::move(where));
        Hello ours = hello(1);
        co_await encounter->send_hello(std::move(ours));
        co_await encounter->receive_hello();
    };
    spawn(*context, accept(std::move(listener)));
    spawn(*context, dial(address));
    context->run_for(std::chrono::milliseconds{50});
    context.reset();
}
