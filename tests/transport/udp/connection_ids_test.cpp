#include "transport/udp/connection_ids.hpp"

#include "catch.hpp"

#include <bit>
#include <cstdlib>
#include <memory>
#include <set>

using namespace braid;
using namespace braid::transport;

namespace {

crypto::ShortKey key(unsigned letter) {
    crypto::ShortKey result;
    result.fill(static_cast<std::byte>(letter));
    return result;
}

}  // namespace

TEST_CASE("connection ids are made by Speck32 with a key of 64 bits") {
    // The vector of the paper.
    const ConnectionIdCipher cipher{0x1918111009080100u};
    CHECK(cipher.seal(0x6574694cu) == 0xa86842f2u);
    CHECK(cipher.open(0xa86842f2u) == 0x6574694cu);
}

TEST_CASE("connection ids are a permutation") {
    const ConnectionIdCipher cipher{1};
    std::set<ConnectionId> ids;
    for (std::uint32_t i = 0; i < 4096; ++i) {
        const auto number = i * 0x9e3779b9u;
        const auto id = cipher.seal(number);
        CHECK(cipher.open(id) == number);
        CHECK(cipher.seal(cipher.open(number)) == number);
        ids.insert(id);
    }
    CHECK(ids.size() == 4096);
    CHECK(cipher.seal(0) != ConnectionIdCipher{2}.seal(0));
}

TEST_CASE("connection ids of neighbours have nothing in common") {
    const ConnectionIdCipher cipher{1};
    int bits = 0;
    for (std::uint32_t i = 0; i < 1024; ++i) {
        bits += std::popcount(cipher.seal(i) ^ cipher.seal(i + 1));
    }
    // 16 of 32 bits differ on average; the sum of 1,024 such counts deviates by 90.
    CHECK(std::abs(bits - 16 * 1024) < 5 * 90);
}

TEST_CASE("a connection is found by its id and by no other") {
    ConnectionIds<int> ids{key(1), 100};
    std::vector<ConnectionId> given;
    for (int i = 0; i < 100; ++i) {
        const auto id = ids.add(i);
        REQUIRE(id);
        given.push_back(*id);
    }
    CHECK_FALSE(ids.add(100));
    CHECK(ids.size() == 100);
    for (std::size_t i = 0; i < given.size(); ++i) {
        REQUIRE(ids.find(given[i]) != nullptr);
        CHECK(*ids.find(given[i]) == static_cast<int>(i));
    }
    const std::set<ConnectionId> known{given.begin(), given.end()};
    CHECK(known.size() == 100);
    std::size_t hits = 0;
    for (ConnectionId id = 0; id < 100'000; ++id) {
        if (!known.contains(id) && ids.find(id) != nullptr) ++hits;
    }
    CHECK(hits == 0);
}

TEST_CASE("an id that was given up is not found and is not given to the next") {
    ConnectionIds<std::unique_ptr<int>> ids{key(1), 1};
    std::set<ConnectionId> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto id = ids.add(std::make_unique<int>(i));
        REQUIRE(id);
        CHECK(seen.insert(*id).second);
        CHECK(**ids.find(*id) == i);
        ids.remove(*id);
        ids.remove(*id);
        CHECK(ids.find(*id) == nullptr);
        CHECK(ids.size() == 0);
    }
    for (const auto id : seen) CHECK(ids.find(id) == nullptr);
}

TEST_CASE("places rest as long as they can") {
    ConnectionIds<int> ids{key(1), 3};
    const auto first = *ids.add(1);
    const auto second = *ids.add(2);
    ids.remove(first);
    ids.remove(second);
    CHECK(ids.add(3));
    CHECK(ids.add(4));
    CHECK(ids.add(5));
    CHECK_FALSE(ids.add(6));
    CHECK(ids.size() == 3);
}

TEST_CASE("a table of many connections does not grow with those that are gone") {
    ConnectionIds<int> ids{key(1), ConnectionIds<int>::connections_limit};
    const auto stays = *ids.add(-1);
    std::set<ConnectionId> seen{stays};
    for (int i = 0; i < 10'000; ++i) {
        const auto id = *ids.add(i);
        CHECK(seen.insert(id).second);
        ids.remove(id);
    }
    CHECK(ids.places() == 1 + ConnectionIds<int>::places_resting);
    CHECK(*ids.find(stays) == -1);
}
