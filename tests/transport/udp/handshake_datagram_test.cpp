#include "transport/udp/handshake_datagram.hpp"

#include "catch.hpp"
#include "protocol/prefix_varint.hpp"
#include "transport/udp/handshake_sample.hpp"

#include <string>

using namespace braid;
using namespace braid::transport;

namespace {

constexpr AttemptId attempt = 0x1122334455667788u;

crypto::Cookie cookie() {
    crypto::Cookie result;
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<std::byte>(i);
    return result;
}

/// The longest message there is.
PlainMessage longest() {
    auto message = sample_answer();
    message.hello.application_name = std::string(protocol::application_text_bytes_max, 'n');
    message.hello.application_version = std::string(protocol::application_text_bytes_max, 'v');
    for (auto* number :
         {&message.hello.stream_credit, &message.hello.participant_credit, &message.hello.streams,
          &message.hello.message_bytes_max, &message.hello.idle_ms}) {
        *number = protocol::hello_number_max;
    }
    message.terms.datagram_bytes_max = packet_bytes_max;
    message.terms.ack_delay_max = UdpTerms::ack_delay_limit;
    return message;
}

HandshakeHead head_of(const std::vector<std::byte>& datagram) {
    const auto head = HandshakeHead::decode(datagram);
    REQUIRE(head);
    CHECK(head->attempt == attempt);
    return *head;
}

}  // namespace

TEST_CASE("an INITIAL reads as it was written and is never short") {
    for (const auto& message : {sample_message(), sample_answer(), longest()}) {
        for (const auto& with : {std::optional<crypto::Cookie>{}, std::optional{cookie()}}) {
            const auto datagram = encode_initial(attempt, with, message);
            CHECK(datagram.size() == initial_bytes_min);
            const auto head = head_of(datagram);
            CHECK(head.kind == HandshakeKind::initial);
            CHECK(head.version == protocol::WireVersion{});
            const auto initial = InitialBody::decode(head.body);
            REQUIRE(initial);
            CHECK(initial->pattern == 0);
            CHECK(initial->cookie == with);
            const auto read = PlainMessage::decode(initial->message);
            REQUIRE(read);
            CHECK(read->hello == message.hello);
            CHECK(read->terms == message.terms);
        }
    }
}

TEST_CASE("each answer reads as it was written and none is longer than an INITIAL") {
    const auto accept = encode_accept(attempt, longest(), {1, 7});
    CHECK(accept.size() < initial_bytes_min);
    CHECK(head_of(accept).kind == HandshakeKind::accept);
    CHECK(head_of(accept).version == protocol::WireVersion{1, 7});
    const auto message = decode_accept(head_of(accept).body);
    REQUIRE(message);
    CHECK(PlainMessage::decode(*message)->hello == longest().hello);
    CHECK(PlainMessage::decode(*message)->terms == longest().terms);

    const auto retry = encode_retry(attempt, cookie());
    CHECK(retry.size() <= 45);
    CHECK(head_of(retry).kind == HandshakeKind::retry);
    CHECK(decode_retry(head_of(retry).body) == cookie());

    protocol::Refusal refusal;
    refusal.reason = errc::already_connected;
    refusal.text = std::string(1000, 'x');
    refusal.pid = Pid::numbered(9);
    const auto refuse = encode_refuse(attempt, refusal);
    CHECK(refuse.size() < initial_bytes_min);
    refusal.text.resize(protocol::refusal_text_bytes_max);
    CHECK(head_of(refuse).kind == HandshakeKind::refuse);
    CHECK(decode_refuse(head_of(refuse).body) == refusal);

    const std::vector<protocol::WireVersion> versions(300, {2, 1});
    const auto version = encode_version(attempt, versions);
    CHECK(version.size() < initial_bytes_min);
    CHECK(head_of(version).kind == HandshakeKind::version);
    CHECK(decode_version(head_of(version).body)->reason == errc::handshake_version);

    ResetToken token;
    token.fill(std::byte{3});
    CHECK(decode_reset(encode_reset(token)) == token);
}

TEST_CASE("a handshake datagram cut anywhere is none") {
    const auto initial = encode_initial(attempt, cookie(), longest());
    const auto head_bytes = initial.size() - head_of(initial).body.size();
    for (std::size_t i = 0; i < head_bytes; ++i) {
        CHECK_FALSE(HandshakeHead::decode(std::span{initial}.first(i)));
    }
    const auto body = InitialBody::decode(head_of(initial).body);
    const auto message_end =
        static_cast<std::size_t>(body->message.data() + body->message.size() - initial.data());
    for (std::size_t i = head_bytes; i < message_end; ++i) {
        CHECK_FALSE(InitialBody::decode(std::span{initial}.first(i).subspan(head_bytes)));
    }
    for (std::size_t i = 0; i < body->message.size(); ++i) {
        CHECK_FALSE(PlainMessage::decode(body->message.first(i)));
    }
    const auto retry = encode_retry(attempt, cookie());
    CHECK_FALSE(decode_retry(head_of(retry).body.first(23)));
    const auto reset = encode_reset({});
    CHECK_FALSE(decode_reset(std::span{reset}.first(16)));
}

TEST_CASE("what a later version appends is not looked at") {
    const auto datagram = encode_accept(attempt, sample_answer());
    const auto message = *decode_accept(head_of(datagram).body);
    std::vector<std::byte> longer{message.begin(), message.end()};
    // Behind the terms, and behind the hello, of which the length stands in front.
    longer.push_back(std::byte{0x99});
    CHECK(PlainMessage::decode(longer)->terms == sample_answer().terms);
    const auto hello_bytes = std::to_integer<std::size_t>(longer[0]);
    longer[0] = static_cast<std::byte>(hello_bytes + 1);
    longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(2 + hello_bytes), std::byte{0x99});
    const auto read = PlainMessage::decode(longer);
    REQUIRE(read);
    CHECK(read->hello == sample_answer().hello);
    CHECK(read->terms == sample_answer().terms);
}

TEST_CASE("terms that cannot be are malformed") {
    const auto decoded = [](const PlainMessage& message) {
        const auto datagram = encode_accept(attempt, message);
        return PlainMessage::decode(*decode_accept(head_of(datagram).body));
    };
    auto message = sample_answer();
    message.terms.datagram_bytes_max = packet_bytes_base - 1;
    CHECK_FALSE(decoded(message));
    message.terms.datagram_bytes_max = 1u << 20;
    CHECK(decoded(message)->terms.datagram_bytes_max == packet_bytes_max);
    message.terms.ack_delay_max = UdpTerms::ack_delay_limit + std::chrono::microseconds{1};
    CHECK_FALSE(decoded(message));
    message = sample_answer();
    message.hello.idle_ms = 0;
    CHECK_FALSE(decoded(message));

    // A delay that is negative as a signed number, and one of which the nanoseconds do not fit.
    message = sample_answer();
    message.terms.ack_delay_max = {};
    message.terms.reset_token.reset();
    const auto plain = encode_accept(attempt, message);
    const auto at_once = *decode_accept(head_of(plain).body);
    for (const auto delay : {~std::uint64_t{0}, std::uint64_t{1} << 62}) {
        std::vector<std::byte> changed{at_once.begin(), at_once.end() - 2};
        std::array<std::byte, protocol::prefix_varint_bytes_max> encoded;
        const auto size = protocol::encode_prefix_varint(delay, encoded.data());
        changed.insert(changed.end(), encoded.data(), encoded.data() + size);
        changed.push_back(std::byte{0});
        CHECK_FALSE(PlainMessage::decode(changed));
    }

    // A connection id or token of another length than there is.
    const auto bytes = encode_accept(attempt, sample_answer());
    const auto whole = *decode_accept(head_of(bytes).body);
    for (const auto at :
         {whole.size() - sizeof(ResetToken) - 1, 2 + std::to_integer<std::size_t>(whole[0])}) {
        std::vector<std::byte> changed{whole.begin(), whole.end()};
        changed[at] = std::byte{3};
        CHECK_FALSE(PlainMessage::decode(changed));
    }
}

TEST_CASE("a cancellation is a head and nothing more") {
    const auto datagram = encode_cancel(attempt);
    const auto head = HandshakeHead::decode(datagram);
    REQUIRE(head);
    CHECK(head->kind == HandshakeKind::cancel);
    CHECK(head->attempt == attempt);
    CHECK(head->body.empty());
}

TEST_CASE("what is no handshake datagram is told by its head") {
    auto datagram = encode_initial(attempt, {}, sample_message());
    for (const unsigned first : {0x00u, 0x40u, 0x45u, 0x49u, 0x80u, 0xc1u, 0xffu}) {
        datagram[0] = static_cast<std::byte>(first);
        CHECK_FALSE(HandshakeHead::decode(datagram));
    }
    datagram = encode_initial(attempt, {}, sample_message());
    datagram[1] = std::byte{'B'};
    CHECK_FALSE(HandshakeHead::decode(datagram));
    datagram = encode_initial(attempt, {}, sample_message());
    datagram[14] = std::byte{5};  // length of the cookie
    CHECK_FALSE(InitialBody::decode(head_of(datagram).body));
}
