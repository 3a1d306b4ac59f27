#include "protocol/scheduler.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <map>
#include <memory>
#include <vector>

using namespace braid::protocol;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t rate = 250'000;

/// A channel that always has room for the next chunk when the one before is through.
struct Channel {
    Channel() { scheduler.set_rate(rate); }

    SchedulerEntry& add(std::uint8_t level, std::uint64_t guarantee = 0) {
        auto& entry = entries.emplace_back(std::make_unique<SchedulerEntry>());
        entry->level = level;
        entry->guaranteed_bytes_per_second = guarantee;
        entry->order = entries.size();
        scheduler.activate(*entry, now);
        return *entry;
    }

    Scheduler::Pick send(std::size_t bytes) {
        const auto pick = scheduler.pick(now);
        REQUIRE(pick.entry != nullptr);
        scheduler.sent(pick, bytes, now);
        sent[pick.entry] += bytes;
        now += Duration{static_cast<Duration::rep>(bytes * 1'000'000'000 / rate)};
        return pick;
    }

    void send_for(Duration duration) {
        for (const auto until = now + duration; now < until;) send(scheduler.chunk_bytes());
    }

    Scheduler scheduler;
    Time now{1'000s};
    std::vector<std::unique_ptr<SchedulerEntry>> entries;
    std::map<const SchedulerEntry*, std::uint64_t> sent;
};

}  // namespace

TEST_CASE("Nobody is picked while nobody has anything") {
    Channel channel;
    CHECK(channel.scheduler.empty());
    CHECK(channel.scheduler.pick(channel.now).entry == nullptr);
    auto& entry = channel.add(3);
    CHECK_FALSE(channel.scheduler.empty());
    channel.scheduler.activate(entry, channel.now);  // twice is once
    CHECK(channel.scheduler.pick(channel.now).entry == &entry);
    channel.scheduler.deactivate(entry);
    channel.scheduler.deactivate(entry);
    CHECK(channel.scheduler.empty());
    CHECK(channel.scheduler.pick(channel.now).entry == nullptr);
}

TEST_CASE("A chunk is four milliseconds of the channel, within bounds") {
    Scheduler scheduler;
    CHECK(scheduler.chunk_bytes() == Scheduler::chunk_bytes_max);
    scheduler.set_rate(250'000);
    CHECK(scheduler.chunk_bytes() == 1'000);
    scheduler.set_rate(100);
    CHECK(scheduler.chunk_bytes() == Scheduler::chunk_bytes_min);
    scheduler.set_rate(~std::uint64_t{0});
    CHECK(scheduler.chunk_bytes() == Scheduler::chunk_bytes_max);
    scheduler.set_rate(0);
    CHECK(scheduler.chunk_bytes() == Scheduler::chunk_bytes_max);
}

TEST_CASE("What is more urgent leaves first, but for the floor of those below") {
    Channel channel;
    const auto& urgent = channel.add(0);
    const auto& below = channel.add(1);
    const auto& bulk = channel.add(7);
    channel.send_for(20s);
    const auto all = channel.sent[&urgent] + channel.sent[&below] + channel.sent[&bulk];
    const auto rest = static_cast<double>(all - channel.sent[&urgent]) / static_cast<double>(all);
    CHECK(rest == Approx(0.05 / 1.05).epsilon(0.05));
    // The floor goes to who has waited longest, so that both get some.
    CHECK(channel.sent[&below] == Approx(channel.sent[&bulk]).epsilon(0.05));
}

TEST_CASE("Streams of a level share it in bytes, whatever the size of their pieces") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        Channel channel;
        for (int i = 0; i < 5; ++i) channel.add(4);
        for (int i = 0; i < 20'000; ++i) {
            const auto pick = channel.scheduler.pick(channel.now);
            const auto piece = pick.entry->order * 200;  // each has its own
            channel.scheduler.sent(pick, piece, channel.now);
            channel.sent[pick.entry] += piece;
        }
        const auto fair = static_cast<double>(channel.sent.begin()->second);
        for (const auto& [entry, bytes] : channel.sent) CHECK(bytes == Approx(fair).epsilon(0.02));
    }
}

TEST_CASE("A guarantee is kept below a saturating flow, in every window and over a second") {
    for (const std::uint64_t guarantee : {8'000u, 20'000u, 60'000u, 120'000u}) {
        CAPTURE(guarantee);
        Channel channel;
        channel.add(0);
        auto& voice = channel.add(5, guarantee);
        const auto chunk = channel.scheduler.chunk_bytes();
        channel.send_for(1s);
        std::vector<std::pair<Time, std::uint64_t>> given;
        const auto start = channel.now;
        const auto before = channel.sent[&voice];
        while (channel.now < start + 10s) {
            const auto pick = channel.send(chunk);
            if (pick.entry == &voice) given.emplace_back(channel.now, chunk);
        }
        const auto got = static_cast<double>(channel.sent[&voice] - before) / 10;
        CHECK(got >= 0.95 * static_cast<double>(guarantee));
        CHECK(got <= 1.05 * static_cast<double>(guarantee) + 0.05 * rate);
        // Between two of its chunks there is at most what fills a bucket, and one window; twice
        // that if the floor gave it one ahead of its time.
        const auto fill = std::chrono::duration<double>(
            static_cast<double>(std::max<std::uint64_t>(chunk, guarantee / 50)) /
            static_cast<double>(guarantee));
        for (std::size_t i = 1; i < given.size(); ++i) {
            const std::chrono::duration<double> gap = given[i].first - given[i - 1].first;
            CHECK(gap <= 2 * fill + Scheduler::bucket_time);
        }
    }
}

TEST_CASE("Guarantees that the channel cannot carry are scaled, and counted") {
    Channel channel;
    const auto& urgent = channel.add(0);
    const auto& first = channel.add(3, rate);
    const auto& second = channel.add(5, rate);
    channel.send_for(10s);
    CHECK(channel.scheduler.counters().guarantee_missed > 0);
    CHECK(channel.sent[&first] == Approx(channel.sent[&second]).epsilon(0.1));
    CHECK(channel.sent[&urgent] >= 10 * rate * 4 / 10);
}

TEST_CASE("A guarantee far beyond what the channel carries is given as soon as any other") {
    Channel channel;
    channel.add(0);
    const auto& voice = channel.add(5, 1'000 * rate);
    channel.send_for(200ms);
    CHECK(channel.sent[&voice] * 5 >= rate * 3 / 10);
}

TEST_CASE("A guarantee in the top level does not keep those below from theirs") {
    Channel channel;
    for (int i = 0; i < 9; ++i) channel.add(2);
    const auto& top = channel.add(2, 50'000);
    const auto& below = channel.add(6, 20'000);
    channel.send_for(10s);
    CHECK(channel.sent[&top] * 100 >= 95 * 10 * 50'000);
    CHECK(channel.sent[&below] * 100 >= 95 * 10 * 20'000);
}

TEST_CASE("Never two forced chunks in a row, and the same run gives the same order") {
    std::vector<std::uint64_t> orders[2];
    for (auto& order : orders) {
        sim::Random random{77};
        Channel channel;
        for (int i = 0; i < 30; ++i) {
            channel.add(static_cast<std::uint8_t>(random.below(8)),
                        random.chance(0.5) ? random.between(1'000, 30'000) : 0);
        }
        bool forced = false;
        for (int i = 0; i < 20'000; ++i) {
            const auto pick = channel.send(random.between(1, channel.scheduler.chunk_bytes()));
            const bool forces = pick.reason == Scheduler::Reason::guarantee ||
                                pick.reason == Scheduler::Reason::floor;
            REQUIRE_FALSE((forced && forces));
            forced = forces;
            order.push_back(pick.entry->order);
            auto& entry = *channel.entries[random.below(channel.entries.size())];
            if (random.chance(0.1)) channel.scheduler.deactivate(entry);
            if (random.chance(0.2)) channel.scheduler.activate(entry, channel.now);
            if (channel.scheduler.empty()) channel.scheduler.activate(entry, channel.now);
        }
    }
    CHECK(orders[0] == orders[1]);
}

TEST_CASE("A forced chunk for which there was no room comes first next time") {
    Channel channel;
    auto& top = channel.add(0);
    auto& voice = channel.add(5, 20'000);
    for (int i = 0; i < 100; ++i) {
        channel.now += 10ms;
        const auto pick = channel.scheduler.pick(channel.now);
        channel.scheduler.sent(pick, pick.entry == &top ? 500 : 0, channel.now);
        if (pick.entry != &voice) continue;
        const auto again = channel.scheduler.pick(channel.now);
        CHECK(again.entry == &voice);
        CHECK(again.reason == Scheduler::Reason::guarantee);
        channel.scheduler.sent(again, 500, channel.now);
        CHECK(channel.scheduler.pick(channel.now).entry == &top);
        return;
    }
    FAIL("the guarantee was never forced");
}

TEST_CASE("Only urgent levels are picked where only the urgent may go") {
    Channel channel;
    auto& voice = channel.add(5, 20'000);
    channel.now += 1s;
    CHECK(channel.scheduler.top_level() == 5);
    CHECK_FALSE(channel.scheduler.pick(channel.now, urgent_level_max));
    auto& state = channel.add(1);
    CHECK(channel.scheduler.top_level() == 1);
    for (int i = 0; i < 10; ++i) {
        const auto pick = channel.scheduler.pick(channel.now, urgent_level_max);
        REQUIRE(pick.entry == &state);
        channel.scheduler.sent(pick, 1'000, channel.now);
    }
    CHECK(channel.scheduler.pick(channel.now).entry == &voice);  // forced, now that it may
    channel.scheduler.deactivate(state);
    channel.scheduler.deactivate(voice);
    CHECK(channel.scheduler.top_level() == braid::Priority::count);
}
