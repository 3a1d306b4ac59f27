#include "transport/udp/copa.hpp"

#include "catch.hpp"
#include "transport/udp/fluid_path.hpp"

#include <algorithm>
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

TEST_CASE("copa fills a path that ran empty no faster than it drains") {
    Copa control{1200};
    FluidPath path;
    path.run(control, Seconds{5});
    const auto pace = static_cast<double>(control.pacing_bytes_per_second());
    const auto in_use = [&](double share) {
        return static_cast<std::uint64_t>(share * static_cast<double>(control.window_bytes()));
    };
    control.on_sent(path.now, 1200, in_use(0.6));
    CHECK(static_cast<double>(control.pacing_bytes_per_second()) == pace);
    control.on_sent(path.now, 1200, in_use(0.4));
    CHECK(static_cast<double>(control.pacing_bytes_per_second()) ==
          Approx(pace / 1.5).epsilon(0.001));
    path.round(control);
    path.round(control);
    CHECK(static_cast<double>(control.pacing_bytes_per_second()) > 0.9 * pace);
}

TEST_CASE("copa leaves startup when the queue grows and takes what it measured") {
    Copa control{1200};
    FluidPath path;
    while (control.in_startup()) path.round(control);
    CHECK(path.lost == 0);
    CHECK(path.round_trip > path.base + 4ms);
    CHECK(window(control) < 1.2 * path.holds());
    CHECK(window(control) > 0.9 * path.holds());
}

TEST_CASE("copa leaves startup when more than a quarter of a round is lost") {
    Copa control{1200};
    FluidPath path;
    path.queue_limit = 0;
    while (control.in_startup()) path.round(control);
    CHECK(window(control) < 1.2 * path.holds());
    CHECK(window(control) > 0.7 * path.holds());
}

TEST_CASE("copa does not leave startup for a loss that may be chance") {
    Copa control{1200};
    FluidPath path;
    path.rate = 1e8;
    path.round(control);
    control.on_loss({.now = path.now, .bytes_lost = 2 * FluidPath::packet});
    path.round(control);
    CHECK(control.in_startup());
}

TEST_CASE("copa goes on with startup when the loss that ended it was none") {
    Copa control{1200};
    FluidPath path;
    path.rate = 1e8;
    for (int i = 0; i < 4; ++i) path.round(control);
    const auto before = window(control);
    control.on_loss({.now = path.now, .bytes_lost = control.window_bytes() / 2});
    path.round(control);
    REQUIRE_FALSE(control.in_startup());
    control.on_spurious_loss(path.now);
    CHECK(control.in_startup());
    CHECK(window(control) >= before);
    const auto restored = window(control);
    control.on_spurious_loss(path.now);
    CHECK(window(control) == restored);
}

TEST_CASE("copa guard 2 holds the window near what the path holds where no queue tells") {
    for (const double cap : {1.25, 0.0}) {
        CopaConstants constants;
        constants.cap = cap;
        constants.loss_excess = 1;
        Copa control{1200, constants};
        FluidPath path;
        path.queue_limit = 0;
        path.run(control, Seconds{5});
        CAPTURE(cap);
        const bool held = window(control) <= 1.25 * path.holds() + 4 * packet;
        CHECK(held == (cap > 0));
    }
}

TEST_CASE("copa guard 3 loses little where what is too much is dropped") {
    const auto lost = [](double excess) {
        CopaConstants constants;
        constants.loss_excess = excess;
        Copa control{1200, constants};
        FluidPath path;
        path.queue_limit = 0;
        path.run(control, Seconds{5});
        path.lost = path.sent = 0;
        path.run(control, Seconds{20});
        CHECK(window(control) > 0.85 * path.holds());
        return path.lost / path.sent;
    };
    CHECK(lost(1) > 0.15);
    CHECK(lost(CopaConstants{}.loss_excess) < 0.09);
}

TEST_CASE("copa guard 4 does not take its own packets for somebody else's") {
    const auto rounds_in_competition = [](double packets) {
        CopaConstants constants;
        constants.near_empty_packets = packets;
        constants.near_empty_packets_most = packets;
        Copa control{1200, constants};
        FluidPath path;
        path.rate = 4e5;
        int rounds = 0;
        for (int i = 0; i < 400; ++i) {
            path.round(control);
            if (control.competes()) ++rounds;
        }
        return rounds;
    };
    CHECK(rounds_in_competition(0) > 100);
    CHECK(rounds_in_competition(1.5) < 40);
}

TEST_CASE("copa guard 5 keeps the queue short on a slow link") {
    const auto queue = [](braid::protocol::Duration packet_time) {
        CopaConstants constants;
        constants.packet_time = packet_time;
        Copa control{1200, constants};
        FluidPath path;
        path.rate = 1e5;
        path.run(control, Seconds{5});
        double sum = 0;
        for (int i = 0; i < 200; ++i) {
            path.round(control);
            sum += Seconds{path.round_trip - path.base}.count() / 200;
        }
        return sum;
    };
    CHECK(queue(4ms) < 0.7 * queue(0ms));
}

TEST_CASE("copa guard 6 holds its own beside who fills the queue until that one leaves") {
    Copa control{1200};
    FluidPath path;
    path.run(control, Seconds{5});
    REQUIRE_FALSE(control.competes());
    path.other_queue = path.holds();
    for (int i = 0; i < 10; ++i) path.round(control);
    REQUIRE(control.competes());
    const auto start = window(control);
    for (int i = 0; i < 100; ++i) path.round(control);
    CHECK(window(control) > 0.5 * start);
    path.other_queue = 0;
    for (int i = 0; i < 200; ++i) path.round(control);
    CHECK(window(control) <= 1.25 * path.holds() + 4 * packet);
}

TEST_CASE("copa guard 6 finds out that it is alone with a queue of its own") {
    const auto longest_queue = [](double question_window) {
        CopaConstants constants;
        constants.question_window = question_window;
        constants.near_empty_packets = 0;  // as if guard 4 had failed
        constants.near_empty_packets_most = 0;
        Copa control{1200, constants};
        FluidPath path;
        path.rate = 4e5;
        braid::protocol::Duration most{0};
        path.run(control, Seconds{5});
        for (int i = 0; i < 60; ++i) {
            path.round(control);
            most = std::max(most, path.round_trip - path.base);
        }
        return most;
    };
    CHECK(longest_queue(0) > 1s);
    CHECK(longest_queue(0.75) < 200ms);
}

TEST_CASE("copa does not decide about company while its window is not used") {
    Copa control{1200};
    FluidPath path;
    path.run(control, Seconds{5});
    const auto before = window(control);
    path.other_queue = path.holds();
    path.offered = 4 * packet;
    path.run(control, Seconds{60});
    CHECK_FALSE(control.competes());
    CHECK(window(control) == Approx(before));
}
