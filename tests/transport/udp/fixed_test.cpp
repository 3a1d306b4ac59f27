#include "transport/udp/fixed.hpp"

#include "catch.hpp"

#include <chrono>

using braid::transport::AckSample;
using braid::transport::FixedRate;
using namespace std::chrono_literals;

TEST_CASE("fixed rate is what it was told whatever gets lost") {
    FixedRate control{1200, 1'000'000};
    control.on_loss({.bytes_lost = 1'000'000});
    control.on_probe_timeout({}, 3);
    control.on_idle({}, 60s);
    CHECK(control.pacing_bytes_per_second() == 1'000'000);
    CHECK(control.rate_bytes_per_second() == 1'000'000);
}

TEST_CASE("fixed rate has a window that lets the rate through at any round trip") {
    FixedRate control{1200, 1'000'000};
    CHECK(control.window_bytes() == 400'000);
    AckSample sample;
    for (const auto round_trip : {1ms, 50ms, 200ms, 2000ms}) {
        sample.smoothed_round_trip_time = round_trip;
        control.on_ack(sample);
        const auto path = 1000u * static_cast<std::uint64_t>(round_trip.count());
        CHECK(control.window_bytes() >= 4 * path);
        CHECK(control.window_bytes() >= 250'000);
    }
}

TEST_CASE("fixed rate of nothing is a packet a second") {
    FixedRate control{1200, 0};
    CHECK(control.pacing_bytes_per_second() == 1200);
    CHECK(control.window_bytes() == 16 * 1200);
}
