// What becomes of the frames of a unit that arrived, or did not.

#include "protocol/mux_pair.hpp"

#include <algorithm>

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::Promises;
using braid::StreamOptions;
using braid::test::mux_pair_options;
using braid::test::MuxPair;
using braid::test::MuxUnit;

namespace {

constexpr auto in_order = Promises::ordered | Promises::guaranteed_delivery;

bool says_blocked(const MuxUnit& unit) {
    const auto frames = unit.frames();
    return std::any_of(frames.begin(), frames.end(),
                       [](const Frame& each) { return each.type == FrameType::blocked; });
}

}  // namespace

TEST_CASE("What a lost unit held comes again before what is new") {
    MuxPair pair;
    auto& stream = pair.one.open({.promises = in_order});
    pair.settle();
    for (int i = 0; i < 5; ++i) pair.one.send(stream, 100);
    const auto lost = pair.one.fill();
    pair.one.port.lost(lost.token, pair.now);
    pair.one.send(stream, 100);
    const auto again = pair.one.fill();
    CHECK(again.messages().size() == 6);
    pair.carry(pair.one, pair.other, again);
    CHECK(pair.other.read(pair.twin(stream)) == std::vector{0, 1, 2, 3, 4, 5});
    CHECK(stream.outbound.settled());
    CHECK(stream.outbound.counters().bytes_resent > 500);
    CHECK(pair.one.held() == 0);
}

TEST_CASE("A unit that was said to be lost and arrived is not sent again") {
    MuxPair pair;
    auto& stream = pair.one.open({.promises = in_order});
    pair.settle();
    for (int i = 0; i < 5; ++i) pair.one.send(stream, 100);
    const auto late = pair.one.fill();
    pair.one.port.lost(late.token, pair.now);
    CHECK(pair.one.port.pending(pair.now));
    pair.carry(pair.one, pair.other, late);
    CHECK_FALSE(pair.one.port.pending(pair.now));
    CHECK(stream.outbound.settled());
    CHECK(pair.other.read(pair.twin(stream)).size() == 5);
}

TEST_CASE("Of a message in parts only those that are missing come again") {
    MuxPair pair;
    auto& stream = pair.one.open({.promises = in_order});
    pair.settle();
    pair.one.send(stream, 10'000);
    std::vector<MuxUnit> units;
    for (auto unit = pair.one.fill(); !unit.empty(); unit = pair.one.fill()) units.push_back(unit);
    REQUIRE(units.size() == 9);
    for (std::size_t i = 0; i < units.size(); ++i) {
        if (i % 3 != 1) pair.carry(pair.one, pair.other, units[i]);
    }
    std::size_t missing = 0;
    for (std::size_t i = 1; i < units.size(); i += 3) {
        missing += units[i].messages()[0].payload.size();
        pair.one.port.lost(units[i].token, pair.now);
    }
    std::size_t sent = 0;
    for (auto unit = pair.one.fill(); !unit.empty(); unit = pair.one.fill()) {
        for (const auto& frame : unit.messages()) sent += frame.payload.size();
        pair.carry(pair.one, pair.other, unit);
    }
    CHECK(sent == missing);
    CHECK(pair.other.read(pair.twin(stream)).size() == 1);
}

TEST_CASE("Who waits for credit says so again if that was lost") {
    for (const bool of_all_streams : {true, false}) {
        auto options = mux_pair_options();
        (of_all_streams ? options.peer.participant_credit : options.peer.stream_credit) = 1'000;
        auto& limits = options.limits;
        (of_all_streams ? limits.participant_receive_window_bytes
                        : limits.stream_receive_window_bytes) = 1'000;
        MuxPair pair{options};
        auto& stream = pair.one.open({.promises = in_order});
        pair.settle();
        for (int i = 0; i < 6; ++i) pair.one.send(stream, 200);
        const auto said = pair.one.fill();
        CHECK(says_blocked(said));
        CHECK(pair.one.fill().empty());
        pair.one.port.lost(said.token, pair.now);
        const auto again = pair.one.fill();
        CHECK(says_blocked(again));
        pair.carry(pair.one, pair.other, again);
        // Once there is more credit, there is nothing to say of the old limit.
        pair.other.read(pair.twin(stream));
        pair.settle();
        pair.one.port.lost(said.token, pair.now);
        CHECK(pair.one.fill().empty());
    }
}

TEST_CASE("Feedback on units that nobody knows changes nothing") {
    MuxPair pair;
    auto& stream = pair.one.open({.promises = in_order});
    pair.one.send(stream, 100);
    const auto unit = pair.one.fill();
    for (const auto token : {FrameToken{0}, unit.token + 1, ~FrameToken{0}}) {
        pair.one.port.acked(token, pair.now);
        pair.one.port.lost(token, pair.now);
    }
    CHECK_FALSE(stream.outbound.settled());
    CHECK_FALSE(pair.one.port.pending(pair.now));
    pair.carry(pair.one, pair.other, unit);
    pair.one.port.acked(unit.token, pair.now);
    pair.one.port.lost(unit.token, pair.now);
    CHECK(stream.outbound.settled());
    CHECK_FALSE(pair.one.port.pending(pair.now));
}
