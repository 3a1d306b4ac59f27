#include "transport/udp/receive_slab.hpp"

#include "catch.hpp"

#include <utility>
#include <vector>

using namespace braid::transport;

TEST_CASE("a slab is one's own until it is shared") {
    const auto before = ReceiveSlab::in_use();
    auto slab = ReceiveSlab::borrow().slab;
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
    auto slab = ReceiveSlab::borrow().slab;
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
        auto slab = ReceiveSlab::borrow().slab;
        if (!slab) break;
        all.push_back(std::move(slab));
    }
    CHECK(ReceiveSlab::in_use() == ReceiveSlab::in_use_max);
    CHECK_FALSE(ReceiveSlab::borrow().slab);
    all.pop_back();
    CHECK(ReceiveSlab::borrow().slab);
}

TEST_CASE("who receives next goes on in the slab of who received last") {
    const auto before = ReceiveSlab::in_use();
    auto first = ReceiveSlab::borrow(1000);
    first.used += 600;
    auto reader = first.slab;
    ReceiveSlab::put_back(std::move(first));
    CHECK(ReceiveSlab::in_use() == before + 1);

    auto second = ReceiveSlab::borrow(ReceiveSlab::bytes_max - 600);
    CHECK(second.slab == reader);
    CHECK(second.used == 600);
    CHECK(second.rest().data() == reader.bytes().data() + 600);
    ReceiveSlab::put_back(std::move(second));

    // Where the rest is too short, another one is begun.
    auto third = ReceiveSlab::borrow(ReceiveSlab::bytes_max - 599);
    CHECK_FALSE(third.slab == reader);
    CHECK(third.used == 0);
    reader = {};
    third = {};
    CHECK(ReceiveSlab::in_use() == before);
}

TEST_CASE("a slab that all have read is filled from its beginning") {
    const auto before = ReceiveSlab::in_use();
    auto first = ReceiveSlab::borrow();
    first.used = 600;
    auto reader = first.slab;
    const auto* const id = reader.id();
    ReceiveSlab::put_back(std::move(first));
    reader = {};
    CHECK(ReceiveSlab::in_use() == before);
    auto second = ReceiveSlab::borrow();
    CHECK(second.slab.id() == id);
    CHECK(second.used == 0);
    ReceiveSlab::put_back(std::move(second));
    CHECK(ReceiveSlab::in_use() == before);
}
