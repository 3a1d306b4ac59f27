// What goes twice on a link that loses, when, and what that may cost.

#include "protocol/mux_pair.hpp"
#include "sim/random.hpp"

#include <algorithm>
#include <vector>

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::Promises;
using braid::StreamOptions;
using braid::test::MuxPair;

namespace {

constexpr auto in_order = Promises::ordered | Promises::guaranteed_delivery;

LinkPath path(double loss, Duration round_trip = 40ms, std::uint64_t window = 100'000) {
    LinkPath made;
    made.round_trip_time = round_trip;
    made.window_bytes = window;
    made.loss = loss;
    return made;
}

StreamOptions options(int priority, Promises promises, std::optional<std::uint8_t> copies = {}) {
    StreamOptions made;
    made.priority = priority;
    made.promises = promises;
    made.copies = copies;
    return made;
}

/// One message every `interval`, of which nothing is ever heard.
std::size_t copies_of(MuxPair& pair, const StreamOptions& wanted, std::size_t bytes,
                      Duration interval, int count) {
    auto& stream = pair.one.open(wanted);
    pair.settle();
    for (int i = 0; i < count; ++i) {
        pair.one.send(stream, bytes);
        while (!pair.one.fill().empty()) {
        }
        const auto next = pair.now + interval;
        while (pair.one.mux.deadline() <= next) {
            pair.now = std::max(pair.now, pair.one.mux.deadline());
            pair.one.mux.advance(pair.now);
            while (!pair.one.fill().empty()) {
            }
        }
        pair.now = next;
    }
    return stream.outbound.counters().copies_sent;
}

}  // namespace

TEST_CASE("A thin guaranteed stream sends each message once more while the link loses") {
    MuxPair pair;
    pair.one.port.set_path(path(0.02));
    auto& stream = pair.one.open(options(2, in_order));
    pair.settle();
    pair.one.send(stream, 100);
    const auto first = pair.one.fill();
    CHECK(pair.one.mux.deadline() == pair.now + 10ms);
    pair.pass(9ms);
    CHECK_FALSE(pair.one.port.pending(pair.now));
    pair.pass(1ms);
    const auto second = pair.one.fill();
    REQUIRE(second.messages().size() == 1);
    CHECK(second.messages()[0].payload.size() == 100);
    pair.pass(1s);
    CHECK(pair.one.fill().messages().empty());  // once
    CHECK(stream.outbound.counters().copies_sent == 1);
    // The first was lost, the second arrives; or both do.
    pair.carry(pair.one, pair.other, second);
    pair.carry(pair.one, pair.other, first);
    CHECK(pair.other.read(pair.twin(stream)).size() == 1);
    CHECK(pair.twin(stream).inbound.counters().duplicates == 1);
    CHECK(stream.outbound.settled());
}

TEST_CASE("What is acknowledged in time is not copied and rings no timer") {
    MuxPair pair;
    pair.one.port.set_path(path(0.02, 8ms));
    auto& stream = pair.one.open(options(0, in_order));
    pair.settle();
    const auto idle = pair.one.mux.deadline();
    pair.one.send(stream, 100);
    const auto unit = pair.one.fill();
    CHECK(pair.one.mux.deadline() == pair.now + 4ms);  // no sooner, however short the way
    pair.now += 3ms;
    pair.carry(pair.one, pair.other, unit);
    CHECK(pair.one.mux.deadline() >= idle);
    pair.pass(1ms);
    CHECK_FALSE(pair.one.port.pending(pair.now));
    CHECK(stream.outbound.counters().copies_sent == 0);
}

TEST_CASE("Who gets copies unasked") {
    const auto of = [](double loss, int priority, Promises promises, std::size_t bytes,
                       std::optional<std::uint8_t> copies = {}) {
        MuxPair pair;
        pair.one.port.set_path(path(loss, 40ms, 1'000'000));
        return copies_of(pair, options(priority, promises, copies), bytes, 20ms, 100);
    };
    CHECK(of(0.02, 2, in_order, 100) == 100);
    CHECK(of(0.02, 2, Promises::guaranteed_delivery, 100) == 100);
    CHECK(of(0.005, 2, in_order, 100) == 0);  // nothing is lost to speak of
    CHECK(of(0.02, 3, in_order, 100) == 0);   // it is not urgent
    CHECK(of(0.02, 2, Promises::ordered, 100) == 0);
    CHECK(of(0.02, 2, in_order, 100, 0) == 0);
    CHECK(of(0.0, 7, in_order, 100, 1) == 100);
    CHECK(of(0.0, 7, in_order, 100, 2) == 200);
    // 400 kbit/s are not thin: copies end when a second's worth is used up.
    CHECK(of(0.02, 2, in_order, 1'000) < 15);
}

TEST_CASE("Copies cost a tenth of the window in each round trip at most") {
    MuxPair pair;
    pair.one.port.set_path(path(0.1, 50ms, 20'000));
    const auto copies = copies_of(pair, options(5, in_order, std::uint8_t{3}), 500, 5ms, 200);
    const auto round_trips = 200 * 5 / 50 + 1;
    CHECK(copies * 500 <= round_trips * 2'000);
    CHECK(copies * 500 > round_trips * 1'000);
    CHECK(pair.one.mux.counters().copies_left_out > 0);
}

TEST_CASE("On a link that loses nothing there are no copies") {
    MuxPair pair{braid::test::mux_pair_options(), true};
    pair.one.port.set_path(path(0.1));
    for (const auto promises : {in_order, Promises::ordered, Promises::none}) {
        auto& stream = pair.one.open(options(1, promises, std::uint8_t{2}));
        pair.one.send(stream, 100);
        REQUIRE_FALSE(pair.one.fill().empty());
        pair.pass(200ms);
        CHECK(pair.one.fill().empty());
        CHECK(stream.outbound.counters().copies_sent == 0);
    }
}

TEST_CASE("A message that may be lost goes again with the next unit") {
    for (const auto promises : {Promises::none, Promises::ordered}) {
        MuxPair pair;
        pair.one.port.set_path(path(0.02));
        auto& stream = pair.one.open(options(1, promises, std::uint8_t{1}));
        pair.settle();
        pair.one.send(stream, 64);
        const auto lost = pair.one.fill();
        CHECK(lost.messages().size() == 1);
        CHECK_FALSE(pair.one.port.pending(pair.now));
        pair.pass(16ms);
        pair.one.send(stream, 64);
        const auto next = pair.one.fill();
        CHECK(next.bytes.size() == 4 + 64 + 1 + 64);  // the second number follows
        pair.carry(pair.one, pair.other, next);
        CHECK(pair.other.read(pair.twin(stream)) == std::vector{0, 1});
        // Nothing leaves: it goes alone.
        CHECK_FALSE(pair.one.port.pending(pair.now));
        CHECK(pair.one.mux.deadline() == pair.now + 20ms);
        pair.pass(20ms);
        const auto alone = pair.one.fill();
        CHECK(alone.messages().size() == 1);
        pair.carry(pair.one, pair.other, alone);
        CHECK(pair.other.read(pair.twin(stream)).empty());
        CHECK_FALSE(pair.one.port.pending(pair.now));
        CHECK(pair.one.held() == 0);
    }
}

TEST_CASE("A message that goes three times is delivered once whatever arrives") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        MuxPair pair;
        pair.one.port.set_path(path(0.1, 40ms, 10'000'000));
        const auto promises = random.chance(0.5) ? Promises::none : Promises::ordered;
        auto& stream = pair.one.open(options(1, promises, std::uint8_t{2}));
        pair.settle();
        std::vector<braid::test::MuxUnit> flying;
        std::vector<int> read;
        const auto arrive = [&](std::size_t index) {
            pair.carry(pair.one, pair.other, flying[index]);
            flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(index));
            for (const auto each : pair.other.read(pair.twin(stream))) read.push_back(each);
        };
        for (int i = 0; i < 100; ++i) {
            pair.one.send(stream, random.between(1, 400));
            if (random.chance(0.6)) {
                for (auto unit = pair.one.fill(); !unit.empty(); unit = pair.one.fill()) {
                    if (random.chance(0.7)) flying.push_back(unit);
                }
            }
            if (!flying.empty() && random.chance(0.7)) arrive(random.below(flying.size()));
            pair.pass(5ms);
        }
        while (!flying.empty()) arrive(0);
        std::vector<int> once = read;
        std::sort(once.begin(), once.end());
        CHECK(std::adjacent_find(once.begin(), once.end()) == once.end());
        if (promises == Promises::ordered) CHECK(std::is_sorted(read.begin(), read.end()));
        CHECK(read.size() > 30);
    }
}

TEST_CASE("What is too old or replaced is not copied") {
    MuxPair pair;
    pair.one.port.set_path(path(0.02));
    auto fading = options(1, Promises::ordered, std::uint8_t{1});
    fading.time_to_live = 15ms;
    auto& old = pair.one.open(fading);
    auto latest = options(1, Promises::ordered, std::uint8_t{1});
    latest.latest_only = true;
    auto& newest = pair.one.open(latest);
    pair.settle();
    pair.one.send(old, 64);
    pair.one.send(newest, 64);
    CHECK(pair.one.fill().messages().size() == 2);
    pair.pass(16ms);
    pair.one.send(newest, 64);
    CHECK(pair.one.fill().messages().size() == 1);
    CHECK(old.outbound.counters().copies_sent == 0);
    CHECK(newest.outbound.counters().copies_sent == 0);
    CHECK(pair.one.fill().empty());
    pair.pass(20ms);
    CHECK(pair.one.fill().messages().size() == 1);  // of the newest
    CHECK(pair.one.held() == 0);
}

TEST_CASE("Copies end with their stream and their link") {
    MuxPair pair;
    pair.one.port.set_path(path(0.02));
    auto& lossy = pair.one.open(options(1, Promises::none, std::uint8_t{3}));
    auto& sure = pair.one.open(options(1, in_order, std::uint8_t{3}));
    pair.settle();
    pair.one.send(lossy, 64);
    pair.one.send(sure, 64);
    pair.one.fill();
    pair.one.mux.reset(lossy, 1, pair.now);
    pair.one.mux.reset(sure, 1, pair.now);
    CHECK(pair.one.held() == 0);
    pair.pass(1s);
    CHECK(pair.one.fill().messages().empty());

    auto& moved = pair.one.open(options(1, Promises::none, std::uint8_t{3}));
    pair.settle();
    pair.one.send(moved, 64);
    pair.one.fill();
    pair.one.mux.detach(pair.one.port, pair.now);
    CHECK(pair.one.held() == 0);
    pair.pass(1s);
}
