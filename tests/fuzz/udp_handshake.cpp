// Datagrams of a stranger: the first byte says who reads them, the accepting side's gate or a
// dialling side; then each is a byte of length and so many bytes.
#include "transport/udp/dialling.hpp"
#include "transport/udp/gate.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <vector>

using namespace braid;
using namespace braid::transport;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

/// What was read can be written, and reads the same.
void check(const PlainMessage& message) {
    require(protocol::application_text_valid(message.hello.application_name));
    require(protocol::application_text_valid(message.hello.application_version));
    require(message.hello.idle_ms != 0);
    require(message.terms.datagram_bytes_max >= packet_bytes_base);
    require(message.terms.datagram_bytes_max <= packet_bytes_max);
    require(message.terms.ack_delay_max <= UdpTerms::ack_delay_limit);
    const auto datagram = encode_initial(1, std::nullopt, message);
    require(datagram.size() == initial_bytes_min);
    const auto initial = InitialBody::decode(HandshakeHead::decode(datagram)->body);
    const auto again = PlainMessage::decode(initial->message);
    require(again && again->hello == message.hello && again->terms == message.terms);
    require(encode_accept(1, message).size() < initial_bytes_min);
}

class Pieces {
public:
    explicit Pieces(std::span<const std::byte> in) : in_{in} {}

    std::optional<std::vector<std::byte>> next() {
        if (in_.empty()) return std::nullopt;
        const auto size = std::min(std::to_integer<std::size_t>(in_[0]), in_.size() - 1);
        const auto piece = in_.subspan(1, size);
        in_ = in_.subspan(1 + size);
        return std::vector<std::byte>{piece.begin(), piece.end()};
    }

private:
    std::span<const std::byte> in_;
};

/// Answers are shorter than what they answer, and what is half open has its bound.
void at_the_gate(Pieces pieces, CookiePolicy cookies) {
    GateLimits limits;
    limits.cookies = cookies;
    limits.half_open = 4;
    limits.attempts = 8;
    Gate gate{{}, limits};
    SocketAddress from;
    from.ip = {10, 0, 0, 1};
    protocol::Time now{std::chrono::hours{1}};
    std::optional<crypto::Cookie> cookie;
    while (auto datagram = pieces.next()) {
        now += std::chrono::milliseconds{10};
        datagram->resize(std::max(datagram->size(), initial_bytes_min));
        // Nobody guesses a cookie: the one given out takes the place of whatever is there.
        constexpr std::size_t cookie_at = 15;
        if (cookie && (*datagram)[cookie_at - 1] == std::byte{sizeof(crypto::Cookie)}) {
            std::ranges::copy(*cookie, datagram->begin() + cookie_at);
        }
        const auto verdict = gate.handshake(from, *datagram, now);
        require(verdict.answer.size() < datagram->size());
        require(gate.half_open() <= limits.half_open);
        require(gate.attempts() <= limits.attempts);
        if (verdict.decision == Gate::Decision::answer) {
            const auto head = HandshakeHead::decode(verdict.answer);
            require(head.has_value());
            if (head->kind == HandshakeKind::retry) cookie = decode_retry(head->body);
        }
        if (verdict.decision != Gate::Decision::admit) continue;
        check(verdict.newcomer->message);
        gate.accepted(verdict.newcomer->key, encode_accept(verdict.newcomer->key.attempt, {}));
    }
}

void at_the_dialling_side(Pieces pieces) {
    constexpr AttemptId attempt = 0x1122334455667788u;
    protocol::Time now{std::chrono::hours{1}};
    Dialling dialling{attempt, {}, now};
    std::size_t sent = 0;
    while (const auto datagram = pieces.next()) {
        if (!dialling.outgoing(now).empty()) {
            dialling.sent(now);
            ++sent;
        }
        const auto before = dialling.state();
        const auto state = dialling.received(*datagram, now);
        if (before != Dialling::State::asking) require(state == before);
        if (state == Dialling::State::accepted) check(dialling.peer());
        if (state == Dialling::State::failed) {
            require(dialling.refusal().text.size() <= protocol::refusal_text_bytes_max);
        }
        const auto reset = decode_reset(*datagram);
        require(!reset || encode_reset(*reset).size() <= datagram->size());
    }
    require(sent <= 1 + Dialling::retries_at_once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const Pieces pieces{std::as_bytes(std::span{data + 1, size - 1})};
    switch (data[0] % 3) {
        case 0: at_the_gate(pieces, CookiePolicy::never); break;
        case 1: at_the_gate(pieces, CookiePolicy::always); break;
        default: at_the_dialling_side(pieces); break;
    }
    return 0;
}
