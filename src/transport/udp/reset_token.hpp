#pragma once

#include "crypto/hash.hpp"
#include "transport/udp/packet.hpp"

#include <array>
#include <cstddef>

namespace braid::transport {

/// Proves that who says "I know nothing of this connection" is the peer.
using ResetToken = std::array<std::byte, 16>;

/// No shorter packet is answered by a RESET, so that answers, which are always shorter than what
/// they answer, die out (RFC 9000, 10.3.3).
inline constexpr std::size_t reset_trigger_bytes_min = 43;

/// The token of a connection: the same as long as the secret is, also after a restart.
ResetToken reset_token(const crypto::Secret& secret, ConnectionId id) noexcept;

}  // namespace braid::transport
