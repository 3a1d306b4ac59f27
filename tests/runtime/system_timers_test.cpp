#include "runtime/system_timers.hpp"

#include "catch.hpp"

#include <asio/io_context.hpp>

#include <chrono>
#include <memory>

using namespace std::chrono_literals;
using braid::runtime::Alarmed;
using braid::runtime::SystemClock;
using braid::runtime::SystemTimers;
using braid::runtime::Timers;

namespace {

struct Sleeper final : Alarmed {
    virtual ~Sleeper() = default;
    void alarm() noexcept override {
        ++alarms;
        rang_as = ++rung;
    }
    int alarms = 0;
    int rang_as = 0;  ///< of all sleepers: the first, the second ...
    static inline int rung = 0;
    Timers::Entry entry;
};

}  // namespace

TEST_CASE("deadlines ring by the machine's clock") {
    asio::io_context context;
    const auto clock = std::make_shared<SystemClock>();
    const auto timers = SystemTimers::make(context.get_executor(), clock);
    const auto late = std::make_shared<Sleeper>();
    const auto early = std::make_shared<Sleeper>();
    late->entry.set_target(late);
    early->entry.set_target(early);
    const auto start = clock->now();
    timers->arm(late->entry, start + 20ms);
    timers->arm(early->entry, start + 5ms);
    while (early->alarms == 0) context.run_one();
    CHECK(clock->now() >= start + 5ms);
    context.run();
    CHECK(early->alarms == 1);
    CHECK(late->alarms == 1);
    CHECK(early->rang_as < late->rang_as);
    CHECK(clock->now() >= start + 20ms);
    timers->remove(late->entry);
    timers->remove(early->entry);
}

TEST_CASE("a deadline before all time rings at once") {
    asio::io_context context;
    const auto timers = SystemTimers::make(context.get_executor(), std::make_shared<SystemClock>());
    const auto sleeper = std::make_shared<Sleeper>();
    sleeper->entry.set_target(sleeper);
    timers->arm(sleeper->entry, braid::protocol::Time::min());
    CHECK(context.run_one_for(10s) == 1);
    CHECK(sleeper->alarms == 1);
    timers->remove(sleeper->entry);
}

TEST_CASE("a removed deadline does not hold the context up") {
    asio::io_context context;
    const auto clock = std::make_shared<SystemClock>();
    const auto timers = SystemTimers::make(context.get_executor(), clock);
    const auto sleeper = std::make_shared<Sleeper>();
    sleeper->entry.set_target(sleeper);
    timers->arm(sleeper->entry, clock->now() + 1h);
    timers->remove(sleeper->entry);
    context.run();
    CHECK(sleeper->alarms == 0);
}

TEST_CASE("timers outlive their context") {
    auto context = std::make_unique<asio::io_context>();
    const auto clock = std::make_shared<SystemClock>();
    const auto timers = SystemTimers::make(context->get_executor(), clock);
    const auto sleeper = std::make_shared<Sleeper>();
    sleeper->entry.set_target(sleeper);
    timers->arm(sleeper->entry, clock->now() + 1h);
    context.reset();
    timers->arm(sleeper->entry, clock->now());
    timers->remove(sleeper->entry);
    CHECK(sleeper->alarms == 0);
}
