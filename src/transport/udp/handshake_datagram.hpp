#pragma once

#include "crypto/cookie.hpp"
#include "protocol/handshake.hpp"
#include "protocol/time.hpp"
#include "transport/udp/packet.hpp"
#include "transport/udp/reset_token.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace braid::transport {

/// Datagrams of the handshake (docs/wire.md), by their first byte.
enum class HandshakeKind : std::uint8_t {
    initial = 0x41,  ///< dialling side: may I come in?
    retry = 0x42,    ///< accepting side: ask again, with this cookie
    accept = 0x43,   ///< accepting side: welcome
    finish = 0x44,   ///< kept for the patterns that need a third message
    reset = 0x45,    ///< I know nothing of the connection that you speak of
    version = 0x46,  ///< accepting side: this is what I speak
    refuse = 0x47,   ///< accepting side: no, and why
    cancel = 0x48,   ///< dialling side: never mind
};

/// One try to connect: random, drawn by the dialling side. Who does not see its datagrams cannot
/// answer in the other's name.
using AttemptId = std::uint64_t;

/// How the two ends agree on keys. Both must use the same one.
enum class SecurityPattern : std::uint8_t { plain = 0 };

/// No INITIAL is shorter, so that nothing that answers one is longer (RFC 9000, 8.1).
inline constexpr std::size_t initial_bytes_min = packet_bytes_base;

/// From the first INITIAL to its repetition; each next pause is twice as long.
inline constexpr protocol::Duration initial_pause_first = std::chrono::milliseconds{100};

/// What an end says beside its hello: what matters to datagrams only.
struct UdpTerms {
    static constexpr protocol::Duration ack_delay_limit = std::chrono::seconds{1};

    std::optional<ConnectionId> connection_id;  ///< that the peer puts into its packets; none: none
    std::size_t datagram_bytes_max = packet_bytes_base;  ///< the longest that this end takes
    protocol::Duration ack_delay_max{0};    ///< for which it may hold back an ACK; whole us
    std::optional<ResetToken> reset_token;  ///< accepting side

    bool operator==(const UdpTerms&) const = default;
};

/// With what every datagram of the handshake begins, but for RESET; in all versions.
struct HandshakeHead {
    HandshakeKind kind{};
    protocol::WireVersion version;
    AttemptId attempt = 0;
    std::span<const std::byte> body;  ///< what follows

    /// Nothing if it is none of them.
    static std::optional<HandshakeHead> decode(std::span<const std::byte> datagram) noexcept;
};

/// The body of an INITIAL, as far as it can be told without keys and without allocating.
struct InitialBody {
    std::uint8_t pattern = 0;
    std::optional<crypto::Cookie> cookie;
    std::span<const std::byte> message;  ///< the pattern's first message

    static std::optional<InitialBody> decode(std::span<const std::byte> body) noexcept;
};

/// A message of the plain pattern: the hello of that side, as on a byte stream, and its terms. What
/// a later minor version appends to either is not looked at.
struct PlainMessage {
    protocol::Hello hello;
    UdpTerms terms;

    static std::optional<PlainMessage> decode(std::span<const std::byte> message);
};

/// The message in the body of an ACCEPT; nothing if it is cut short.
std::optional<std::span<const std::byte>> decode_accept(std::span<const std::byte> body) noexcept;
/// The cookie in the body of a RETRY.
std::optional<crypto::Cookie> decode_retry(std::span<const std::byte> body) noexcept;
/// What a REFUSE or a VERSION says.
std::optional<protocol::Refusal> decode_refuse(std::span<const std::byte> body);
std::optional<protocol::Refusal> decode_version(std::span<const std::byte> body);
/// The token in a whole RESET.
std::optional<ResetToken> decode_reset(std::span<const std::byte> datagram) noexcept;

// Whole datagrams. All answers are shorter than any INITIAL.
std::vector<std::byte> encode_initial(AttemptId attempt,
                                      const std::optional<crypto::Cookie>& cookie,
                                      const PlainMessage& message,
                                      protocol::WireVersion version = {},
                                      SecurityPattern pattern = SecurityPattern::plain);
std::vector<std::byte> encode_retry(AttemptId attempt, const crypto::Cookie& cookie);
std::vector<std::byte> encode_accept(AttemptId attempt, const PlainMessage& message,
                                     protocol::WireVersion version = {});
std::vector<std::byte> encode_refuse(AttemptId attempt, const protocol::Refusal& refusal);
std::vector<std::byte> encode_version(AttemptId attempt,
                                      std::span<const protocol::WireVersion> versions);
std::vector<std::byte> encode_cancel(AttemptId attempt);
std::vector<std::byte> encode_reset(const ResetToken& token);

}  // namespace braid::transport
