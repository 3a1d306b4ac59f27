// A gate and those who knock at it, in time that stands still between them.
#pragma once

#include "catch.hpp"
#include "transport/udp/gate.hpp"
#include "transport/udp/handshake_sample.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace braid::test {

using namespace transport;
using namespace std::chrono_literals;

using Decision = Gate::Decision;

inline constexpr std::uint32_t lan = 10u << 24;
inline const auto loopback = sample_address(0x7f000001);

inline protocol::Time at(protocol::Duration since) { return protocol::Time{1h + since}; }

struct Door {
    explicit Door(const GateLimits& limits = {})
        : gate{{sample_secret(1), sample_secret(2)}, limits} {}

    Gate gate;

    Gate::Verdict knock(const SocketAddress& from, AttemptId attempt, protocol::Duration when,
                        const std::optional<crypto::Cookie>& cookie = {}) {
        return gate.handshake(from, encode_initial(attempt, cookie, sample_message()), at(when));
    }

    /// The cookie that it is told to come back with.
    crypto::Cookie cookie_for(const SocketAddress& from, AttemptId attempt,
                              protocol::Duration when) {
        const auto verdict = knock(from, attempt, when);
        REQUIRE(verdict.decision == Decision::answer);
        return cookie_in(verdict);
    }

    static crypto::Cookie cookie_in(const Gate::Verdict& verdict) {
        const auto head = HandshakeHead::decode(verdict.answer);
        REQUIRE(head);
        REQUIRE(head->kind == HandshakeKind::retry);
        return *decode_retry(head->body);
    }
};

inline GateLimits always_cookies() {
    GateLimits limits;
    limits.cookies = CookiePolicy::always;
    return limits;
}

inline bool is_retry(const Gate::Verdict& verdict) {
    return verdict.decision == Decision::answer &&
           HandshakeHead::decode(verdict.answer)->kind == HandshakeKind::retry;
}

}  // namespace braid::test
