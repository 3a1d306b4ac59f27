#include "transport/udp/door.hpp"

#include <braid/error.hpp>

#include <asio/error.hpp>

#include <algorithm>
#include <utility>

namespace braid::transport {

namespace {

GateSecrets drawn_from(Entropy& entropy) {
    GateSecrets secrets;
    entropy.fill(secrets.cookies);
    entropy.fill(secrets.resets);
    return secrets;
}

SocketAddress host_of(const AttemptKey& key) noexcept {
    auto host = key.from;
    host.port = 0;
    return host;
}

}  // namespace

UdpDoor::UdpDoor(const GateLimits& limits, std::shared_ptr<Doorbell> bell,
                 std::shared_ptr<const Clock> clock, Entropy& entropy)
    : bell_{std::move(bell)},
      clock_{std::move(clock)},
      secrets_{drawn_from(entropy)},
      gate_{secrets_, limits} {}

std::optional<UdpDoor::Guest> UdpDoor::next() {
    const std::lock_guard lock{mutex_};
    const auto next = std::find_if(waiting_.begin(), waiting_.end(), [&](const Guest& each) {
        return leaving_.empty() || !leaving_.contains(host_of(each.newcomer.key));
    });
    if (next == waiting_.end()) return std::nullopt;
    auto guest = std::move(*next);
    waiting_.erase(next);
    unconfirmed_[name_of(guest.newcomer.key)] = {};
    return guest;
}

void UdpDoor::close() {
    {
        const std::lock_guard lock{mutex_};
        closed_ = true;
        for (const auto& each : waiting_) gate_.refused(each.newcomer.key, {});
        waiting_.clear();
    }
    bell_->ring();
}

bool UdpDoor::closed() const {
    const std::lock_guard lock{mutex_};
    return closed_;
}

void UdpDoor::accepted(const AttemptKey& key, std::vector<std::byte> answer,
                       std::shared_ptr<Mailbox> mailbox) {
    const std::lock_guard lock{mutex_};
    gate_.accepted(key, std::move(answer));
    auto& guest = unconfirmed_[name_of(key)];
    guest.mailbox = std::move(mailbox);
    if (guest.cancelled) guest.mailbox->fail(asio::error::connection_reset);
}

void UdpDoor::refused(const AttemptKey& key, std::vector<std::byte> answer) {
    const std::lock_guard lock{mutex_};
    gate_.refused(key, std::move(answer));
    forget(key);
}

void UdpDoor::confirmed(const AttemptKey& key) {
    const std::lock_guard lock{mutex_};
    gate_.confirmed(key);
    forget(key);
}

void UdpDoor::gone(const AttemptKey& key) {
    const std::lock_guard lock{mutex_};
    // An INITIAL may come behind the CANCEL that it was sent before.
    forget(key).cancelled ? gate_.refused(key, {}) : gate_.gone(key);
}

UdpDoor::Unconfirmed UdpDoor::forget(const AttemptKey& key) {
    const auto found = unconfirmed_.find(name_of(key));
    if (found == unconfirmed_.end()) return {};
    auto guest = std::move(found->second);
    unconfirmed_.erase(found);
    if (!guest.cancelled) return guest;
    const auto leaving = leaving_.find(host_of(key));
    if (--leaving->second == 0) leaving_.erase(leaving);
    if (!waiting_.empty()) bell_->ring();
    return guest;
}

ResetToken UdpDoor::token_of(ConnectionId id) const noexcept {
    return reset_token(secrets_.resets, id);
}

Gate::Counters UdpDoor::counters() const {
    const std::lock_guard lock{mutex_};
    return gate_.counters();
}

void UdpDoor::stray(UdpSocket& socket, const SocketAddress& from, const SocketAddress& at,
                    std::span<std::byte> bytes) {
    const auto now = clock_->now();
    bool somebody = false;
    {
        const std::lock_guard lock{mutex_};
        std::span<const std::byte> answer;
        if (kind_of(bytes) == DatagramKind::packet) {
            const auto header = decode_packet_header(bytes);
            if (!header || !header->destination) return;
            answer = gate_.reset_for(from, *header->destination, bytes.size(), now);
        } else if (const auto head = HandshakeHead::decode(bytes);
                   head && head->kind == HandshakeKind::cancel) {
            cancel({from, head->attempt});
        } else {
            auto verdict = gate_.handshake(from, bytes, now);
            answer = verdict.answer;
            if (verdict.newcomer) somebody = let_in(std::move(*verdict.newcomer), at, answer);
        }
        // One that finds no room is as good as lost on the way: the peer asks again.
        if (!answer.empty()) socket.send(from, at, answer, answer.size());
    }
    if (somebody) bell_->ring();
}

/// @returns false if nobody comes in any more; `answer` says so
bool UdpDoor::let_in(Gate::Newcomer newcomer, const SocketAddress& at,
                     std::span<const std::byte>& answer) {
    if (!closed_) {
        waiting_.push_back({std::move(newcomer), at});
        return true;
    }
    protocol::Refusal refusal;
    refusal.reason = errc::network_closed;
    refusal.text = "nobody listens here any more";
    refusal_ = encode_refuse(newcomer.key.attempt, refusal);
    gate_.refused(newcomer.key, refusal_);
    answer = refusal_;
    return false;
}

void UdpDoor::cancel(const AttemptKey& key) {
    const auto waiting = std::find_if(waiting_.begin(), waiting_.end(),
                                      [&](const Guest& each) { return each.newcomer.key == key; });
    if (waiting != waiting_.end()) {
        waiting_.erase(waiting);
        gate_.refused(key, {});
        return;
    }
    const auto taken = unconfirmed_.find(name_of(key));
    if (taken == unconfirmed_.end()) return;
    if (!std::exchange(taken->second.cancelled, true)) ++leaving_[host_of(key)];
    if (const auto& mailbox = taken->second.mailbox) mailbox->fail(asio::error::connection_reset);
}

}  // namespace braid::transport
