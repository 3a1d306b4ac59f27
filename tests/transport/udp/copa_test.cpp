#include "transport/udp/copa.hpp"

#include "catch.hpp"
#include "transport/udp/fluid_path.hpp"

#include <chrono>

using braid::transport::Copa;
using braid::transport::CopaConstants;
using namespace std::chrono_literals;
using Seconds = FluidPath::Seconds;

namespace {

constexpr double packet = FluidPath::packet;

double window(const Copa& control) { return static_cast<double>(control.window_bytes()); }

}  // namespace

TEST_CASE("copa fills the path and keeps a queue of a few packets") {
    for (const double rate : {2e5, 2.5e6, 2.5e7}) {
        for (const auto base : {5ms, 50ms, 200ms}) {
            Copa control{1200};
            FluidPath path;
            path.rate = rate;
            path.base = base;
            path.run(control, Seconds{20});
            CAPTURE(rate, base.count());
            CHECK(window(control) > 0.9 * path.holds());
            CHECK(window(control) <= 1.25 * path.holds() + 4 * packet);
        }
    }
}

TEST_CASE("copa doubles its window each round trip at first") {
    Copa control{1200};
    FluidPath path;
    path.rate = 1e9;
    for (double expected = 10 * packet; expected < 1000 * packet; expected *= 2) {
        CHECK(window(control) == Approx(expected).margin(1));
        path.round(control);
    }
    CHECK(control.in_startup());
    CHECK(static_cast<double>(control.pacing_bytes_per_second()) ==
          Approx(2 * window(control) / Seconds{path.round_trip}.count()).epsilon(0.01));
}

TEST_CASE("copa does not mind losses by chance") {
    for (const double loss : {0.01, 0.05, 0.1}) {
        Copa control{1200};
        FluidPath path;
        path.loss = loss;
        path.run(control, Seconds{20});
        CAPTURE(loss);
        CHECK(window(control) > 0.9 * path.holds());
        CHECK(window(control) <= 1.25 * path.holds() + 4 * packet);
    }
}

TEST_CASE("copa follows a rate that falls and rises") {
    Copa control{1200};
    FluidPath path;
    path.run(control, Seconds{5});
    path.rate = 4e5;
    path.run(control, Seconds{4});
    CHECK(window(control) < 1.25 * path.holds() + 4 * packet);
    path.rate = 2.5e6;
    path.run(control, Seconds{4});
    CHECK(window(control) > 0.9 * path.holds());
}

TEST_CASE("copa does not grow a window that is not used and does not leave startup for it") {
    Copa control{1200};
    FluidPath path;
    path.offered = 3 * packet;
    path.jitter = 20ms;
    path.run(control, Seconds{20});
    CHECK(window(control) == 10 * packet);
    CHECK(control.in_startup());
}

TEST_CASE("copa begins anew after three probe timeouts") {
    Copa control{1200};
    FluidPath path;
    path.run(control, Seconds{5});
    const auto before = window(control);
    control.on_probe_timeout(path.now, 1);
    control.on_probe_timeout(path.now, 2);
    CHECK(window(control) == before);
    control.on_probe_timeout(path.now, 3);
    CHECK(window(control) == 4 * packet);
    CHECK(control.in_startup());
    // Another path: what the one before held is forgotten.
    path.rate = 1e7;
    path.base = 100ms;
    path.run(control, Seconds{5});
    CHECK(window(control) > 0.9 * path.holds());
}

TEST_CASE("copa eases in after a pause and starts smaller after a long one") {
    Copa control{1200};
    FluidPath path;
    path.run(control, Seconds{5});
    const auto before = window(control);
    const auto pace = static_cast<double>(control.pacing_bytes_per_second());
    control.on_idle(path.now, 500ms);
    CHECK(static_cast<double>(control.pacing_bytes_per_second()) == pace);
    control.on_idle(path.now, 2s);
    CHECK(window(control) == before);
    CHECK(static_cast<double>(control.pacing_bytes_per_second()) ==
          Approx(pace / 1.5).epsilon(0.001));
    path.round(control);
    path.round(control);
    CHECK(static_cast<double>(control.pacing_bytes_per_second()) > 0.9 * pace);
    control.on_idle(path.now, 11s);
    CHECK(window(control) == 32 * packet);
}
