#include "congestion/scenarios.hpp"

#include <cstdio>

namespace bench {
namespace {

std::string format(const char* pattern, double a, double b = 0, double c = 0, double d = 0) {
    char text[96];
    std::snprintf(text, sizeof text, pattern, a, b, c, d);
    return text;
}

PathPlan path(double megabits, double round_trip_ms, double products, double loss = 0) {
    PathPlan plan;
    plan.bits_per_second = megabits * 1e6;
    plan.round_trip_ms = round_trip_ms;
    plan.queue_products = products;
    plan.loss = loss;
    return plan;
}

std::vector<Scenario> design() {
    std::vector<Scenario> all;
    for (const double products : {0.25, 1.0, 8.0}) {
        all.push_back({format("no loss, queue %g", products), path(20, 50, products)});
    }
    for (const double loss : {0.01, 0.05, 0.1}) {
        all.push_back({format("loss %g %%", 100 * loss), path(20, 50, 1, loss)});
    }
    Scenario bursts{"bursts, about 2 %", path(20, 50, 1)};
    bursts.path.burst_begins = 0.005;
    all.push_back(bursts);
    Scenario drop{"20 to 3 Mbit/s at 15 s, queue 4", path(20, 50, 4)};
    drop.path.steps = {{15, 3e6}};
    all.push_back(drop);
    Scenario spikes{"spikes of 150 ms each second", path(20, 50, 1)};
    spikes.path.spike_ms = 150;
    all.push_back(spikes);
    Scenario jitter{"overtaking, 8 ms", path(20, 50, 1)};
    jitter.path.jitter_ms = 8;
    all.push_back(jitter);
    all.push_back({"queue 0.05", path(20, 50, 0.05)});
    Scenario policer{"policed to 20 of 100 Mbit/s", path(100, 50, 1)};
    policer.path.policed_bits_per_second = 20e6;
    all.push_back(policer);
    all.push_back({"1.5 Mbit/s", path(1.5, 50, 1)});
    all.push_back({"3 Mbit/s", path(3, 50, 1)});
    all.push_back({"200 Mbit/s", path(200, 50, 1)});
    all.push_back({"150 ms, loss 1 %", path(20, 150, 1, 0.01)});
    all.push_back({"10 Mbit/s 40 ms", path(10, 40, 1)});
    for (const double loss : {0.0, 0.01, 0.05, 0.1}) {
        all.push_back({format("100 Mbit/s, loss %g %%", 100 * loss), path(100, 50, 1, loss)});
    }
    return all;
}

std::vector<Scenario> unseen() {
    std::vector<Scenario> all;
    for (const double megabits : {1.5, 6.0, 35.0, 150.0}) {
        for (const double round_trip : {5.0, 30.0, 90.0, 200.0}) {
            for (const double products : {0.25, 1.5, 8.0}) {
                all.push_back({format("%g Mbit/s %g ms queue %g", megabits, round_trip, products),
                               path(megabits, round_trip, products)});
            }
            for (const double loss : {0.02, 0.08}) {
                all.push_back(
                    {format("%g Mbit/s %g ms loss %g %%", megabits, round_trip, 100 * loss),
                     path(megabits, round_trip, 1, loss)});
            }
        }
    }
    for (const double megabits : {6.0, 35.0}) {
        auto jitter = path(megabits, 30, 1.5);
        jitter.jitter_ms = 4;
        all.push_back({format("%g Mbit/s 30 ms overtaking 4 ms", megabits), jitter});
        auto spikes = path(megabits, 30, 1.5);
        spikes.spike_ms = 80;
        all.push_back({format("%g Mbit/s 30 ms spikes 80 ms", megabits), spikes});
        auto steps = path(megabits, 30, 4);
        steps.steps = {{10, megabits * 0.2e6}, {20, megabits * 1e6}};
        all.push_back({format("%g Mbit/s 30 ms, a fifth of it for 10 s", megabits), steps});
        auto bursts = path(megabits, 90, 1);
        bursts.burst_begins = 0.003;
        bursts.burst_packets = 8;
        all.push_back({format("%g Mbit/s 90 ms bursts of 8", megabits), bursts});
        auto policer = path(5 * megabits, 30, 1);
        policer.policed_bits_per_second = megabits * 1e6;
        all.push_back({format("policed to %g Mbit/s", megabits), policer});
    }
    return all;
}

// None of these paths had been run when the constants were last changed.
std::vector<Scenario> fresh() {
    std::vector<Scenario> all;
    for (const double megabits : {2.5, 12.0, 60.0}) {
        for (const double round_trip : {12.0, 45.0, 130.0}) {
            for (const double products : {0.4, 1.2, 4.0}) {
                all.push_back({format("%g Mbit/s %g ms queue %g", megabits, round_trip, products),
                               path(megabits, round_trip, products)});
            }
            for (const double loss : {0.005, 0.03, 0.12}) {
                all.push_back(
                    {format("%g Mbit/s %g ms loss %g %%", megabits, round_trip, 100 * loss),
                     path(megabits, round_trip, 1.2, loss)});
            }
        }
        auto jitter = path(megabits, 45, 1.2);
        jitter.jitter_ms = 6;
        all.push_back({format("%g Mbit/s 45 ms overtaking 6 ms", megabits), jitter});
        auto bursts = path(megabits, 45, 1.2);
        bursts.burst_begins = 0.002;
        bursts.burst_packets = 12;
        all.push_back({format("%g Mbit/s 45 ms bursts of 12", megabits), bursts});
        auto steps = path(megabits, 45, 2);
        steps.steps = {{8, megabits * 0.4e6}, {16, megabits * 1e6}};
        all.push_back({format("%g Mbit/s 45 ms, two fifths of it for 8 s", megabits), steps});
    }
    return all;
}

std::vector<Scenario> sharing_fresh() {
    std::vector<Scenario> all;
    for (const double megabits : {12.0, 30.0}) {
        for (const double round_trip : {25.0, 60.0}) {
            for (const double products : {1.0, 3.0}) {
                all.push_back(
                    {format("cubic, %g Mbit/s %g ms queue %g", megabits, round_trip, products),
                     path(megabits, round_trip, products), 1, 1});
            }
            all.push_back({format("four alike, %g Mbit/s %g ms", megabits, round_trip),
                           path(megabits, round_trip, 1), 4, 0});
        }
    }
    return all;
}

// The way becomes longer: what looks like a queue that somebody else fills is none.
std::vector<Scenario> detours() {
    std::vector<Scenario> all;
    for (const double megabits : {2.0, 20.0}) {
        for (const auto& [before, after] : {std::pair{10.0, 30.0}, {40.0, 70.0}, {5.0, 15.0}}) {
            for (const double loss : {0.0, 0.01, 0.1}) {
                auto detour = path(megabits, before, 2, loss);
                detour.detour_at_seconds = 5;
                detour.detour_round_trip_ms = after;
                all.push_back({format("%g Mbit/s %g then %g ms, loss %g %%", megabits, before,
                                      after, 100 * loss),
                               detour});
            }
        }
    }
    return all;
}

std::vector<Scenario> sharing() {
    std::vector<Scenario> all;
    for (const double products : {0.5, 1.0, 4.0}) {
        all.push_back({format("cubic, queue %g", products), path(20, 50, products), 1, 1});
    }
    all.push_back({"cubic until 15 s, queue 1", path(20, 50, 1), 1, 1, 15});
    all.push_back({"four alike", path(20, 50, 1), 4, 0});
    return all;
}

std::vector<Scenario> sharing_unseen() {
    std::vector<Scenario> all;
    for (const double megabits : {5.0, 50.0}) {
        for (const double round_trip : {15.0, 80.0}) {
            for (const double products : {0.5, 1.0, 2.0, 4.0}) {
                all.push_back(
                    {format("cubic, %g Mbit/s %g ms queue %g", megabits, round_trip, products),
                     path(megabits, round_trip, products), 1, 1});
            }
            for (const double products : {1.0, 4.0}) {
                all.push_back(
                    {format("four alike, %g Mbit/s %g ms queue %g", megabits, round_trip, products),
                     path(megabits, round_trip, products), 4, 0});
            }
        }
    }
    return all;
}

}  // namespace

std::vector<Scenario> scenarios(std::string_view suite) {
    if (suite == "design") return design();
    if (suite == "unseen") return unseen();
    if (suite == "fresh") return fresh();
    if (suite == "sharing_fresh") return sharing_fresh();
    if (suite == "detours") return detours();
    if (suite == "sharing") return sharing();
    if (suite == "sharing_unseen") return sharing_unseen();
    return {};
}

}  // namespace bench
