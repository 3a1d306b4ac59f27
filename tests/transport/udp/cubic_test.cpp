#include "transport/udp/cubic.hpp"

#include "catch.hpp"
#include "transport/udp/fluid_path.hpp"

#include <chrono>
#include <cmath>

using braid::transport::Cubic;
using namespace std::chrono_literals;
using Seconds = FluidPath::Seconds;

namespace {

constexpr double packet = FluidPath::packet;

double window(const Cubic& control) { return static_cast<double>(control.window_bytes()); }

/// A loss of one packet of the present flight.
void lose(Cubic& control, const FluidPath& path) {
    control.on_loss({.now = path.now,
                     .bytes_lost = 1200,
                     .bytes_in_flight = control.window_bytes(),
                     .rounds = path.rounds,
                     .newest_sent_at = path.now - 1ms});
}

}  // namespace

TEST_CASE("cubic doubles its window each round trip at first") {
    Cubic control{1200};
    FluidPath path;
    path.rate = 1e8;
    for (double expected = 10 * packet; expected < 300 * packet; expected *= 2) {
        CHECK(window(control) == Approx(expected).margin(1));
        path.round(control);
    }
    CHECK(control.pacing_bytes_per_second() ==
          Approx(2 * window(control) / Seconds{path.round_trip}.count()).epsilon(0.01));
}

TEST_CASE("cubic leaves slow start when the queue grows and before it is full") {
    Cubic control{1200};
    FluidPath path;
    path.run(control, Seconds{1});
    CHECK_FALSE(control.in_slow_start());
    CHECK(path.lost == 0);
    CHECK(window(control) > path.holds());
    CHECK(window(control) < 6 * path.holds());
}

TEST_CASE("cubic goes on with slow start when the queue that grew was a moment's") {
    Cubic control{1200};
    FluidPath path;
    path.rate = 1e9;
    for (int i = 0; i < 3; ++i) path.round(control);
    path.base += 10ms;
    path.round(control);
    const auto before = window(control);
    path.base -= 10ms;
    path.round(control);
    path.round(control);
    REQUIRE(control.in_slow_start());
    CHECK(window(control) > 2 * before);
}

TEST_CASE("cubic takes 0.7 of its window at a loss and once for a flight") {
    Cubic control{1200};
    FluidPath path;
    path.run(control, Seconds{0.5});
    const auto before = window(control);
    lose(control, path);
    CHECK(window(control) == Approx(0.7 * before).epsilon(0.001));
    lose(control, path);
    CHECK(window(control) == Approx(0.7 * before).epsilon(0.001));
    path.now += 100ms;
    lose(control, path);
    CHECK(window(control) == Approx(0.49 * before).epsilon(0.001));
}

TEST_CASE("cubic comes back to where it lost in the time that RFC 9438 gives") {
    Cubic control{1200};
    FluidPath path;
    path.rate = 1e8;
    path.base = 100ms;
    while (window(control) < 1000 * packet) path.round(control);
    const auto plateau = window(control);
    lose(control, path);
    const auto start = path.now;
    while (window(control) < 0.99 * plateau) path.round(control);
    const auto needed = Seconds{path.now - start}.count();
    const auto k = std::cbrt(plateau / packet * 0.3 / 0.4);
    CHECK(needed < k);
    CHECK(needed > 0.6 * k);
    // It stays near it, and then looks for more ever faster.
    path.run(control, Seconds{0.5});
    CHECK(window(control) < 1.05 * plateau);
    path.run(
        control,
        start + std::chrono::duration_cast<braid::protocol::Duration>(Seconds{2 * k}) - path.now);
    CHECK(window(control) == Approx(1.3 * plateau).epsilon(0.03));
}

TEST_CASE("cubic is no slower than Reno on short paths") {
    Cubic control{1200};
    FluidPath path;
    path.rate = 1e8;
    path.base = 2ms;
    while (window(control) < 40 * packet) path.round(control);
    lose(control, path);
    const auto start = window(control);
    for (int i = 0; i < 100; ++i) path.round(control);
    // RFC 9438, 4.3: 0.53 packets a round trip, until the window is where it was; then one.
    CHECK(window(control) > start + 50 * packet);
    CHECK(window(control) < start + 101 * packet);
}

TEST_CASE("cubic gives way faster when it lost before it was back") {
    Cubic control{1200};
    FluidPath path;
    path.rate = 1e8;
    while (window(control) < 500 * packet) path.round(control);
    const auto first = window(control);
    lose(control, path);
    path.round(control);
    const auto second = window(control);
    REQUIRE(second < first);
    lose(control, path);
    path.round(control);
    // The plateau is 0.85 of where the second loss was: from there on it goes beyond it slowly.
    path.run(control, Seconds{std::cbrt(500 * 0.15 / 0.4)});
    CHECK(window(control) < 0.95 * second);
}

TEST_CASE("cubic takes back what a spurious loss did") {
    Cubic control{1200};
    FluidPath path;
    path.rate = 1e8;
    while (window(control) < 500 * packet) path.round(control);
    const auto before = window(control);
    lose(control, path);
    REQUIRE_FALSE(control.in_slow_start());
    control.on_spurious_loss(path.now);
    CHECK(window(control) == before);
    CHECK(control.in_slow_start());
    control.on_spurious_loss(path.now);
    CHECK(window(control) == before);
}

TEST_CASE("cubic does not grow a window that is not used") {
    Cubic control{1200};
    FluidPath path;
    path.offered = 3 * packet;
    path.run(control, Seconds{20});
    CHECK(window(control) == 10 * packet);
}

TEST_CASE("cubic begins anew after three probe timeouts") {
    Cubic control{1200};
    FluidPath path;
    path.run(control, Seconds{1});
    const auto before = window(control);
    control.on_probe_timeout(path.now, 1);
    control.on_probe_timeout(path.now, 2);
    CHECK(window(control) == before);
    control.on_probe_timeout(path.now, 3);
    CHECK(window(control) == 2 * packet);
    path.now += 1s;
    path.run(control, Seconds{1});
    CHECK(window(control) > 0.65 * before);
}

TEST_CASE("cubic eases in after a pause and starts smaller after a long one") {
    Cubic control{1200};
    FluidPath path;
    path.run(control, Seconds{1});
    const auto before = window(control);
    const auto pace = control.pacing_bytes_per_second();
    control.on_idle(path.now, 500ms);
    CHECK(control.pacing_bytes_per_second() == pace);
    control.on_idle(path.now, 2s);
    CHECK(window(control) == before);
    CHECK(static_cast<double>(control.pacing_bytes_per_second()) ==
          Approx(static_cast<double>(pace) / 1.25).epsilon(0.001));
    path.round(control);
    path.round(control);
    CHECK(static_cast<double>(control.pacing_bytes_per_second()) > 0.9 * static_cast<double>(pace));
    control.on_idle(path.now, 11s);
    CHECK(window(control) == 32 * packet);
}
