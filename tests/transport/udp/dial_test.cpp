#include "transport/udp/dial.hpp"

#include "catch.hpp"
#include "transport/udp/rendezvous.hpp"

#include <asio/error.hpp>
#include <asio/post.hpp>

#include <chrono>
#include <functional>
#include <string>

using namespace braid;
using namespace braid::test;
using namespace braid::transport;

namespace {

PlainMessage answer_of(unsigned letter) {
    PlainMessage message;
    message.hello = hello(letter);
    message.terms.connection_id = 7;
    return message;
}

AttemptId attempt_in(const Bytes& initial) {
    const auto head = HandshakeHead::decode(initial);
    REQUIRE(head);
    REQUIRE(head->kind == HandshakeKind::initial);
    return head->attempt;
}

/// The error of a dialling side, which dials there while `peer` does something.
std::error_code dial_error(asio::io_context& context, const ConnectAddr& address,
                           std::string* said = nullptr,
                           const std::function<void(Encounter&)>& meanwhile = {}) {
    auto transports = system_transports();
    const auto encounter = dial(context, transports, address);
    if (meanwhile) asio::post(context, [&] { meanwhile(*encounter); });
    std::error_code error;
    const auto meet = [&]() -> asio::awaitable<void> {
        error = co_await caught(meet_dialling(*encounter), said);
    };
    run(context, meet());
    return error;
}

}  // namespace

TEST_CASE("a dialling side asks again until it is answered") {
    asio::io_context context;
    RawPeer peer{context};
    int asked = 0;
    const auto serve = [&]() -> asio::awaitable<void> {
        Bytes first = co_await peer.receive();
        CHECK(first.size() >= initial_bytes_min);
        Bytes second = co_await peer.receive();
        asked = 2;
        CHECK(first == second);
        peer.answer(encode_accept(attempt_in(second), answer_of(2)));
    };
    spawn(context, serve());
    CHECK_FALSE(dial_error(context, peer.address()));
    CHECK(asked == 2);
}

TEST_CASE("a dialling side comes back with the cookie that it is given") {
    asio::io_context context;
    RawPeer peer{context};
    const auto serve = [&]() -> asio::awaitable<void> {
        const Bytes first = co_await peer.receive();
        crypto::Cookie cookie;
        cookie.fill(std::byte{9});
        peer.answer(encode_retry(attempt_in(first), cookie));
        const Bytes second = co_await peer.receive();
        const auto head = HandshakeHead::decode(second);
        const auto body = InitialBody::decode(head->body);
        REQUIRE(body);
        CHECK(body->cookie == cookie);
        peer.answer(encode_accept(head->attempt, answer_of(2)));
    };
    spawn(context, serve());
    CHECK_FALSE(dial_error(context, peer.address()));
}

TEST_CASE("a dialling side takes answers to its own question only") {
    asio::io_context context;
    RawPeer peer{context};
    RawPeer stranger{context};
    const auto serve = [&]() -> asio::awaitable<void> {
        const Bytes first = co_await peer.receive();
        const auto attempt = attempt_in(first);
        protocol::Refusal refusal;
        refusal.reason = errc::network_closed;
        peer.answer(encode_refuse(attempt + 1, refusal));
        stranger.from = peer.from;
        stranger.answer(encode_refuse(attempt, refusal));
        peer.answer(Bytes(100, std::byte{0x41}));
        peer.answer({});
        peer.answer(encode_accept(attempt, answer_of(2)));
    };
    spawn(context, serve());
    CHECK_FALSE(dial_error(context, peer.address()));
}

TEST_CASE("packets right behind the answer are not lost") {
    asio::io_context context;
    Rendezvous both{context};
    // The accepting side speaks before the dialling side has read its answer.
    auto transports = system_transports();
    const auto listener = listen(context, "udp://127.0.0.1:0");
    const auto dialled = dial(context, transports, connect_address(listener->address()));
    std::unique_ptr<Encounter> accepted;
    Rendezvous::End left;
    Rendezvous::End right;
    right.source.push(payload(500, 3));
    const auto serve = [&]() -> asio::awaitable<void> {
        co_await meet_accepting(*listener, accepted);
        right.connection = accepted->established();
        co_await right.write_all();
    };
    spawn(context, serve());
    run(context, meet_dialling(*dialled));
    left.connection = dialled->established();
    run(context, left.read_messages(1));
    CHECK(left.messages() == std::vector<Bytes>{payload(500, 3)});
}

#if !defined(BRAID_PORTABLE_IO)
TEST_CASE("a UDP port that nobody listens at is the system's error") {
    asio::io_context context;
    std::optional<RawPeer> gone{std::in_place, context};
    const auto address = gone->address();
    gone.reset();
    std::string said;
    CHECK(dial_error(context, address, &said) == asio::error::connection_refused);
    CHECK(said.find(to_string(address)) != std::string::npos);
}
#endif

TEST_CASE("a name that does not exist is the resolver's error over UDP too") {
    asio::io_context context;
    const auto error = dial_error(context, ConnectAddr::udp("no-such-host.invalid", 1));
    CHECK(error);
    CHECK(error.category() == asio::error::get_netdb_category());
}

TEST_CASE("close() ends the wait for a UDP peer that says nothing") {
    asio::io_context context;
    SECTION("that was asked") {
        const RawPeer silent{context};
        const auto error = dial_error(context, silent.address(), nullptr,
                                      [](Encounter& encounter) { encounter.close(); });
        CHECK(error == asio::error::operation_aborted);
    }
    SECTION("while its name is looked up") {
        const auto error = dial_error(context, ConnectAddr::udp("localhost", 1), nullptr,
                                      [](Encounter& encounter) { encounter.close(); });
        CHECK(error == asio::error::operation_aborted);
    }
}

TEST_CASE("a UDP peer that says nothing holds up no other") {
    asio::io_context context;
    const RawPeer silent{context};
    auto transports = system_transports();
    const auto stuck = dial(context, transports, silent.address());
    bool ended = false;
    const auto wait = [&]() -> asio::awaitable<void> {
        co_await caught(meet_dialling(*stuck));
        ended = true;
    };
    spawn(context, wait());
    const auto listener = listen(context, "udp://127.0.0.1:0");
    std::unique_ptr<Encounter> accepted;
    spawn(context, meet_accepting(*listener, accepted));
    const auto other = dial(context, transports, connect_address(listener->address()));
    run(context, meet_dialling(*other));
    CHECK_FALSE(ended);
    stuck->close();
    context.restart();
    while (!ended) REQUIRE(context.run_one_for(std::chrono::seconds{20}) != 0);
}
