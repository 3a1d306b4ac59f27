#include "transport/udp/dialling.hpp"

#include "catch.hpp"
#include "transport/udp/handshake_sample.hpp"

using namespace braid;
using namespace braid::transport;
using namespace std::chrono_literals;

namespace {

constexpr AttemptId attempt = 77;

protocol::Time at(protocol::Duration since) { return protocol::Time{1h + since}; }

struct Client {
    Dialling dialling{attempt, sample_message(), at(0ms)};

    /// What leaves at that moment; empty if nothing does.
    std::vector<std::byte> ask(protocol::Duration when) {
        const auto out = dialling.outgoing(at(when));
        std::vector<std::byte> bytes{out.begin(), out.end()};
        if (!bytes.empty()) dialling.sent(at(when));
        return bytes;
    }
    Dialling::State hear(const std::vector<std::byte>& datagram, protocol::Duration when) {
        return dialling.received(datagram, at(when));
    }
};

crypto::Cookie cookie(unsigned letter) {
    crypto::Cookie result;
    result.fill(static_cast<std::byte>(letter));
    return result;
}

std::optional<crypto::Cookie> cookie_of(const std::vector<std::byte>& initial) {
    const auto head = HandshakeHead::decode(initial);
    REQUIRE(head);
    return InitialBody::decode(head->body)->cookie;
}

protocol::Refusal refusal() {
    protocol::Refusal result;
    result.reason = errc::too_many_participants;
    result.text = "full";
    return result;
}

}  // namespace

TEST_CASE("a dialling side asks again with longer and longer pauses") {
    Client client;
    std::vector<protocol::Duration> sent;
    for (auto now = 0ms; now < 20s; now += 1ms) {
        CHECK((client.dialling.deadline() <= at(now)) ==
              !client.dialling.outgoing(at(now)).empty());
        if (!client.ask(now).empty()) sent.push_back(now);
    }
    const std::vector<protocol::Duration> expected{0ms,    100ms,  300ms,   700ms,   1500ms,
                                                   3100ms, 6300ms, 10300ms, 14300ms, 18300ms};
    CHECK(sent == expected);
    CHECK(client.dialling.counters().sent == expected.size());
    CHECK(client.dialling.state() == Dialling::State::asking);
}

TEST_CASE("an ACCEPT ends the asking and its round trip is measured") {
    Client client;
    CHECK_FALSE(client.ask(0ms).empty());
    CHECK(client.hear(encode_accept(attempt, sample_answer(), {1, 4}), 30ms) ==
          Dialling::State::accepted);
    CHECK(client.dialling.peer().hello == sample_answer().hello);
    CHECK(client.dialling.peer().terms == sample_answer().terms);
    CHECK(client.dialling.version() == protocol::WireVersion{1, 4});
    CHECK(client.dialling.round_trip_time() == 30ms);
    CHECK(client.dialling.deadline() == protocol::never);
    CHECK(client.ask(1h).empty());
    // Whatever comes after it changes nothing.
    CHECK(client.hear(encode_refuse(attempt, refusal()), 40ms) == Dialling::State::accepted);
}

TEST_CASE("a round trip is not measured where two INITIALs may have been answered") {
    Client client;
    client.ask(0ms);
    client.ask(100ms);
    CHECK(client.hear(encode_accept(attempt, sample_answer()), 110ms) == Dialling::State::accepted);
    CHECK(client.dialling.round_trip_time() == 0ms);

    Client other;
    other.ask(0ms);
    other.ask(100ms);
    other.hear(encode_retry(attempt, cookie(1)), 120ms);
    other.ask(120ms);
    // The answer to the second one starts a third, which the ACCEPT does not answer.
    other.hear(encode_retry(attempt, cookie(2)), 220ms);
    other.ask(220ms);
    other.hear(encode_accept(attempt, sample_answer()), 230ms);
    CHECK(other.dialling.round_trip_time() == 0ms);
}

TEST_CASE("a RETRY is answered at once with its cookie and only once") {
    Client client;
    CHECK_FALSE(cookie_of(client.ask(0ms)));
    CHECK(client.hear(encode_retry(attempt, cookie(1)), 20ms) == Dialling::State::asking);
    CHECK(client.dialling.deadline() == at(20ms));
    CHECK(cookie_of(client.ask(20ms)) == cookie(1));
    CHECK(client.dialling.round_trip_time() == 20ms);
    // The same one again: no.
    client.hear(encode_retry(attempt, cookie(1)), 21ms);
    CHECK(client.ask(21ms).empty());
    CHECK(client.dialling.counters().dropped == 1);
    // Then as ever, with the cookie.
    CHECK(cookie_of(client.ask(270ms)) == cookie(1));
    CHECK(client.hear(encode_accept(attempt, sample_answer()), 300ms) == Dialling::State::accepted);
    CHECK(client.dialling.round_trip_time() == 0ms);
}

TEST_CASE("an accepting side that always wants another cookie is not asked at its pace") {
    Client client;
    client.ask(0ms);
    unsigned sent = 0;
    for (unsigned i = 1; i <= 90; ++i) {
        client.hear(encode_retry(attempt, cookie(i)), 1ms * i);
        if (!client.ask(1ms * i).empty()) ++sent;
    }
    CHECK(sent == Dialling::retries_at_once);
    // The newest one is not lost.
    CHECK(cookie_of(client.ask(1s)) == cookie(90));
}

TEST_CASE("a refusal ends the dial and says why") {
    Client client;
    client.ask(0ms);
    CHECK(client.hear(encode_refuse(attempt, refusal()), 1ms) == Dialling::State::failed);
    CHECK(client.dialling.refusal() == refusal());
    CHECK(client.dialling.deadline() == protocol::never);
    CHECK(client.ask(1h).empty());

    Client other;
    other.ask(0ms);
    const protocol::WireVersion versions[] = {{2, 0}};
    CHECK(other.hear(encode_version(attempt, versions), 1ms) == Dialling::State::failed);
    CHECK(other.dialling.refusal().reason == errc::handshake_version);
    CHECK(other.dialling.refusal().text.find("2.0") != std::string::npos);
}

TEST_CASE("hostile 47: answers forged by one who does not know the attempt are dropped") {
    Client client;
    client.ask(0ms);
    const protocol::WireVersion versions[] = {{2, 0}};
    const auto wrong = attempt + 1;
    CHECK(client.hear(encode_retry(wrong, cookie(1)), 1ms) == Dialling::State::asking);
    CHECK(client.hear(encode_accept(wrong, sample_answer()), 1ms) == Dialling::State::asking);
    CHECK(client.hear(encode_refuse(wrong, refusal()), 1ms) == Dialling::State::asking);
    CHECK(client.hear(encode_version(wrong, versions), 1ms) == Dialling::State::asking);
    CHECK(client.hear(encode_reset({}), 1ms) == Dialling::State::asking);
    CHECK(client.dialling.counters().dropped == 5);
    CHECK_FALSE(cookie_of(client.ask(250ms)));
    CHECK(client.hear(encode_accept(attempt, sample_answer()), 300ms) == Dialling::State::accepted);
}

TEST_CASE("what is no answer is dropped and a malformed one fails") {
    Client client;
    // Before anything was asked.
    CHECK(client.hear(encode_accept(attempt, sample_answer()), 0ms) == Dialling::State::asking);
    const auto initial = client.ask(0ms);
    // An echo.
    CHECK(client.hear(initial, 1ms) == Dialling::State::asking);
    CHECK(client.hear({}, 1ms) == Dialling::State::asking);
    auto retry = encode_retry(attempt, cookie(1));
    retry.pop_back();
    CHECK(client.hear(retry, 1ms) == Dialling::State::asking);
    auto refuse = encode_refuse(attempt, refusal());
    refuse.pop_back();
    CHECK(client.hear(refuse, 1ms) == Dialling::State::asking);
    CHECK(client.dialling.counters().dropped == 5);
    auto accept = encode_accept(attempt, sample_answer());
    accept.pop_back();
    CHECK(client.hear(accept, 1ms) == Dialling::State::failed);
    CHECK(client.dialling.refusal().reason == errc::handshake_malformed);
}
