// Credit over all streams: whoever reads all gets all, however much of it is parts of messages.

#include "catch.hpp"
#include "protocol/mux.hpp"
#include "protocol/mux_pair.hpp"
#include "sim/random.hpp"

#include <algorithm>
#include <set>
#include <vector>

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::Promises;
using braid::StreamId;
using braid::StreamOptions;
using braid::test::MuxEnd;
using braid::test::MuxPair;
using braid::test::MuxUnit;

namespace {

/// A window over all streams that does not grow, and one for each stream.
MuxOptions bounded(std::uint64_t all, std::uint64_t each, std::uint64_t message = 1u << 20) {
    MuxOptions made;
    auto& limits = made.limits;
    limits.participant_receive_window_bytes = limits.participant_receive_window_bytes_max = all;
    limits.stream_receive_window_bytes = limits.stream_receive_window_bytes_max = each;
    limits.message_bytes = message;
    limits.peer_streams = 512;
    made.peer = {.stream_credit = each,
                 .participant_credit = all,
                 .streams = 512,
                 .message_bytes_max = message,
                 .idle = 3600s};
    return made;
}

StreamOptions guaranteed(int priority = 4) {
    StreamOptions made;
    made.promises = Promises::guaranteed_delivery | Promises::ordered;
    made.priority = braid::Priority{static_cast<std::uint8_t>(priority)};
    return made;
}

/// Carries units, loses some of them, and reads what comes but for what nobody shall read.
class Traffic {
public:
    Traffic(const MuxOptions& options, std::uint64_t seed, double loss = 0)
        : pair{options}, random_{seed}, loss_{loss} {}

    /// @returns false if nothing moved any more before `count` messages were read
    bool until_read(std::size_t count) {
        for (int quiet = 0; read_ < count; ++quiet) {
            if (quiet == 100) return false;
            pair.pass(1ms);
            for (auto* const from : {&pair.one, &pair.other}) {
                if (carry_one(*from)) quiet = 0;
            }
            if (read_all() != 0) quiet = 0;
        }
        return true;
    }

    std::size_t read() const { return read_; }
    /// The most that the accepting end ever held of guaranteed messages.
    std::uint64_t held_max() const { return held_max_; }

    MuxPair pair;
    std::set<StreamId> unread;

private:
    bool carry_one(MuxEnd& from) {
        auto& to = &from == &pair.one ? pair.other : pair.one;
        const auto unit = from.fill();
        if (unit.empty()) return false;
        if (random_.chance(loss_)) {
            from.port.lost(unit.token, pair.now);
        } else {
            pair.carry(from, to, unit);
        }
        std::uint64_t held = 0;
        pair.other.mux.for_each_stream(
            [&](Stream& stream) { held += stream.inbound.credit().held(); });
        held_max_ = std::max(held_max_, held);
        return true;
    }

    std::size_t read_all() {
        std::size_t count = 0;
        for (auto* const end : {&pair.one, &pair.other}) {
            std::vector<Stream*> ready;
            end->mux.take_changed(ready);
            for (auto* const stream : ready) stream->changes = 0;
            end->mux.for_each_stream([&](Stream& stream) {
                if (unread.contains(stream.id) || stream.inbound.delivered.empty()) return;
                count += end->read(stream).size();
            });
        }
        read_ += count;
        return count;
    }

    sim::Random random_;
    double loss_;
    std::size_t read_ = 0;
    std::uint64_t held_max_ = 0;
};

}  // namespace

TEST_CASE("More messages at once than the window over all streams holds arrive all the same") {
    Traffic traffic{bounded(1u << 20, 256u << 10), 1};
    for (int i = 0; i < 200; ++i)
        traffic.pair.one.send(traffic.pair.one.open(guaranteed()), 100'000);
    CHECK(traffic.until_read(200));
    CHECK(traffic.held_max() <= 1u << 20);
}

TEST_CASE("They do where packets are lost, both ways at once, in windows of any size") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        const auto all = random.between(2'000, 60'000);
        const auto each = random.between(1'000, all);
        const auto longest = random.between(1'000, 80'000);
        Traffic traffic{bounded(all, each, longest), seed, random.chance(0.5) ? 0.2 : 0};
        std::size_t count = 0;
        for (auto* const end : {&traffic.pair.one, &traffic.pair.other}) {
            const auto streams = random.between(1, 40);
            for (std::uint64_t i = 0; i < streams; ++i) {
                auto& stream = end->open(guaranteed(static_cast<int>(random.below(8))));
                const auto messages = random.between(1, 4);
                for (std::uint64_t n = 0; n < messages; ++n, ++count) {
                    end->send(stream,
                              random.chance(0.3) ? random.below(200) : random.between(1, longest));
                }
            }
        }
        REQUIRE(traffic.until_read(count));
        REQUIRE(traffic.held_max() <= all + std::max(all, longest) + message_charge);
    }
}

TEST_CASE("Messages longer than their windows do not wait for one another's reservations") {
    // The first holds the reservation. The others pay for parts until there is too little left for
    // it, but enough for each of them, and there is no room for theirs.
    Traffic traffic{bounded(160'000, 2'500, 160'000), 1};
    traffic.pair.one.send(traffic.pair.one.open(guaranteed()), 120'000);
    for (int i = 0; i < 80; ++i) traffic.pair.one.send(traffic.pair.one.open(guaranteed()), 50'000);
    CHECK(traffic.until_read(81));
}

TEST_CASE("Who does not read holds up neither short messages nor one longer than all windows") {
    Traffic traffic{bounded(100'000, 25'000), 1};
    auto& unread = traffic.pair.one.open(guaranteed());
    traffic.unread.insert(unread.id);
    for (int i = 0; i < 10; ++i) traffic.pair.one.send(unread, 10'000);
    CHECK_FALSE(traffic.until_read(1));  // it has paid for a part that will not be finished
    REQUIRE(unread.outbound.unpaid() != 0);
    for (int i = 0; i < 20; ++i) traffic.pair.one.send(traffic.pair.one.open(guaranteed()), 20'000);
    traffic.pair.one.send(traffic.pair.one.open(guaranteed()), 300'000);
    CHECK(traffic.until_read(21));
}

TEST_CASE("A stream that is given up with a part paid for lets the next one go on") {
    MuxPair pair{bounded(50'000, 50'000)};
    auto& first = pair.one.open(guaranteed());
    auto& second = pair.one.open(guaranteed());
    pair.one.send(first, 300'000);  // longer than all windows: others wait
    pair.one.send(second, 49'000);
    pair.carry(pair.one, pair.other, pair.one.fill());
    REQUIRE(first.outbound.unpaid() != 0);
    for (auto unit = pair.one.fill(); !unit.empty(); unit = pair.one.fill()) {
        pair.carry(pair.one, pair.other, unit);  // the other end does not answer yet
    }
    CHECK(second.outbound.count() == 0);
    pair.one.mux.reset(first, 7, pair.now);
    for (int i = 0; i < 100; ++i) {
        pair.settle();
        for (auto* const stream : pair.other.mux.take_changed()) stream->changes = 0;
    }
    CHECK(pair.twin(second).inbound.delivered.size() == 1);
}

TEST_CASE("A long message is not overtaken for ever by what is short") {
    Traffic traffic{bounded(100'000, 100'000), 1};
    auto& one = traffic.pair.one;
    std::vector<Stream*> busy;
    for (int i = 0; i < 8; ++i) busy.push_back(&one.open(guaranteed()));
    const auto refill = [&] {
        for (auto* const stream : busy) {
            while (stream->outbound.messages_queued() < 4) one.send(*stream, 15'000);
        }
    };
    refill();
    REQUIRE(traffic.until_read(1));
    auto& patient = one.open(guaranteed());
    one.send(patient, 90'000);
    std::size_t rounds = 0;
    for (; patient.outbound.messages_queued() != 0 && rounds < 1'000; ++rounds) {
        refill();
        REQUIRE(traffic.until_read(traffic.read() + 1));
    }
    CAPTURE(rounds);
    CHECK(patient.outbound.messages_queued() == 0);
    CHECK(rounds < 60);  // 4 times its bytes in messages of 15,000, and what was under way
}

TEST_CASE("One that waits for who does not read lets others pass, however long it waits") {
    Traffic traffic{bounded(100'000, 60'000), 1};
    auto& one = traffic.pair.one;
    auto& unread = one.open(guaranteed());
    traffic.unread.insert(unread.id);
    for (int i = 0; i < 2; ++i) one.send(unread, 40'000);
    CHECK_FALSE(traffic.until_read(1));
    one.send(one.open(guaranteed()), 45'000);  // there is less beyond what is unread
    CHECK_FALSE(traffic.until_read(1));
    auto& busy = one.open(guaranteed());
    for (int i = 0; i < 100; ++i) one.send(busy, 15'000);
    CHECK(traffic.until_read(100));
}

TEST_CASE("A lost BLOCKED is said again, of all streams and of one") {
    for (const bool of_all : {true, false}) {
        CAPTURE(of_all);
        MuxPair pair{of_all ? bounded(10'000, 10'000) : bounded(40'000, 10'000)};
        auto* stream = &pair.one.open(guaranteed());
        for (int i = 0; i < 3; ++i) {
            pair.one.send(*stream, 6'000);
            if (of_all) stream = &pair.one.open(guaranteed());
        }
        const auto says_blocked = [&](const MuxUnit& unit) {
            const auto frames = unit.frames();
            return std::any_of(frames.begin(), frames.end(), [&](const Frame& frame) {
                return frame.type == FrameType::blocked && (frame.slot == 0) == of_all;
            });
        };
        int said = 0;
        for (auto unit = pair.one.fill(); !unit.empty(); unit = pair.one.fill()) {
            if (says_blocked(unit) && ++said < 4) {
                pair.one.port.lost(unit.token, pair.now);
            } else {
                pair.carry(pair.one, pair.other, unit);
            }
        }
        CHECK(said == 4);
    }
}
