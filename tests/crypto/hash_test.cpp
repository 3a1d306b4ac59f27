#include "crypto/hash.hpp"

#include "catch.hpp"
#include "crypto/hex.hpp"

using namespace braid::crypto;

namespace {

std::string hashed(std::size_t bytes, std::string_view key, std::string_view purpose,
                   std::initializer_list<std::span<const std::byte>> parts) {
    std::vector<std::byte> out(bytes);
    hash(out, bytes_of(key), purpose, parts);
    return to_hex(out);
}

}  // namespace

TEST_CASE("hash is BLAKE2b of RFC 7693") {
    CHECK(hashed(64, "", "", {bytes_of("abc")}) ==
          "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
          "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
    CHECK(hashed(64, "", "", {bytes_of("a"), bytes_of(""), bytes_of("bc")}) ==
          hashed(64, "", "", {bytes_of("abc")}));
}

TEST_CASE("hash depends on key and purpose and length") {
    const std::string key(32, 'k');
    // As Python's hashlib computes it.
    const auto expected = "aa961272b41f6327512425cdab938602";
    CHECK(hashed(16, key, "purpose", {bytes_of("abc")}) == expected);
    CHECK(hashed(16, key, "purpose2", {bytes_of("abc")}) != expected);
    CHECK(hashed(16, "", "purpose", {bytes_of("abc")}) != expected);
    CHECK(hashed(32, key, "purpose", {bytes_of("abc")}).substr(0, 32) != expected);
}

TEST_CASE("equal compares length and every byte") {
    const auto bytes = counting(16);
    CHECK(equal(bytes, counting(16)));
    CHECK(equal({}, {}));
    CHECK_FALSE(equal(bytes, counting(15)));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto other = bytes;
        other[i] ^= std::byte{0x80};
        CHECK_FALSE(equal(bytes, other));
    }
}
