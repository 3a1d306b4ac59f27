#include "protocol/receipts.hpp"

#include "catch.hpp"
#include "protocol/outbound.hpp"

#include <vector>

using namespace braid::protocol;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<std::uint64_t>;

/// A stream that may lose, whose messages leave at once.
struct Lane {
    explicit Lane(bool sequenced) : receipts{sequenced} {}

    void send(bool asked, std::uint32_t bytes = 100, std::uint64_t first_bytes = 100,
              bool by_peer = false) {
        receipts.queue(asked ? sent : Receipts::not_asked);
        receipts.begin(sent++, bytes, std::min<std::uint64_t>(bytes, first_bytes), by_peer);
        receipts.end();
    }

    void acked(std::uint64_t number, std::uint64_t offset = 0, std::uint64_t bytes = 100) {
        receipts.acked({number, offset, bytes}, now);
    }

    Ids take() {
        Ring<std::uint64_t> ring;
        receipts.take(ring);
        Ids ids;
        for (; !ring.empty(); ring.pop_front()) ids.push_back(ring.front());
        return ids;
    }

    Receipts receipts;
    std::uint64_t sent = 0;
    Time now{1s};
};

}  // namespace

TEST_CASE("What is acknowledged is delivered once, if it was asked about") {
    Lane lane{false};
    for (int i = 0; i < 6; ++i) lane.send(i % 2 == 0);
    for (const auto number : {4u, 1u, 0u, 4u, 7u}) lane.acked(number);
    CHECK(lane.take() == Ids{4, 0});
    lane.acked(0);
    CHECK(lane.take().empty());
    lane.acked(2);
    CHECK(lane.take() == Ids{2});
}

TEST_CASE("Of sequenced messages none is delivered that may have come after a newer one") {
    Lane lane{true};
    for (int i = 0; i < 6; ++i) lane.send(i != 4);
    lane.acked(0);
    lane.acked(2);
    lane.acked(1);
    CHECK(lane.take() == Ids{2});
    lane.acked(3);
    CHECK(lane.take() == Ids{3});
    lane.acked(4);  // nobody asked about it, but it is newer
    CHECK(lane.take().empty());
    lane.acked(3);
    CHECK(lane.take().empty());
    lane.acked(5);
    CHECK(lane.take() == Ids{5});
}

TEST_CASE("A message in parts is delivered when all have arrived") {
    Lane lane{false};
    lane.send(true, 250);
    lane.acked(0, 0, 100);
    lane.acked(0, 200, 50);
    CHECK(lane.take().empty());
    lane.acked(0, 100, 100);
    CHECK(lane.take() == Ids{0});
}

TEST_CASE("Of parts that the receiver may have given up nothing is said") {
    Lane many{false};
    for (int i = 0; i < 17; ++i) many.send(true, 200);
    for (std::uint64_t number = 0; number < 17; ++number) {
        many.acked(number, 0, 100);
        many.acked(number, 100, 100);
    }
    const auto ids = many.take();
    REQUIRE(ids.size() == 15);
    CHECK(ids.front() == 2);

    Lane large{false};
    large.send(true, 100'000, 1'000);
    large.send(true, 50'000, 1'000);
    large.acked(0, 0, 50'000);
    large.acked(0, 50'000, 50'000);
    CHECK(large.take().empty());
    large.acked(1, 0, 1'000);
    large.acked(1, 1'000, 49'000);
    CHECK(large.take() == Ids{1});

    // It is newer than all that come after it, all the same.
    Lane sequenced{true};
    for (int i = 0; i < 18; ++i) sequenced.send(true, 200);
    for (const auto number : {1u, 0u}) {
        sequenced.acked(number, 0, 100);
        sequenced.acked(number, 100, 100);
        CHECK(sequenced.take().empty());
    }
}

TEST_CASE("What is acknowledged long after the end of its stream may have come too late") {
    Lane lane{false};
    for (int i = 0; i < 3; ++i) lane.send(true);
    lane.receipts.close(lane.now);
    lane.now += 250ms;
    lane.receipts.close(lane.now);
    lane.acked(0);
    CHECK(lane.take() == Ids{0});
    lane.now += 1ns;
    lane.acked(1);
    CHECK(lane.take().empty());
}

TEST_CASE("On links that lose nothing the peer tells what it has") {
    for (const bool sequenced : {false, true}) {
        Lane lane{sequenced};
        lane.send(false, 100, 100, true);
        CHECK_FALSE(lane.receipts.take_unasked());
        for (int i = 0; i < 3; ++i) lane.send(true, 100, 100, true);
        CHECK(lane.receipts.take_unasked());
        CHECK_FALSE(lane.receipts.take_unasked());
        lane.acked(1);
        CHECK(lane.take().empty());
        lane.receipts.confirm_below(3);
        CHECK(lane.take() == Ids{1, 2});
        lane.receipts.confirm_below(3);
        CHECK(lane.take().empty());
        lane.receipts.forget_sent();  // the channel died
        lane.send(true, 100, 100, true);
        lane.receipts.confirm_below(5);
        CHECK(lane.take() == Ids{4});
    }
}

TEST_CASE("The newest receipts are kept if nobody takes them") {
    Lane lane{false};
    const auto count = Receipts::kept_max + 10;
    for (std::size_t i = 0; i < count; ++i) {
        lane.send(true);
        lane.acked(i);
    }
    auto ids = lane.take();
    REQUIRE(ids.size() == Receipts::kept_max);
    CHECK(ids.front() == 10);

    for (std::size_t i = 0; i < count; ++i) lane.send(true);
    for (std::size_t i = count; i < 2 * count; ++i) lane.acked(i);
    ids = lane.take();
    REQUIRE(ids.size() == Receipts::kept_max);
    CHECK(ids.front() == count + 10);
}
