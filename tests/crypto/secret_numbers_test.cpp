#include "crypto/secret_numbers.hpp"

#include "catch.hpp"

#include <set>

using braid::crypto::SecretNumbers;

TEST_CASE("secret numbers are SipHash-2-4 of a counter") {
    SecretNumbers::Key key;
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::byte>(i);
    SecretNumbers numbers{key};
    // As an implementation of its own computes them, which reproduces the paper's vector.
    CHECK(numbers.next() == 0x39d3851ca07681a7u);
    CHECK(numbers.next() == 0x2b91b2b085e6d1f6u);
    CHECK(numbers.at(0) == 0x39d3851ca07681a7u);
}

TEST_CASE("secret numbers of another seed or purpose are others") {
    std::set<std::uint64_t> seen;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        for (std::uint64_t purpose = 0; purpose < 8; ++purpose) {
            SecretNumbers numbers{seed, purpose};
            for (int i = 0; i < 8; ++i) seen.insert(numbers.next());
        }
    }
    CHECK(seen.size() == 8 * 8 * 8);
    CHECK(SecretNumbers{7, 1}.next() == SecretNumbers{7, 1}.next());
}
