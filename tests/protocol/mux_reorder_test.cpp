// Sequenced streams that hold a newer message back for an older one.

#include "protocol/mux_pair.hpp"
#include "sim/random.hpp"

#include <algorithm>
#include <vector>

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::errc;
using braid::Promises;
using braid::StreamOptions;
using braid::test::MuxPair;
using braid::test::MuxUnit;

namespace {

StreamOptions waiting(std::chrono::milliseconds wait) {
    StreamOptions made;
    made.promises = Promises::ordered;
    made.reorder_wait = wait;
    return made;
}

/// Units of one message each.
std::vector<MuxUnit> send(MuxPair& pair, Stream& stream, int count, std::size_t bytes = 10) {
    std::vector<MuxUnit> units;
    for (int i = 0; i < count; ++i) {
        pair.one.send(stream, bytes);
        units.push_back(pair.one.fill());
    }
    return units;
}

}  // namespace

TEST_CASE("A newer message waits for an older one that comes in time") {
    MuxPair pair;
    auto& stream = pair.one.open(waiting(20ms));
    pair.settle();
    auto& twin = pair.twin(stream);
    CHECK(twin.options.reorder_wait == 20ms);
    const auto units = send(pair, stream, 4);
    pair.carry(pair.one, pair.other, units[1]);
    pair.pass(10ms);
    pair.carry(pair.one, pair.other, units[3]);
    CHECK(pair.other.read(twin).empty());
    pair.pass(9ms);
    pair.carry(pair.one, pair.other, units[0]);
    CHECK(pair.other.read(twin) == std::vector{0, 1});
    pair.pass(5ms);
    pair.carry(pair.one, pair.other, units[2]);
    CHECK(pair.other.read(twin) == std::vector{2, 3});
    CHECK(twin.inbound.counters().outdated == 0);
}

TEST_CASE("A newer message waits for no longer than it was told to") {
    MuxPair pair;
    auto& stream = pair.one.open(waiting(20ms));
    pair.settle();
    auto& twin = pair.twin(stream);
    const auto units = send(pair, stream, 6);
    pair.carry(pair.one, pair.other, units[2]);
    const auto until = pair.now + 20ms;
    CHECK(pair.other.mux.deadline() == until);
    pair.pass(10ms);
    pair.carry(pair.one, pair.other, units[3]);
    pair.carry(pair.one, pair.other, units[5]);
    pair.other.mux.take_changed();
    pair.pass(10ms - 1ns);
    CHECK(pair.other.read(twin).empty());
    pair.pass(1ns);
    const auto changed = pair.other.mux.take_changed();
    REQUIRE(changed.size() == 1);
    CHECK(changed[0]->has(StreamChange::delivered));
    CHECK(pair.other.read(twin) == std::vector{2, 3});  // what follows it need not wait
    pair.carry(pair.one, pair.other, units[1]);         // too late
    CHECK(twin.inbound.counters().outdated == 1);
    pair.pass(10ms);
    CHECK(pair.other.read(twin) == std::vector{5});
    CHECK(pair.other.mux.deadline() > pair.now + 1s);
}

TEST_CASE("Without a wait nothing is held back and on a lossless link nothing is missing") {
    MuxPair pair;
    auto& stream = pair.one.open(waiting(0ms));
    pair.settle();
    const auto units = send(pair, stream, 2);
    pair.carry(pair.one, pair.other, units[1]);
    CHECK(pair.other.read(pair.twin(stream)) == std::vector{1});
}

TEST_CASE("What is held back at the end of a stream is delivered before it") {
    MuxPair pair;
    auto& stream = pair.one.open(waiting(50ms));
    pair.settle();
    auto& twin = pair.twin(stream);
    const auto units = send(pair, stream, 3);
    pair.one.mux.finish(stream, pair.now);
    pair.carry(pair.one, pair.other, pair.one.fill());
    pair.carry(pair.one, pair.other, units[2]);
    pair.carry(pair.one, pair.other, units[1]);
    CHECK_FALSE(twin.inbound.ended());
    pair.pass(50ms);
    CHECK(pair.other.read(twin) == std::vector{1, 2});
    CHECK_FALSE(twin.inbound.ended());
    pair.pass(200ms);
    CHECK(twin.inbound.ended());
}

TEST_CASE("What a sequenced stream holds back is bounded") {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{1'100}}) {
        MuxPair pair;
        auto& stream = pair.one.open(waiting(50ms));
        pair.settle();
        auto& twin = pair.twin(stream);
        const auto units = send(pair, stream, 200, bytes);
        for (std::size_t i = 1; i < units.size(); ++i) {
            pair.carry(pair.one, pair.other, units[i]);
            pair.carry(pair.one, pair.other, units[i]);  // a repetition is not held twice
        }
        const auto delivered = pair.other.read(twin);
        CHECK(delivered.size() >= 199 - 64);
        CHECK(std::is_sorted(delivered.begin(), delivered.end()));
    }
}

TEST_CASE("Each message of a sequenced stream comes once and in order however units overtake") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        MuxPair pair;
        auto options = waiting(std::chrono::milliseconds{random.between(1, 50)});
        if (random.chance(0.5)) options.copies = std::uint8_t{1};
        auto& stream = pair.one.open(options);
        pair.settle();
        auto& twin = pair.twin(stream);
        std::vector<MuxUnit> flying;
        std::vector<int> read;
        const auto look = [&] {
            for (const auto each : pair.other.read(twin)) read.push_back(each);
        };
        for (int i = 0; i < 150; ++i) {
            pair.one.send(stream, random.chance(0.1) ? 3'000 : 50);
            for (auto unit = pair.one.fill(); !unit.empty(); unit = pair.one.fill()) {
                if (random.chance(0.9)) flying.push_back(unit);
            }
            while (flying.size() > 3) {
                const auto index = random.below(flying.size());
                pair.carry(pair.one, pair.other, flying[index]);
                flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(index));
            }
            pair.pass(Duration{5ms});
            look();
        }
        pair.one.mux.finish(stream, pair.now);
        for (int i = 0; i < 20; ++i) {
            pair.settle();
            pair.pass(50ms);
        }
        look();
        CHECK(twin.inbound.ended());
        CHECK(std::is_sorted(read.begin(), read.end()));
        CHECK(std::adjacent_find(read.begin(), read.end()) == read.end());
        CHECK(read.size() > 50);
    }
}

TEST_CASE("An OPEN with a wait that may not be ends the channel") {
    const auto open = [](Promises promises, std::uint64_t wait) {
        MuxPair pair;
        return pair.other
            .hear([&](FrameWriter& out) {
                out.open(0, braid::StreamId{0}, 3, static_cast<std::uint8_t>(promises), 0, 1'000, 0,
                         wait);
            })
            .error;
    };
    CHECK_FALSE(open(Promises::ordered, 50));
    CHECK(open(Promises::ordered, 51) == errc::protocol_violation);
    CHECK(open(Promises::none, 1) == errc::protocol_violation);
    CHECK(open(Promises::reliable, 1) == errc::protocol_violation);
    CHECK(open(Promises::ordered, ~std::uint64_t{0}) == errc::protocol_violation);
}
