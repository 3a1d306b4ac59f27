#include "transport/udp/reset_token.hpp"

#include "catch.hpp"

#include <set>

using namespace braid;
using namespace braid::transport;

TEST_CASE("a reset token belongs to one connection of one secret and outlives a restart") {
    std::set<ResetToken> tokens;
    for (unsigned letter = 0; letter < 4; ++letter) {
        crypto::Secret secret;
        secret.fill(static_cast<std::byte>(letter));
        for (unsigned bit = 0; bit < 32; ++bit) {
            const ConnectionId id = 1u << bit;
            CHECK(reset_token(secret, id) == reset_token(crypto::Secret{secret}, id));
            tokens.insert(reset_token(secret, id));
        }
    }
    CHECK(tokens.size() == 4 * 32);
}
