// How streams end while one of several channels dies: each end hears of that in its own time.

#include "protocol/mux_pair.hpp"

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::Promises;
using braid::StreamOptions;
using braid::test::MuxPair;

namespace {

constexpr auto in_order = Promises::ordered | Promises::guaranteed_delivery;

}  // namespace

TEST_CASE("An OPEN that comes late by a dying channel does not keep a stream") {
    MuxPair pair;
    const auto second = pair.add_link(true);
    auto& stream = pair.one.open({.promises = in_order});
    const auto late = pair.one.fill();
    pair.one.mux.finish(stream, pair.now);
    pair.one.mux.detach(pair.one.port, pair.now);
    pair.settle(second);
    auto& twin = pair.twin(stream);
    REQUIRE(twin.inbound.ended());

    REQUIRE(pair.other.hear(late).stored);
    pair.other.mux.detach(pair.other.port, pair.now);
    pair.other.mux.finish(twin, pair.now);
    pair.settle(second);
    pair.one.mux.release(stream, pair.now);
    pair.other.mux.release(twin, pair.now);
    CHECK(pair.one.mux.stream_count() == 0);
    CHECK(pair.other.mux.stream_count() == 0);
}

TEST_CASE("Who asks by another channel is answered there before the stream is forgotten") {
    const bool first_lossless = GENERATE(true, false);
    const bool second_lossless = GENERATE(true, false);
    CAPTURE(first_lossless, second_lossless);
    MuxPair pair{braid::test::mux_pair_options(), first_lossless};
    const auto second = pair.add_link(second_lossless);
    auto& stream = pair.one.open({.promises = in_order});
    pair.settle();
    auto& twin = pair.twin(stream);
    pair.other.mux.finish(twin, pair.now);
    pair.settle();
    REQUIRE(stream.inbound.ended());

    // The last word of the one end dies with the first channel: it says it again by the second.
    pair.one.mux.finish(stream, pair.now);
    REQUIRE_FALSE(pair.one.fill().empty());
    pair.one.mux.detach(pair.one.port, pair.now);
    pair.one.mux.release(stream, pair.now);
    pair.other.mux.release(twin, pair.now);
    pair.settle(second);
    // The other end has not noticed.
    pair.other.fill();
    pair.other.mux.detach(pair.other.port, pair.now);
    pair.settle(second);
    CHECK(pair.one.mux.stream_count() == 0);
    CHECK(pair.other.mux.stream_count() == 0);
}

TEST_CASE("Who asks about a forgotten stream by one channel after another is answered") {
    MuxPair pair{braid::test::mux_pair_options(), true};
    const auto second = pair.add_link(true);
    const auto third = pair.add_link(true);
    auto& stream = pair.one.open({.promises = in_order});
    pair.settle();
    auto& twin = pair.twin(stream);
    pair.other.mux.finish(twin, pair.now);
    pair.settle();
    pair.one.mux.finish(stream, pair.now);
    pair.other.mux.release(twin, pair.now);
    REQUIRE(pair.other.hear(pair.one.fill()).stored);
    REQUIRE_FALSE(pair.other.fill().empty());  // its last word, which is lost
    REQUIRE(pair.other.mux.stream_count() == 0);

    // It is asked by the second channel and answers when that is dead, and then by the third.
    pair.one.mux.detach(pair.one.port, pair.now);
    REQUIRE_FALSE(pair.other.hear(*second.other, pair.one.fill(*second.one)).error);
    pair.one.mux.detach(*second.one, pair.now);
    REQUIRE_FALSE(pair.other.hear(*third.other, pair.one.fill(*third.one)).error);
    const bool answers_in_time = GENERATE(true, false);
    CAPTURE(answers_in_time);
    if (answers_in_time) pair.other.fill(*second.other);
    pair.other.mux.detach(*second.other, pair.now);
    pair.settle(third);
    CHECK(stream.send_error);
    pair.one.mux.release(stream, pair.now);
    CHECK(pair.one.mux.stream_count() == 0);

    // The slot of the stand-in can be used again.
    pair.pass(2s);
    pair.one.mux.ping();
    pair.other.mux.ping();
    pair.settle(third);
    auto& next = pair.one.open({.promises = in_order});
    pair.settle(third);
    CHECK_FALSE(pair.twin(next).inbound.ended());
}

TEST_CASE("What waits for a message that was lost with a channel is delivered at the end") {
    MuxPair pair;
    const auto second = pair.add_link(true);
    StreamOptions options;
    options.promises = Promises::ordered;
    options.reorder_wait = 20ms;
    auto& stream = pair.one.open(options);
    pair.one.send(stream, 10);
    pair.settle();
    auto& twin = pair.twin(stream);
    pair.one.send(stream, 10);
    REQUIRE_FALSE(pair.one.fill().empty());
    pair.one.mux.detach(pair.one.port, pair.now);
    pair.settle(second);
    pair.other.mux.detach(pair.other.port, pair.now);
    CHECK(pair.other.read(twin) == std::vector{0});

    pair.one.send(stream, 10);
    pair.one.mux.finish(stream, pair.now);
    pair.other.mux.take_changed();
    twin.changes = 0;
    pair.settle(second);
    CHECK(twin.inbound.ended());
    CHECK(twin.has(StreamChange::delivered));
    CHECK(pair.other.read(twin) == std::vector{2});
    CHECK(stream.send_error);
}

TEST_CASE("An OPEN that died with a second channel is not said of the slot on the third") {
    MuxPair pair;
    const auto second = pair.add_link(true);
    const auto third = pair.add_link(false);
    auto& stream = pair.one.open({.promises = in_order});
    pair.one.send(stream, 10);
    pair.settle();
    auto& twin = pair.twin(stream);
    pair.one.mux.detach(pair.one.port, pair.now);
    pair.one.mux.detach(*second.one, pair.now);
    pair.other.mux.detach(pair.other.port, pair.now);
    pair.carry(third, pair.one, pair.other, pair.one.fill(*third.one));
    pair.other.mux.detach(*second.other, pair.now);
    pair.settle(third);
    pair.one.mux.release(stream, pair.now);
    pair.other.mux.release(twin, pair.now);
    pair.settle(third);
    CHECK(pair.one.mux.stream_count() == 0);
    CHECK(pair.other.mux.stream_count() == 0);
}

TEST_CASE("What the peer said by the third channel holds after the second has died too") {
    MuxPair pair;
    const auto second = pair.add_link(false);
    const auto third = pair.add_link(false);
    auto& stream = pair.one.open({.promises = in_order});
    pair.settle();
    auto& twin = pair.twin(stream);
    pair.one.mux.finish(stream, pair.now);
    pair.settle();
    pair.other.mux.release(twin, pair.now);
    pair.other.mux.detach(pair.other.port, pair.now);
    pair.other.mux.detach(*second.other, pair.now);
    pair.settle(third);
    CHECK(pair.other.mux.stream_count() == 0);

    pair.one.mux.release(stream, pair.now);
    pair.one.mux.detach(pair.one.port, pair.now);
    pair.one.mux.detach(*second.one, pair.now);
    pair.settle(third);
    CHECK(pair.one.mux.stream_count() == 0);
}
