// What a unit of a link that loses is made of.

#include "protocol/mux_pair.hpp"

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::Promises;
using braid::StreamOptions;
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
