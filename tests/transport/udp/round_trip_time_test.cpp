#include "transport/udp/round_trip_time.hpp"

#include "catch.hpp"
#include "sim/random.hpp"
#include "transport/udp/acknowledgements.hpp"

#include <cmath>

using braid::protocol::Duration;
using braid::transport::Acknowledgements;
using braid::transport::RoundTripTime;
using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST_CASE("Before the first sample the round trip is a guess") {
    const RoundTripTime rtt;
    CHECK_FALSE(rtt.known());
    CHECK(rtt.smoothed() == RoundTripTime::initial);
    CHECK(rtt.variation() == RoundTripTime::initial / 2);
    CHECK(rtt.latest() == RoundTripTime::initial);
    CHECK(rtt.least() == RoundTripTime::initial);
}

TEST_CASE("The first sample of the round trip replaces the guess") {
    RoundTripTime rtt;
    rtt.sample(milliseconds{40}, milliseconds{3});
    CHECK(rtt.known());
    CHECK(rtt.smoothed() == milliseconds{40});
    CHECK(rtt.variation() == milliseconds{20});
    CHECK(rtt.latest() == milliseconds{40});
    CHECK(rtt.least() == milliseconds{40});
}

TEST_CASE("Later samples are smoothed as RFC 9002 says") {
    RoundTripTime rtt;
    rtt.sample(milliseconds{40}, {});
    rtt.sample(milliseconds{56}, {});
    CHECK(rtt.latest() == milliseconds{56});
    CHECK(rtt.smoothed() == milliseconds{42});
    CHECK(rtt.variation() == milliseconds{19});
    CHECK(rtt.least() == milliseconds{40});
    rtt.sample(milliseconds{34}, {});
    CHECK(rtt.least() == milliseconds{34});
    CHECK(rtt.smoothed() == milliseconds{41});
    CHECK(rtt.variation() == microseconds{16'250});
}

TEST_CASE("The peer's delay is taken off but never below the least round trip") {
    const auto latest_of = [](Duration measured, Duration delay) {
        RoundTripTime rtt;
        rtt.sample(milliseconds{40}, {});
        rtt.sample(measured, delay);
        return rtt.latest();
    };
    CHECK(latest_of(milliseconds{50}, milliseconds{4}) == milliseconds{46});
    CHECK(latest_of(milliseconds{44}, milliseconds{4}) == milliseconds{40});
    CHECK(latest_of(milliseconds{43}, milliseconds{4}) == milliseconds{43});
    // What it claims beyond its promise is not believed.
    CHECK(latest_of(milliseconds{100}, milliseconds{60}) == milliseconds{95});
    CHECK(latest_of(milliseconds{100}, Duration::max()) == milliseconds{95});
    CHECK(latest_of(milliseconds{100}, Duration{-1}) == milliseconds{100});
    CHECK(latest_of(milliseconds{50}, Acknowledgements::delay_max) == milliseconds{45});
}

TEST_CASE("A round trip of no time at all is a very short one") {
    RoundTripTime rtt;
    rtt.sample(Duration{0}, {});
    CHECK(rtt.known());
    CHECK(rtt.least() == Duration{1});
    rtt.sample(Duration{-5}, milliseconds{5});
    CHECK(rtt.latest() == Duration{1});
    CHECK(rtt.smoothed() > Duration{0});
}

TEST_CASE("The smoothed round trip follows that of RFC 9002 in floating point") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        RoundTripTime rtt;
        double smoothed = 0;
        double variation = 0;
        double least = 1e18;
        for (int i = 0; i < 200; ++i) {
            const auto measured = static_cast<double>(random.between(1'000'000, 200'000'000));
            const auto delay = static_cast<double>(random.below(8'000'000));
            rtt.sample(Duration{static_cast<Duration::rep>(measured)},
                       Duration{static_cast<Duration::rep>(delay)});
            least = std::min(least, measured);
            if (i == 0) {
                smoothed = measured;
                variation = measured / 2;
            } else {
                const auto bounded = std::min(delay, 5e6);
                const auto adjusted = measured >= least + bounded ? measured - bounded : measured;
                variation = variation * 3 / 4 + std::abs(smoothed - adjusted) / 4;
                smoothed = smoothed * 7 / 8 + adjusted / 8;
            }
            REQUIRE(static_cast<double>(rtt.smoothed().count()) == Approx(smoothed).margin(100));
            REQUIRE(static_cast<double>(rtt.variation().count()) == Approx(variation).margin(100));
            REQUIRE(static_cast<double>(rtt.least().count()) == least);
        }
    }
}
