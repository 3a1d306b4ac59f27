#include "runtime/timers.hpp"

#include "catch.hpp"
#include "runtime/simulated_timers.hpp"

#include <chrono>
#include <memory>
#include <random>
#include <vector>

using namespace std::chrono_literals;
using braid::protocol::never;
using braid::protocol::Time;
using braid::runtime::Alarmed;
using braid::runtime::Timers;

namespace {

struct Sleeper final : Alarmed {
    virtual ~Sleeper() = default;
    void alarm() noexcept override { ++alarms; }
    int alarms = 0;
    Timers::Entry entry;
};

std::shared_ptr<Sleeper> make_sleeper() {
    auto sleeper = std::make_shared<Sleeper>();
    sleeper->entry.set_target(sleeper);
    return sleeper;
}

}  // namespace

TEST_CASE("deadlines ring in time, whenever they were moved") {
    SimulatedTimers timers;
    const auto start = timers.now();
    const auto one = make_sleeper();
    const auto two = make_sleeper();
    timers.arm(one->entry, start + 10ms);
    timers.arm(two->entry, start + 20ms);
    timers.arm(one->entry, start + 30ms);
    CHECK(timers.earliest() == start + 10ms);
    timers.advance_to(start + 15ms);
    CHECK(one->alarms == 0);
    timers.arm(one->entry, start + 17ms);
    CHECK(timers.earliest() == start + 17ms);
    timers.advance_to(start + 20ms);
    CHECK(one->alarms == 1);
    CHECK(two->alarms == 1);
    CHECK(timers.earliest() == never);
}

TEST_CASE("a cleared or removed deadline does not ring") {
    SimulatedTimers timers;
    const auto start = timers.now();
    const auto cleared = make_sleeper();
    const auto removed = make_sleeper();
    auto gone = make_sleeper();
    timers.arm(cleared->entry, start + 1ms);
    timers.arm(removed->entry, start + 1ms);
    timers.arm(gone->entry, start + 1ms);
    timers.arm(cleared->entry, never);
    timers.remove(removed->entry);
    timers.remove(gone->entry);
    gone.reset();
    timers.advance_to(start + 1s);
    CHECK(cleared->alarms == 0);
    CHECK(removed->alarms == 0);
}

TEST_CASE("many deadlines that move ring as one by one") {
    SimulatedTimers timers;
    const auto start = timers.now();
    std::mt19937 random{7};
    std::vector<std::shared_ptr<Sleeper>> sleepers;
    std::vector<Time> wanted;
    for (int i = 0; i < 200; ++i) {
        sleepers.push_back(make_sleeper());
        wanted.push_back(never);
    }
    std::vector<int> rung(sleepers.size());
    for (int step = 0; step < 3000; ++step) {
        const auto i = random() % sleepers.size();
        wanted[i] = timers.now() + std::chrono::microseconds{random() % 5000};
        timers.arm(sleepers[i]->entry, wanted[i]);
        if (step % 4 != 0) continue;
        timers.advance_to(timers.now() + std::chrono::microseconds{random() % 500});
        for (std::size_t j = 0; j < sleepers.size(); ++j) {
            if (wanted[j] <= timers.now()) {
                ++rung[j];
                wanted[j] = never;
            }
            REQUIRE(sleepers[j]->alarms == rung[j]);
        }
    }
    for (const auto& sleeper : sleepers) timers.remove(sleeper->entry);
    CHECK(timers.earliest() == never);
    CHECK(start < timers.now());
}
