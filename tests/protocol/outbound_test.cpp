#include "protocol/outbound.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <map>
#include <vector>

using namespace braid::protocol;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t plenty = std::uint64_t{1} << 40;

/// Messages of one block, and the frames that come out.
struct Sender {
    explicit Sender(DeliveryClass delivery, std::uint64_t credit = plenty, bool is_lossless = true)
        : lossless{is_lossless}, outbound{delivery, credit} {
        block.data = bytes.data();
        block.recycle = [](Block&) {};
    }

    void enqueue(std::uint32_t size, bool receipt = false) {
        outbound.enqueue(block, {0, size}, now, receipt);
    }

    std::vector<std::uint64_t> take_receipts() {
        Ring<std::uint64_t> ring;
        outbound.receipts()->take(ring);
        std::vector<std::uint64_t> ids;
        for (; !ring.empty(); ring.pop_front()) ids.push_back(ring.front());
        return ids;
    }

    /// Writes one unit, and reads it back.
    Outbound::Stop write(std::size_t room = 1'200, std::size_t quantum = 1'000) {
        std::vector<std::byte> buffer(room);
        FrameWriter writer{buffer};
        if (!lossless) known = false;
        log.clear();
        Outbound::Target target{writer,    participant, 4,
                                expected,  known,       alone,
                                may_begin, set_aside,   lossless ? nullptr : &log};
        const auto written = outbound.write(target, quantum, now);
        frames.clear();
        unit.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(writer.copied()));
        std::span<const std::byte> in{unit};
        while (!in.empty()) {
            REQUIRE(decode(in, Framing::unit, frames.emplace_back()) == FrameStatus::complete);
        }
        return written.stop;
    }

    bool lossless;
    std::vector<std::byte> bytes = std::vector<std::byte>(300'000, std::byte{7});
    Block block;
    BlockReference keeper{block};
    SendCredit participant{plenty};
    bool alone = true;
    bool may_begin = true;
    std::uint64_t set_aside = 0;
    Outbound outbound;
    Time now{1'000s};
    std::uint64_t expected = 0;
    bool known = false;
    std::vector<SentRange> log;
    std::vector<std::byte> unit;
    std::vector<Frame> frames;
};

}  // namespace

TEST_CASE("Only the first frame on a lossless channel says its number") {
    Sender sender{DeliveryClass::guaranteed_ordered};
    for (int i = 0; i < 3; ++i) sender.enqueue(64);
    CHECK(sender.write() == Outbound::Stop::empty);
    REQUIRE(sender.frames.size() == 3);
    CHECK(sender.frames[0].numbered);
    CHECK_FALSE(sender.frames[1].numbered);
    CHECK(sender.unit.size() == 3 * 66 + 2);
    CHECK(sender.outbound.transmitted());
    CHECK_FALSE(sender.outbound.settled());
    CHECK(sender.outbound.confirm_below(3));
    CHECK(sender.outbound.settled());
    CHECK(sender.outbound.take_freed_bytes() == 192);
    CHECK(sender.block.references == 1);
}

TEST_CASE("What was never sent cannot be confirmed") {
    Sender sender{DeliveryClass::guaranteed};
    sender.enqueue(64);
    CHECK_FALSE(sender.outbound.confirm_below(1));
    sender.write();
    CHECK_FALSE(sender.outbound.confirm_below(2));
    CHECK_FALSE(sender.outbound.confirm(1, 1));
    CHECK_FALSE(sender.outbound.confirm(0, ~std::uint64_t{0}));
    CHECK(sender.outbound.confirm(0, 1));
    CHECK(sender.outbound.confirm(0, 1));  // again is nothing new
    CHECK(sender.outbound.counters().messages_confirmed == 1);
}

TEST_CASE("Credit is used once for each byte, and never exceeded") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        Sender sender{DeliveryClass::guaranteed, 0, false};
        std::uint64_t total = 0;
        for (int i = 0; i < 10; ++i) {
            const auto size = static_cast<std::uint32_t>(random.magnitude(20'000));
            sender.enqueue(size);
            total += size + message_charge;
        }
        std::vector<SentRange> flying;
        std::uint64_t limit = 0;
        for (int step = 0; step < 20'000 && !sender.outbound.settled(); ++step) {
            sender.outbound.credit().raise(limit += random.below(500));
            sender.write(random.between(300, 1'400), random.between(300, 2'000));
            REQUIRE(sender.outbound.credit().used() <= limit);
            for (const auto& range : sender.log) flying.push_back(range);
            while (!flying.empty() && random.chance(0.6)) {
                const auto index = random.below(flying.size());
                const auto range = flying[index];
                flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(index));
                random.chance(0.5) ? sender.outbound.lost(range)
                                   : sender.outbound.acked(range, Time{1s});
            }
            if (random.chance(0.001)) {
                sender.outbound.rewind();
                flying.clear();
            }
        }
        REQUIRE(sender.outbound.settled());
        REQUIRE(sender.outbound.credit().used() == total);
        REQUIRE(sender.outbound.counters().messages_confirmed == 10);
        REQUIRE(sender.block.references == 1);
    }
}

TEST_CASE("Every byte reaches a receiver that is told of each once, whatever is lost") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        Sender sender{DeliveryClass::guaranteed, plenty, false};
        std::vector<std::uint32_t> sizes;
        for (int i = 0; i < 10; ++i) {
            sizes.push_back(static_cast<std::uint32_t>(random.magnitude(9'000)));
            sender.enqueue(sizes.back());
        }
        std::map<std::uint64_t, IntervalSet> arrived;
        while (!sender.outbound.settled()) {
            sender.write(random.between(300, 1'400));
            for (std::size_t i = 0; i < sender.log.size(); ++i) {
                const auto& range = sender.log[i];
                const auto end = range.number + range.more;
                const bool last = range.more > 0 || range.offset + range.bytes == sizes[end];
                REQUIRE((last || range.bytes >= fragment_bytes_min));
                if (random.chance(0.4)) {
                    sender.outbound.lost(range);
                    continue;
                }
                arrived[end].insert(range.offset, range.offset + range.bytes);
                for (auto whole = range.number; range.more > 0 && whole <= end; ++whole) {
                    arrived[whole].insert(0, sizes[whole]);
                }
                sender.outbound.acked(range, Time{1s});
            }
        }
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            REQUIRE((sizes[i] == 0 || arrived[i].covers(0, sizes[i])));
        }
    }
}

TEST_CASE("Feedback about what was dropped is old news") {
    Sender sender{DeliveryClass::guaranteed, plenty, false};
    for (int i = 0; i < 3; ++i) sender.enqueue(900);
    sender.write();
    const auto sent = sender.log;
    REQUIRE_FALSE(sent.empty());
    sender.outbound.drop_all();
    for (const auto& range : sent) {
        sender.outbound.lost(range);
        sender.outbound.acked(range, Time{1s});
    }
    CHECK(sender.outbound.confirm_below(sender.outbound.count()));
    CHECK_FALSE(sender.outbound.backlogged());
    CHECK(sender.outbound.settled());
    CHECK(sender.block.references == 1);
}

TEST_CASE("What is too old, replaced or too much is dropped, and counted") {
    Sender old{DeliveryClass::unreliable};
    old.outbound.set_time_to_live(10ms);
    for (int i = 0; i < 5; ++i) old.enqueue(100);
    old.now += 11ms;
    old.enqueue(100);
    old.write();
    CHECK(old.frames.size() == 1);
    CHECK(old.outbound.counters().messages_dropped == 5);
    CHECK(old.outbound.counters().messages_handed_over == 1);

    Sender latest{DeliveryClass::sequenced};
    latest.outbound.set_latest_only(true);
    for (int i = 0; i < 5; ++i) latest.enqueue(100);
    latest.write();
    CHECK(latest.frames.size() == 1);
    CHECK(latest.outbound.counters().messages_dropped == 4);

    Sender full{DeliveryClass::sequenced};
    full.outbound.set_queue_bytes_max(1'000);
    for (int i = 0; i < 50; ++i) full.enqueue(100);
    CHECK(full.outbound.messages_queued() == 10);
    CHECK(full.outbound.counters().messages_dropped == 40);
    CHECK(full.block.references == 11);
}

TEST_CASE("A queue stays within its limit while its first message is half sent") {
    Sender sender{DeliveryClass::unreliable};
    sender.outbound.set_queue_bytes_max(10'000);
    sender.enqueue(5'000);
    sender.write(600, 500);
    for (int i = 0; i < 100; ++i) sender.enqueue(1'000);
    CHECK(sender.outbound.messages_queued() <= 6);
}

TEST_CASE("A fragment behind a message without a number says its own") {
    Sender sender{DeliveryClass::unreliable, plenty, false};
    sender.enqueue(100);
    sender.enqueue(5'000);
    sender.write(1'200, 1'100);
    REQUIRE(sender.frames.size() == 2);
    CHECK_FALSE(sender.frames[0].numbered);
    CHECK(sender.frames[1].fragment);
    CHECK(sender.frames[1].numbered);
}

TEST_CASE("Receipts of guaranteed messages come with their confirmation, in whatever way") {
    using Ids = std::vector<std::uint64_t>;
    Sender sender{DeliveryClass::guaranteed_ordered};
    sender.enqueue(100);
    CHECK(sender.outbound.receipts() == nullptr);
    for (int i = 1; i < 10; ++i) sender.enqueue(i == 7 ? 2'000 : 100, i != 2);
    while (sender.outbound.backlogged()) sender.write();
    CHECK(sender.outbound.confirm(5, 2));
    CHECK(sender.take_receipts() == Ids{5, 6});
    CHECK(sender.outbound.confirm_below(4));
    CHECK(sender.take_receipts() == Ids{1, 3});
    sender.outbound.rewind();
    CHECK(sender.outbound.confirm_below(8));
    CHECK(sender.take_receipts() == Ids{4, 7});
    sender.outbound.drop_all();
    CHECK(sender.take_receipts().empty());

    Sender lossy{DeliveryClass::guaranteed, plenty, false};
    for (int i = 0; i < 2; ++i) lossy.enqueue(1'500, true);
    std::vector<SentRange> sent;
    while (lossy.outbound.backlogged()) {
        lossy.write();
        sent.insert(sent.end(), lossy.log.begin(), lossy.log.end());
    }
    for (std::size_t i = 0; i + 1 < sent.size(); ++i) lossy.outbound.acked(sent[i], lossy.now);
    CHECK(lossy.take_receipts() == Ids{0});
    lossy.outbound.acked(sent.back(), lossy.now);
    CHECK(lossy.take_receipts() == Ids{1});
}

TEST_CASE("Receipts name messages by what was queued before them, whatever was dropped") {
    using Ids = std::vector<std::uint64_t>;
    for (const auto delivery : {DeliveryClass::unreliable, DeliveryClass::sequenced}) {
        for (const bool lossless : {false, true}) {
            const auto confirm = [&](Sender& sender) {
                for (const auto& range : sender.log) sender.outbound.acked(range, sender.now);
                sender.outbound.confirm_below(sender.outbound.count());
                return sender.take_receipts();
            };
            Sender latest{delivery, plenty, lossless};
            latest.outbound.set_latest_only(true);
            latest.enqueue(100);
            for (int i = 0; i < 3; ++i) latest.enqueue(100, true);
            latest.write();
            CHECK(confirm(latest) == Ids{3});

            Sender old{delivery, plenty, lossless};
            old.outbound.set_time_to_live(10ms);
            for (int i = 0; i < 5; ++i) old.enqueue(100, true);
            old.now += 11ms;
            old.enqueue(100);
            old.enqueue(100, true);
            old.write();
            CHECK(confirm(old) == Ids{6});

            Sender full{delivery, plenty, lossless};
            full.outbound.set_queue_bytes_max(2'500);
            full.enqueue(2'000, true);
            full.write(1'200);  // a part of it
            for (int i = 0; i < 7; ++i) full.enqueue(500, true);
            std::vector<SentRange> sent = full.log;
            while (full.outbound.backlogged()) {
                full.write(1'200);
                sent.insert(sent.end(), full.log.begin(), full.log.end());
            }
            full.log = sent;
            const bool newest_only = delivery == DeliveryClass::sequenced && !lossless;
            const auto ids = confirm(full);
            CHECK(ids == (newest_only ? Ids{7} : Ids{0, 7}));
        }
    }
}

TEST_CASE("Messages in a row are one record of what was sent") {
    for (const auto delivery : {DeliveryClass::guaranteed, DeliveryClass::guaranteed_ordered}) {
        Sender sender{delivery, plenty, false};
        for (int i = 0; i < 10; ++i) sender.enqueue(64);
        sender.write();
        REQUIRE(sender.frames.size() == 10);
        REQUIRE(sender.log.size() == 1);
        CHECK(sender.log[0].number == 0);
        CHECK(sender.log[0].more == 9);
        const auto ten = sender.log[0];
        sender.enqueue(900);
        for (int i = 0; i < 10; ++i) sender.enqueue(0);
        sender.write();
        REQUIRE(sender.log.size() == 1);
        CHECK(sender.log[0].number == 10);
        CHECK(sender.log[0].more == 10);
        sender.outbound.lost(ten);
        sender.outbound.acked({3, 0, 64, 2}, sender.now);  // by another frame
        sender.outbound.acked(sender.log[0], sender.now);
        sender.write();
        REQUIRE(sender.log.size() == 2);
        CHECK(sender.log[0].number == 0);
        CHECK(sender.log[0].more == 2);
        CHECK(sender.log[1].number == 6);
        CHECK(sender.log[1].more == 3);
        CHECK(sender.frames[0].number == 0);
        CHECK(sender.frames[3].number == 6);
        const auto again = sender.log;
        for (const auto& range : again) sender.outbound.acked(range, sender.now);
        CHECK(sender.outbound.settled());
        CHECK(sender.outbound.counters().messages_confirmed == 21);
    }
}
