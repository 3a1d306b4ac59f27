#include "transport/udp/receive_slab.hpp"

#include "catch.hpp"

#include <utility>
#include <vector>

using namespace braid::transport;

TEST_CASE("a slab is one's own until it is shared") {
    const auto before = ReceiveSlab::in_use();
    auto slab = ReceiveSlab::borrow();
    REQUIRE(slab);
    CHECK(slab.sole());
    CHECK(slab.bytes().size() == ReceiveSlab::bytes_max);
    auto second = slab;
    CHECK(second == slab);
    CHECK_FALSE(slab.sole());
    second = {};
    CHECK(slab.sole());
    CHECK(ReceiveSlab::in_use() == before + 1);
    slab = {};
    CHECK_FALSE(slab);
    CHECK(ReceiveSlab::in_use() == before);
}

TEST_CASE("the last reader of a slab gives it back") {
    const auto before = ReceiveSlab::in_use();
    auto slab = ReceiveSlab::borrow();
    auto reader = std::move(slab);
    auto other = reader;
    reader = {};
    CHECK(ReceiveSlab::in_use() == before + 1);
    other = {};
    CHECK(ReceiveSlab::in_use() == before);
}

TEST_CASE("there are only so many slabs") {
    std::vector<ReceiveSlab::Share> all;
    while (all.size() <= ReceiveSlab::in_use_max) {
        auto slab = ReceiveSlab::borrow();
        if (!slab) break;
        all.push_back(std::move(slab));
    }
    CHECK(ReceiveSlab::in_use() == ReceiveSlab::in_use_max);
    CHECK_FALSE(ReceiveSlab::borrow());
    all.pop_back();
    CHECK(ReceiveSlab::borrow());
}
