#include "transport/udp/dialling.hpp"

#include <algorithm>
#include <utility>

namespace braid::transport {

Dialling::Dialling(AttemptId attempt, PlainMessage message, protocol::Time now)
    : attempt_{attempt},
      message_{std::move(message)},
      initial_{encode_initial(attempt_, cookie_, message_)},
      due_{now} {}

std::span<const std::byte> Dialling::outgoing(protocol::Time now) const noexcept {
    if (state_ != State::asking || now < due_) return {};
    return initial_;
}

void Dialling::sent(protocol::Time now) noexcept {
    ++counters_.sent;
    ++unanswered_;
    sent_at_ = now;
    due_ = protocol::after(now, pause_);
    pause_ = std::min(2 * pause_, pause_max);
}

Dialling::State Dialling::received(std::span<const std::byte> datagram, protocol::Time now) {
    if (state_ != State::asking) return state_;
    const auto head = HandshakeHead::decode(datagram);
    // Who cannot see what this end sends does not know the attempt.
    if (!head || head->attempt != attempt_ || counters_.sent == 0) {
        ++counters_.dropped;
        return state_;
    }
    std::optional<protocol::Refusal> refusal;
    switch (head->kind) {
        case HandshakeKind::retry: on_retry(*head, now); return state_;
        case HandshakeKind::accept: on_accept(*head, now); return state_;
        case HandshakeKind::version: refusal = decode_version(head->body); break;
        case HandshakeKind::refuse: refusal = decode_refuse(head->body); break;
        default: break;
    }
    if (refusal) {
        fail(std::move(*refusal));
    } else {
        ++counters_.dropped;
    }
    return state_;
}

void Dialling::on_retry(const HandshakeHead& head, protocol::Time now) {
    const auto cookie = decode_retry(head.body);
    if (!cookie || cookie == cookie_) {
        ++counters_.dropped;
        return;
    }
    measure(now);
    if (unanswered_ > 0) --unanswered_;
    cookie_ = cookie;
    initial_ = encode_initial(attempt_, cookie_, message_);
    if (++counters_.retries > retries_at_once) return;
    due_ = now;
    pause_ = initial_pause_first;
}

void Dialling::on_accept(const HandshakeHead& head, protocol::Time now) {
    const auto message = decode_accept(head.body);
    auto peer = message ? PlainMessage::decode(*message) : std::nullopt;
    if (head.version.major != protocol::WireVersion{}.major || !peer) {
        protocol::Refusal refusal;
        refusal.reason = errc::handshake_malformed;
        return fail(std::move(refusal));
    }
    measure(now);
    peer_ = std::move(*peer);
    version_ = head.version;
    state_ = State::accepted;
    due_ = protocol::never;
}

void Dialling::fail(protocol::Refusal refusal) {
    refusal_ = std::move(refusal);
    state_ = State::failed;
    due_ = protocol::never;
}

void Dialling::measure(protocol::Time now) noexcept {
    round_trip_time_ = unanswered_ == 1 ? now - sent_at_ : protocol::Duration{0};
}

}  // namespace braid::transport
