#include "transport/udp/reset_token.hpp"

#include <span>

namespace braid::transport {

ResetToken reset_token(const crypto::Secret& secret, ConnectionId id) noexcept {
    std::array<std::byte, sizeof id> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(id >> (8 * i));
    ResetToken token;
    crypto::hash(token, secret, "braid reset", {bytes});
    return token;
}

}  // namespace braid::transport
