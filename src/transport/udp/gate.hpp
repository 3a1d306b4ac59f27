#pragma once

#include "crypto/cookie.hpp"
#include "crypto/hash.hpp"
#include "protocol/time.hpp"
#include "transport/udp/handshake_datagram.hpp"
#include "transport/udp/rate_limit.hpp"
#include "transport/udp/socket_address.hpp"

#include <braid/limits.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace braid::transport {

/// When a newcomer has to show first that it receives what is sent to its address.
enum class CookiePolicy : std::uint8_t {
    adaptive,  ///< when there are many; loopback is exempt
    always,
    never,  ///< where nobody forges addresses
};

struct GateLimits {
    /// What a listener does that keeps `limits`.
    static GateLimits of(const Limits& limits) noexcept;

    CookiePolicy cookies = CookiePolicy::adaptive;
    std::size_t half_open = 1024;
    std::size_t half_open_per_prefix = 16;  ///< /24 of IPv4, /56 of IPv6; loopback is exempt
    std::size_t half_open_without_cookie = 64;
    RateLimit::Rate newcomers{200, 200};  ///< loopback is exempt
    RateLimit::Rate newcomers_without_cookie{100, 100};
    RateLimit::Rate newcomers_per_prefix{8, 16};  ///< loopback is exempt
    RateLimit::Rate refusals{100, 100};           ///< those that need no newcomer: REFUSE, VERSION
    RateLimit::Rate resets{100, 100};
    /// Whose packets of a connection that has ended do not end gets no more; loopback is exempt.
    RateLimit::Rate resets_per_prefix{10, 10};
    protocol::Duration handshake = std::chrono::seconds{5};
    /// Attempts that are known, so that none comes in twice; more are turned away.
    std::size_t attempts = 4096;
};

/// Both drawn by the caller. What was signed with the second stays true for as long as it is kept.
struct GateSecrets {
    crypto::Secret cookies{};
    crypto::Secret resets{};
};

/// Who asks.
struct AttemptKey {
    SocketAddress from;
    AttemptId attempt = 0;
    bool operator==(const AttemptKey&) const = default;
};

/// Stands between a listening socket and everything that costs memory or time: says what to do with
/// each datagram of a handshake, the cheapest checks first. Nothing is sent that was not asked for,
/// and no answer is longer than the question.
class Gate {
public:
    /// How long an attempt is known, if not half open for longer: no cookie brings it back.
    static constexpr protocol::Duration attempt_memory =
        crypto::Cookies::lifetime + std::chrono::seconds{1};

    Gate(const GateSecrets& secrets, const GateLimits& limits);

    /// A peer that may come in, if whoever decides wants it.
    struct Newcomer {
        AttemptKey key;
        protocol::WireVersion version;
        PlainMessage message;
        bool proven = false;             ///< it receives what is sent to its address
        std::size_t received_bytes = 0;  ///< from it; what it may get until it is proven is three
                                         ///< times that
    };
    enum class Decision : std::uint8_t { drop, answer, admit };
    struct Verdict {
        Decision decision = Decision::drop;
        std::span<const std::byte> answer;  ///< to be sent back; until the next call
        std::optional<Newcomer> newcomer;   ///< of admit
    };

    /// A datagram that is no packet has come.
    Verdict handshake(const SocketAddress& from, std::span<const std::byte> datagram,
                      protocol::Time now);

    // What became of a newcomer; of attempts that are forgotten by now they do nothing.

    /// It is wanted: this ACCEPT has been sent to it, and answers it if it asks again.
    void accepted(const AttemptKey& key, std::vector<std::byte> answer);
    /// It is not: likewise, and it is no longer half open.
    void refused(const AttemptKey& key, std::vector<std::byte> answer);
    /// Its first packet has come.
    void confirmed(const AttemptKey& key);
    /// There will be nothing of it. What was never answered may ask again; the answer that was
    /// given may have been lost, and answers it still: whoever gets none waits for as long as it
    /// can.
    void gone(const AttemptKey& key);

    /// A packet has come for a connection that there is none of.
    /// @returns what to send back; empty: nothing. Until the next call
    std::span<const std::byte> reset_for(const SocketAddress& from, ConnectionId id,
                                         std::size_t packet_bytes, protocol::Time now);

    /// Forgets what is too old; handshake() does so, too.
    void advance(protocol::Time now);

    std::size_t half_open() const noexcept { return half_open_; }
    std::size_t attempts() const noexcept { return attempts_.size(); }

    /// One for each outcome.
    struct Counters {
        std::uint64_t admitted = 0;
        std::uint64_t answered_again = 0;
        std::uint64_t repeated = 0;   ///< not answered yet, or over: dropped
        std::uint64_t malformed = 0;  ///< dropped
        std::uint64_t limited = 0;    ///< dropped
        std::uint64_t retries = 0;    ///< the next two among them
        std::uint64_t cookies_expired = 0;
        std::uint64_t cookies_forged = 0;
        std::uint64_t versions = 0;  ///< another one is spoken: answered
        std::uint64_t patterns = 0;  ///< another one is wanted: answered
        std::uint64_t refusals_limited = 0;
        std::uint64_t resets = 0;
        std::uint64_t resets_limited = 0;  ///< or too short
        std::uint64_t timed_out = 0;
    };
    const Counters& counters() const noexcept { return counters_; }

private:
    enum class State : std::uint8_t { half_open, refused, over };
    struct Attempt {
        State state = State::half_open;
        bool proven = false;
        std::uint64_t serial = 0;
        std::size_t prefix = 0;  ///< index of; none for loopback
        std::vector<std::byte> answer;
    };
    struct Due {
        AttemptKey key;
        std::uint64_t serial = 0;
        protocol::Time at{};
    };
    struct Prefix {
        RateLimit newcomers;  ///< with a cookie
        RateLimit strangers;  ///< without one
        RateLimit resets;
        std::uint32_t half_open = 0;
        std::uint32_t half_open_strangers = 0;
    };
    struct KeyHash {
        crypto::ShortKey key{};
        std::size_t operator()(const AttemptKey& attempt) const noexcept;
    };
    using Attempts = std::unordered_map<AttemptKey, Attempt, KeyHash>;

    Verdict drop(std::uint64_t& counter) noexcept;
    Verdict answer(std::vector<std::byte> bytes, std::uint64_t& counter) noexcept;
    Verdict refuse(std::vector<std::byte> bytes, std::uint64_t& counter, protocol::Time now);
    Verdict again(const Attempt& attempt) noexcept;
    Verdict consider(const AttemptKey& key, const HandshakeHead& head, const InitialBody& initial,
                     std::size_t bytes, protocol::Time now);
    bool may_reset(std::size_t prefix, protocol::Time now) noexcept;
    bool may_come_without_cookie(std::size_t prefix, protocol::Time now);
    bool has_room(std::size_t prefix, bool proven, protocol::Time now) const noexcept;
    void admit(const AttemptKey& key, std::size_t prefix, bool proven, protocol::Time now);
    std::size_t prefix_of(const SocketAddress& address) const noexcept;
    std::uint32_t& half_open_of(const Attempt& attempt) noexcept;
    void close(Attempt& attempt, State state) noexcept;
    Attempt* find(const Due& due) noexcept;

    GateLimits limits_;
    crypto::Secret reset_secret_;
    crypto::Cookies cookies_;
    crypto::ShortKey prefix_key_{};
    Attempts attempts_;
    std::deque<Due> handshakes_due_;  ///< when they are no longer half open
    std::deque<Due> attempts_due_;    ///< when they are forgotten
    std::vector<Prefix> prefixes_;    ///< by hash; those with the same one share their limits
    std::size_t half_open_ = 0;
    std::uint64_t serial_ = 0;
    RateLimit newcomers_;
    RateLimit strangers_;
    RateLimit refusals_;
    RateLimit resets_;
    std::vector<std::byte> answer_;
    Counters counters_;
};

}  // namespace braid::transport
