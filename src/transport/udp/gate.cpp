#include "transport/udp/gate.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace braid::transport {

namespace {

// 32 bytes each, and a few hundred newcomers at once seldom share one.
constexpr std::size_t prefix_count = 1024;
constexpr std::size_t no_prefix = prefix_count;

bool is_loopback(const SocketAddress& address) noexcept {
    if (!address.v6) return address.ip[0] == 127;
    std::array<std::uint8_t, 16> loopback{};
    loopback[15] = 1;
    return address.ip == loopback;
}

std::array<std::byte, 18> client_bytes(const SocketAddress& address) noexcept {
    std::array<std::byte, 18> bytes{};
    std::ranges::copy(std::as_bytes(std::span{address.ip}), bytes.begin());
    bytes[16] = static_cast<std::byte>(address.port & 0xff);
    bytes[17] = static_cast<std::byte>(address.port >> 8);
    return bytes;
}

crypto::CookieClaim claim_of(const AttemptKey& key, const HandshakeHead& head,
                             const InitialBody& initial) noexcept {
    crypto::CookieClaim claim;
    claim.client = client_bytes(key.from);
    claim.attempt = key.attempt;
    claim.version = head.version;
    claim.pattern = initial.pattern;
    return claim;
}

crypto::ShortKey derived(const crypto::Secret& secret, std::string_view purpose) noexcept {
    crypto::ShortKey key;
    crypto::hash(key, secret, purpose, {});
    return key;
}

std::vector<std::byte> other_pattern(const HandshakeHead& head, const InitialBody& initial) {
    protocol::Refusal refusal;
    refusal.reason = errc::handshake_security;
    refusal.text = "this end speaks security pattern 0 (plain) only, the peer asked for " +
                   std::to_string(initial.pattern);
    return encode_refuse(head.attempt, refusal);
}

}  // namespace

// Those who have proved nothing get half of the places, so that those whose addresses they forge
// find the other half. A /24 or /56 may be one address: it gets what that gets.
GateLimits GateLimits::of(const Limits& limits) noexcept {
    GateLimits gate;
    const auto rate = limits.handshakes_per_second;
    const auto strangers = std::clamp(rate / 2, 1u, gate.newcomers_without_cookie.per_second);
    const auto per_prefix =
        std::max<std::size_t>(limits.participants_per_address, gate.half_open_per_prefix);
    const auto burst_per_prefix = static_cast<unsigned>(per_prefix);
    constexpr std::size_t memory_seconds =
        std::chrono::ceil<std::chrono::seconds>(Gate::attempt_memory).count();

    gate.half_open = limits.half_open;
    gate.half_open_per_prefix = per_prefix;
    gate.half_open_without_cookie = std::min(gate.half_open_without_cookie, gate.half_open / 2);
    gate.newcomers = {rate, rate};
    gate.newcomers_without_cookie = {strangers, strangers};
    gate.newcomers_per_prefix = {burst_per_prefix / 2, burst_per_prefix};
    gate.handshake = limits.handshake;
    // All that the rate lets in while one is known, and its burst.
    gate.attempts = std::max(gate.attempts, (memory_seconds + 1) * rate + gate.half_open);
    return gate;
}

std::size_t Gate::KeyHash::operator()(const AttemptKey& attempt) const noexcept {
    std::array<std::byte, 30> bytes{};
    std::ranges::copy(client_bytes(attempt.from), bytes.begin());
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[18 + i] = static_cast<std::byte>((attempt.attempt >> (8 * i)) & 0xff);
    }
    for (std::size_t i = 0; i < 4; ++i) {
        bytes[26 + i] = static_cast<std::byte>((attempt.from.scope >> (8 * i)) & 0xff);
    }
    return static_cast<std::size_t>(crypto::short_hash(key, bytes));
}

Gate::Gate(const GateSecrets& secrets, const GateLimits& limits)
    : limits_{limits},
      reset_secret_{secrets.resets},
      cookies_{secrets.cookies},
      prefix_key_{derived(secrets.cookies, "braid prefixes")},
      attempts_{0, KeyHash{derived(secrets.cookies, "braid attempts")}},
      prefixes_(prefix_count) {}

Gate::Verdict Gate::handshake(const SocketAddress& from, std::span<const std::byte> datagram,
                              protocol::Time now) {
    if (datagram.size() < initial_bytes_min) return drop(counters_.malformed);
    const auto head = HandshakeHead::decode(datagram);
    if (!head || head->kind != HandshakeKind::initial) return drop(counters_.malformed);
    if (head->version.major != protocol::WireVersion{}.major) {
        const std::array spoken{protocol::WireVersion{}};
        return refuse(encode_version(head->attempt, spoken), counters_.versions, now);
    }
    const auto initial = InitialBody::decode(head->body);
    if (!initial) return drop(counters_.malformed);
    if (initial->pattern != static_cast<std::uint8_t>(SecurityPattern::plain)) {
        return refuse(other_pattern(*head, *initial), counters_.patterns, now);
    }
    advance(now);
    const AttemptKey key{from, head->attempt};
    const auto known = attempts_.find(key);
    if (known != attempts_.end()) return again(known->second);
    return consider(key, *head, *initial, datagram.size(), now);
}

Gate::Verdict Gate::consider(const AttemptKey& key, const HandshakeHead& head,
                             const InitialBody& initial, std::size_t bytes, protocol::Time now) {
    const auto prefix = prefix_of(key.from);
    const auto claim = claim_of(key, head, initial);
    const auto retry = [&] {
        return answer(encode_retry(key.attempt, cookies_.make(claim, now)), counters_.retries);
    };
    if (initial.cookie) {
        const auto check = cookies_.check(*initial.cookie, claim, now);
        if (check == crypto::CookieCheck::expired) ++counters_.cookies_expired;
        if (check == crypto::CookieCheck::forged) ++counters_.cookies_forged;
        if (check != crypto::CookieCheck::valid) return retry();
    } else if (!may_come_without_cookie(prefix, now)) {
        return retry();
    }
    const bool proven = initial.cookie.has_value();
    if (!has_room(prefix, proven, now)) return drop(counters_.limited);
    auto message = PlainMessage::decode(initial.message);
    if (!message) return drop(counters_.malformed);
    admit(key, prefix, proven, now);
    Verdict verdict;
    verdict.decision = Decision::admit;
    verdict.newcomer.emplace(Newcomer{key, head.version, std::move(*message), proven, bytes});
    return verdict;
}

// Those who are forged count as well: under a flood nobody comes in without a cookie.
bool Gate::may_come_without_cookie(std::size_t prefix, protocol::Time now) {
    if (limits_.cookies != CookiePolicy::adaptive) return limits_.cookies == CookiePolicy::never;
    // What comes by way of the network with such an address the system drops.
    if (prefix == no_prefix) return true;
    auto& own = prefixes_[prefix];
    const bool may = half_open_ < limits_.half_open_without_cookie &&
                     strangers_.allows(limits_.newcomers_without_cookie, now) &&
                     own.strangers.allows(limits_.newcomers_per_prefix, now) &&
                     own.half_open_strangers < limits_.half_open_per_prefix;
    strangers_.count(limits_.newcomers_without_cookie, now);
    own.strangers.count(limits_.newcomers_per_prefix, now);
    return may;
}

// Whoever has shown its address is not held up by those who forge it: they are counted apart.
bool Gate::has_room(std::size_t prefix, bool proven, protocol::Time now) const noexcept {
    if (half_open_ >= limits_.half_open || attempts_due_.size() >= limits_.attempts) return false;
    if (prefix == no_prefix) return true;
    if (!newcomers_.allows(limits_.newcomers, now)) return false;
    if (!proven) return true;
    const auto& own = prefixes_[prefix];
    return own.half_open < limits_.half_open_per_prefix &&
           own.newcomers.allows(limits_.newcomers_per_prefix, now);
}

void Gate::admit(const AttemptKey& key, std::size_t prefix, bool proven, protocol::Time now) {
    Attempt attempt;
    attempt.proven = proven;
    attempt.serial = ++serial_;
    attempt.prefix = prefix;
    if (prefix != no_prefix) {
        newcomers_.take(limits_.newcomers, now);
        if (proven) prefixes_[prefix].newcomers.take(limits_.newcomers_per_prefix, now);
        ++half_open_of(attempt);
    }
    ++half_open_;
    ++counters_.admitted;
    attempts_.emplace(key, std::move(attempt));
    handshakes_due_.push_back({key, serial_, protocol::after(now, limits_.handshake)});
    attempts_due_.push_back({key, serial_, protocol::after(now, attempt_memory)});
}

void Gate::accepted(const AttemptKey& key, std::vector<std::byte> answer) {
    const auto found = attempts_.find(key);
    if (found == attempts_.end() || found->second.state != State::half_open) return;
    found->second.answer = std::move(answer);
}

void Gate::refused(const AttemptKey& key, std::vector<std::byte> answer) {
    const auto found = attempts_.find(key);
    if (found == attempts_.end() || found->second.state != State::half_open) return;
    close(found->second, State::refused);
    found->second.answer = std::move(answer);
}

void Gate::confirmed(const AttemptKey& key) {
    const auto found = attempts_.find(key);
    if (found != attempts_.end()) close(found->second, State::over);
}

void Gate::gone(const AttemptKey& key) {
    const auto found = attempts_.find(key);
    if (found == attempts_.end() || found->second.state != State::half_open) return;
    auto answer = std::move(found->second.answer);
    close(found->second, State::over);
    if (answer.empty()) {
        attempts_.erase(found);
        return;
    }
    found->second.answer = std::move(answer);
}

std::span<const std::byte> Gate::reset_for(const SocketAddress& from, ConnectionId id,
                                           std::size_t packet_bytes, protocol::Time now) {
    if (packet_bytes < reset_trigger_bytes_min || !may_reset(prefix_of(from), now)) {
        ++counters_.resets_limited;
        return {};
    }
    ++counters_.resets;
    answer_ = encode_reset(reset_token(reset_secret_, id));
    return answer_;
}

/// Counts it if so. A storm from one prefix leaves some for the others.
bool Gate::may_reset(std::size_t prefix, protocol::Time now) noexcept {
    if (!resets_.allows(limits_.resets, now)) return false;
    if (prefix != no_prefix) {
        auto& own = prefixes_[prefix].resets;
        if (!own.allows(limits_.resets_per_prefix, now)) return false;
        own.take(limits_.resets_per_prefix, now);
    }
    resets_.take(limits_.resets, now);
    return true;
}

void Gate::advance(protocol::Time now) {
    for (; !handshakes_due_.empty() && handshakes_due_.front().at <= now;
         handshakes_due_.pop_front()) {
        auto* attempt = find(handshakes_due_.front());
        if (attempt == nullptr) continue;
        if (attempt->state == State::half_open) ++counters_.timed_out;
        close(*attempt, State::over);
    }
    for (; !attempts_due_.empty() && attempts_due_.front().at <= now; attempts_due_.pop_front()) {
        auto* attempt = find(attempts_due_.front());
        if (attempt == nullptr) continue;
        if (attempt->state == State::half_open) {
            const auto later = protocol::after(now, attempt_memory);
            attempts_due_.push_back({attempts_due_.front().key, attempt->serial, later});
            continue;
        }
        attempts_.erase(attempts_due_.front().key);
    }
}

Gate::Verdict Gate::drop(std::uint64_t& counter) noexcept {
    ++counter;
    return {};
}

Gate::Verdict Gate::answer(std::vector<std::byte> bytes, std::uint64_t& counter) noexcept {
    ++counter;
    answer_ = std::move(bytes);
    Verdict verdict;
    verdict.decision = Decision::answer;
    verdict.answer = answer_;
    return verdict;
}

Gate::Verdict Gate::refuse(std::vector<std::byte> bytes, std::uint64_t& counter,
                           protocol::Time now) {
    if (!refusals_.allows(limits_.refusals, now)) return drop(counters_.refusals_limited);
    refusals_.take(limits_.refusals, now);
    return answer(std::move(bytes), counter);
}

Gate::Verdict Gate::again(const Attempt& attempt) noexcept {
    if (attempt.answer.empty()) return drop(counters_.repeated);
    ++counters_.answered_again;
    Verdict verdict;
    verdict.decision = Decision::answer;
    verdict.answer = attempt.answer;
    return verdict;
}

std::size_t Gate::prefix_of(const SocketAddress& mapped) const noexcept {
    const auto address = mapped.unmapped();
    if (is_loopback(address)) return no_prefix;
    constexpr std::size_t v4_bytes = 3;
    constexpr std::size_t v6_bytes = 7;
    std::array<std::byte, 1 + v6_bytes> bytes{};
    bytes[0] = address.v6 ? std::byte{6} : std::byte{4};
    const auto ip = std::as_bytes(std::span{address.ip});
    std::ranges::copy(ip.first(address.v6 ? v6_bytes : v4_bytes), bytes.begin() + 1);
    return static_cast<std::size_t>(crypto::short_hash(prefix_key_, bytes) % prefix_count);
}

std::uint32_t& Gate::half_open_of(const Attempt& attempt) noexcept {
    auto& prefix = prefixes_[attempt.prefix];
    return attempt.proven ? prefix.half_open : prefix.half_open_strangers;
}

// No longer half open, if it was.
void Gate::close(Attempt& attempt, State state) noexcept {
    if (attempt.state == State::half_open) {
        --half_open_;
        if (attempt.prefix != no_prefix) --half_open_of(attempt);
    }
    attempt.state = state;
    attempt.answer = {};
}

// Null if that attempt was erased, though another one with the same key may have come.
Gate::Attempt* Gate::find(const Due& due) noexcept {
    const auto found = attempts_.find(due.key);
    const bool same = found != attempts_.end() && found->second.serial == due.serial;
    return same ? &found->second : nullptr;
}

}  // namespace braid::transport
