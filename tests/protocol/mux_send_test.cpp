// What a unit of a link that loses is made of.

#include "protocol/mux_pair.hpp"

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::Promises;
using braid::StreamOptions;
using braid::test::mux_pair_options;
using braid::test::MuxPair;

namespace {

StreamOptions options(int priority,
                      Promises promises = Promises::ordered | Promises::guaranteed_delivery) {
    StreamOptions made;
    made.priority = priority;
    made.promises = promises;
    return made;
}

}  // namespace

TEST_CASE("An urgent unit holds messages of priority 0 and 1 only") {
    MuxPair pair;
    auto& bulk = pair.one.open(options(6));
    auto& input = pair.one.open(options(0));
    auto& state = pair.one.open(options(1));
    auto& soon = pair.one.open(options(2));
    pair.settle();
    CHECK_FALSE(pair.one.port.urgent_pending(pair.now));
    pair.one.send(bulk, 50'000);
    pair.one.send(soon, 100);
    CHECK(pair.one.port.pending(pair.now));
    CHECK_FALSE(pair.one.port.urgent_pending(pair.now));
    CHECK(pair.one.fill_urgent().empty());

    pair.one.send(state, 100);
    pair.one.send(input, 100);
    CHECK(pair.one.port.urgent_pending(pair.now));
    const auto unit = pair.one.fill_urgent();
    const auto messages = unit.messages();
    REQUIRE(messages.size() == 2);  // slots are given in the order of opening: 0, 2, 4, 6
    CHECK(messages[0].slot == 2);
    CHECK(messages[1].slot == 4);
    CHECK_FALSE(pair.one.port.urgent_pending(pair.now));
    CHECK(pair.one.port.pending(pair.now));
    pair.carry(pair.one, pair.other, unit);
    CHECK(input.outbound.settled());

    // What is lost of it is as urgent as it was.
    pair.one.send(input, 100);
    const auto lost = pair.one.fill_urgent();
    CHECK_FALSE(pair.one.port.urgent_pending(pair.now));
    pair.one.port.lost(lost.token, pair.now);
    CHECK(pair.one.port.urgent_pending(pair.now));
    CHECK(pair.one.fill_urgent().messages().size() == 1);
}

TEST_CASE("A control frame that waits is urgent") {
    MuxPair pair;
    pair.one.open(options(6));
    CHECK(pair.one.port.urgent_pending(pair.now));
    const auto unit = pair.one.fill_urgent();
    REQUIRE(unit.frames().size() == 1);
    CHECK(unit.frames()[0].type == FrameType::open);
    CHECK_FALSE(pair.one.port.urgent_pending(pair.now));
}

TEST_CASE("A goodbye that nobody will repeat leaves several times where it may get lost") {
    for (const bool lossless : {false, true}) {
        for (const bool said_before : {false, true}) {
            MuxPair pair{mux_pair_options(), lossless};
            pair.settle();
            if (said_before) {
                pair.one.mux.close({1, "first"});
                CHECK(pair.one.fill().frames().size() == 1);
            }
            pair.one.mux.close_at_once({2, "second"});
            std::size_t copies = 0;
            for (auto unit = pair.one.fill(); !unit.empty(); unit = pair.one.fill()) {
                const auto frames = unit.frames();
                REQUIRE(frames.size() == 1);
                CHECK(frames[0].type == FrameType::close);
                CHECK(frames[0].code == (said_before ? 1 : 2));
                ++copies;
            }
            CHECK(copies == (lossless ? (said_before ? 0 : 1) : 4));
            CHECK(pair.one.mux.close_sent());
        }
    }
}

TEST_CASE("A short message alone in a unit costs one byte") {
    MuxPair pair;
    auto& game = pair.one.open(options(1, Promises::none));
    auto& numbered = pair.one.open(options(2));
    pair.settle();
    pair.one.send(game, 64);
    CHECK(pair.one.fill().bytes.size() == 1 + 64);
    pair.one.send(numbered, 64);
    CHECK(pair.one.fill().bytes.size() == 3 + 64);
    for (int i = 0; i < 10; ++i) pair.one.send(game, 64);
    CHECK(pair.one.fill().bytes.size() == 9 * 66 + 65);
    pair.one.send(numbered, 64);
    pair.one.mux.finish(numbered, pair.now);
    CHECK(pair.one.fill().bytes.size() == 4 + 64 + 3);  // CLOSE_STREAM follows it
}

TEST_CASE("A long message fills its units to the last byte") {
    MuxPair pair;
    auto& bulk = pair.one.open(options(6));
    pair.settle();
    pair.one.send(bulk, 100'000);
    for (const auto room : {1'200, 1'452, 333, 500}) {
        const auto unit = pair.one.fill(static_cast<std::size_t>(room));
        CHECK(unit.bytes.size() == static_cast<std::size_t>(room));
        CHECK(unit.messages().size() == 1);
        pair.carry(pair.one, pair.other, unit);
    }
    pair.settle();
    CHECK(pair.other.read(pair.twin(bulk)).size() == 1);
}

TEST_CASE("On a slow link a unit is as short as a chunk") {
    MuxPair pair;
    LinkPath path;
    path.rate_bytes_per_second = 100'000;  // of which 4 ms are 400 bytes
    pair.one.port.set_path(path);
    auto& bulk = pair.one.open(options(6));
    auto& input = pair.one.open(options(0));
    pair.settle();
    pair.one.send(bulk, 10'000);
    const auto slow = pair.one.fill();
    CHECK(slow.messages().size() == 1);
    CHECK(slow.messages()[0].payload.size() == 400);
    pair.one.send(input, 50);
    const auto both = pair.one.fill();
    CHECK(both.messages().size() == 2);
    CHECK(both.bytes.size() < 480);
    path.rate_bytes_per_second = 1'000;
    pair.one.port.set_path(path);
    CHECK(pair.one.fill().messages()[0].payload.size() == Scheduler::chunk_bytes_min);
    path.rate_bytes_per_second = 0;  // not known
    pair.one.port.set_path(path);
    CHECK(pair.one.fill().bytes.size() == 1'200);
}
