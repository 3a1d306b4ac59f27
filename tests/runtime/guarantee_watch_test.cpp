#include "runtime/guarantee_watch.hpp"

#include "catch.hpp"

using namespace std::chrono_literals;
using braid::ParticipantEvent;
using braid::protocol::Scheduler;
using braid::protocol::Time;
using braid::runtime::GuaranteeWatch;

TEST_CASE("guarantees that are scaled in bursts raise one event until they are not for a second") {
    GuaranteeWatch watch;
    Scheduler::Counters counters;
    Time now{1h};
    CHECK_FALSE(watch.look(counters, now));
    CHECK(watch.deadline() == braid::protocol::never);
    for (int burst = 0; burst < 5; ++burst) {
        counters.guarantee_missed += 3;
        counters.asked_bytes_per_second = 1000;
        counters.granted_bytes_per_second = 400;
        const auto event = watch.look(counters, now);
        CHECK(event.has_value() == (burst == 0));
        if (event) {
            CHECK(event->kind() == ParticipantEvent::Kind::guarantee_scaled);
            CHECK(event->asked_bytes_per_second() == 1000);
            CHECK(event->granted_bytes_per_second() == 400);
        }
        CHECK(watch.deadline() == now + 1s);
        now += 999ms;
        CHECK_FALSE(watch.look(counters, now));
    }
    now += 1ms;
    const auto event = watch.look(counters, now);
    REQUIRE(event);
    CHECK(event->kind() == ParticipantEvent::Kind::guarantee_restored);
    CHECK(event->asked_bytes_per_second() == 1000);
    CHECK(event->granted_bytes_per_second() == 1000);
    CHECK(watch.deadline() == braid::protocol::never);
    CHECK_FALSE(watch.look(counters, now + 1h));
    ++counters.guarantee_missed;
    CHECK(watch.look(counters, now + 2h));
}
