#pragma once

#include "crypto/cookie.hpp"
#include "protocol/handshake.hpp"
#include "protocol/time.hpp"
#include "transport/udp/handshake_datagram.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace braid::transport {

/// The dialling side of a handshake: asks until it is answered. When to give up is the caller's
/// affair.
class Dialling {
public:
    /// The longest between two INITIALs.
    static constexpr protocol::Duration pause_max = std::chrono::seconds{4};
    /// Cookies that are sent back at once; later ones wait for the next INITIAL.
    static constexpr unsigned retries_at_once = 3;

    /// @param attempt random
    Dialling(AttemptId attempt, PlainMessage message, protocol::Time now);

    enum class State : std::uint8_t {
        asking,
        accepted,  ///< peer() is the accepting side's message
        failed,    ///< refusal() says why
    };
    State state() const noexcept { return state_; }

    /// The INITIAL that is to be sent now; empty if none is.
    std::span<const std::byte> outgoing(protocol::Time now) const noexcept;
    /// It is out, or was not taken.
    void sent(protocol::Time now) noexcept;
    /// When outgoing() has the next one.
    protocol::Time deadline() const noexcept { return due_; }

    /// A datagram that is no packet has come from the address that is dialled.
    State received(std::span<const std::byte> datagram, protocol::Time now);

    /// What tells the accepting side to forget this attempt, whose answer nobody waits for.
    std::vector<std::byte> cancellation() const { return encode_cancel(attempt_); }

    const PlainMessage& peer() const noexcept { return peer_; }
    protocol::WireVersion version() const noexcept { return version_; }  ///< the peer's
    const protocol::Refusal& refusal() const noexcept { return refusal_; }

    /// From an INITIAL to what answered it; 0 if it cannot be told which one was answered (Karn).
    protocol::Duration round_trip_time() const noexcept { return round_trip_time_; }

    struct Counters {
        std::uint64_t sent = 0;
        std::uint64_t retries = 0;  ///< cookies that were taken
        std::uint64_t dropped = 0;  ///< of another attempt, or no answer at all
    };
    const Counters& counters() const noexcept { return counters_; }

private:
    void on_retry(const HandshakeHead& head, protocol::Time now);
    void on_accept(const HandshakeHead& head, protocol::Time now);
    void fail(protocol::Refusal refusal);
    void measure(protocol::Time now) noexcept;

    AttemptId attempt_;
    PlainMessage message_;
    std::optional<crypto::Cookie> cookie_;
    std::vector<std::byte> initial_;
    State state_ = State::asking;
    protocol::Time due_;
    protocol::Duration pause_ = initial_pause_first;
    protocol::Time sent_at_{};
    std::uint64_t unanswered_ = 0;
    protocol::Duration round_trip_time_{0};
    PlainMessage peer_;
    protocol::WireVersion version_;
    protocol::Refusal refusal_;
    Counters counters_;
};

}  // namespace braid::transport
