// How streams begin and end where packets overtake each other.

#include "protocol/mux_pair.hpp"

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::Promises;
using braid::StreamOptions;
using braid::test::MuxPair;

namespace {

constexpr auto in_order = Promises::ordered | Promises::guaranteed_delivery;

}  // namespace

TEST_CASE("What overtakes the OPEN of a slot used before is not taken for its last stream") {
    MuxPair pair;
    auto& first = pair.one.open({.promises = in_order});
    pair.one.send(first, 10);
    pair.settle();
    auto& twin = pair.twin(first);
    pair.one.mux.release(first, pair.now);
    pair.other.mux.finish(twin, pair.now);
    // The other's last words arrive, and it does not hear that they did.
    for (int i = 0; i < 4; ++i) {
        for (auto unit = pair.one.fill(); !unit.empty(); unit = pair.one.fill()) {
            pair.carry(pair.one, pair.other, unit);
        }
        for (auto unit = pair.other.fill(); !unit.empty(); unit = pair.other.fill()) {
            REQUIRE(pair.one.hear(unit).stored);
        }
    }
    CHECK(pair.one.mux.stream_count() == 0);
    CHECK(pair.other.mux.stream_count() == 1);
    pair.pass(2s);

    // What was sent before may still wait to be read here, however long ago that was.
    pair.one.open({.promises = in_order});
    CHECK(pair.one.fill().frames()[0].slot == 2);
    pair.other.mux.ping();
    REQUIRE(pair.one.hear(pair.other.fill()).stored);

    auto& second = pair.one.open({.promises = in_order});
    const auto open = pair.one.fill();
    REQUIRE(open.frames()[0].slot == 0);
    pair.one.send(second, 10);
    const auto early = pair.one.fill();
    pair.one.mux.finish(second, pair.now);
    const auto end = pair.one.fill();
    REQUIRE(end.frames()[0].type == FrameType::close_stream);
    CHECK_FALSE(pair.other.hear(early).stored);
    CHECK_FALSE(pair.other.hear(end).stored);
    CHECK(pair.other.hear(open).stored);
    CHECK(pair.other.hear(early).stored);
    CHECK(pair.other.hear(end).stored);
    CHECK(pair.other.read(pair.twin(second)) == std::vector{1});
    CHECK(pair.twin(second).inbound.ended());
}

TEST_CASE("What comes late for a stream that is over is stored for a second") {
    MuxPair pair;
    auto& stream = pair.one.open({.promises = in_order});
    pair.settle();
    pair.one.send(stream, 10);
    const auto message = pair.one.fill();
    REQUIRE(pair.other.hear(message).stored);
    auto& twin = pair.twin(stream);
    pair.one.mux.release(stream, pair.now);
    pair.other.mux.finish(twin, pair.now);
    for (int i = 0; i < 4; ++i) {
        for (auto unit = pair.one.fill(); !unit.empty(); unit = pair.one.fill()) {
            REQUIRE(pair.other.hear(unit).stored);
        }
        for (auto unit = pair.other.fill(); !unit.empty(); unit = pair.other.fill()) {
            REQUIRE(pair.one.hear(unit).stored);
        }
    }
    CHECK(twin.inbound.ended());
    CHECK(pair.other.hear(message).stored);
    pair.pass(999ms);
    CHECK(pair.other.hear(message).stored);
    pair.pass(1ms);
    CHECK_FALSE(pair.other.hear(message).stored);
}
