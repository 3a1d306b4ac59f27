// The mux and UDP's link of two ends over bad networks of datagrams, with attackers on the way:
// each seed is a scenario of twenty seconds or so, and every invariant is watched.
// BRAID_SIM_SEEDS says how many (default 40), BRAID_SEED=n replays one.

#include "catch.hpp"
#include "sim/check.hpp"
#include "sim/udp_scenario.hpp"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
    const auto* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Parts, so that ctest runs them at the same time.
constexpr std::uint64_t parts = 4;

void check_part(std::uint64_t part) {
    const bool one = std::getenv("BRAID_SEED") != nullptr;
    const auto first = number_from("BRAID_SEED", 0);
    const auto end = first + (one ? 1 : number_from("BRAID_SIM_SEEDS", 40));
    std::uint64_t failures = 0;
    std::uint64_t count = 0;
    std::uint64_t datagrams = 0;
    sim::Duration elapsed{0};
    for (auto seed = first; seed < end && failures < 3; ++seed) {
        if (seed % parts != part) continue;
        try {
            const auto outcome = sim::run_udp_scenario(seed);
            ++count;
            datagrams += outcome.datagrams;
            elapsed += outcome.elapsed;
        } catch (const sim::Violation& violation) {
            ++failures;
            FAIL_CHECK("replay with BRAID_SEED=" << seed << ": " << violation.what());
        }
    }
    CHECK(failures == 0);
    std::cout << count << " seeds, " << elapsed / std::chrono::seconds{1} << " virtual seconds, "
              << datagrams << " datagrams\n";
}

}  // namespace

TEST_CASE("Every promise is kept over bad networks of datagrams: part 1") { check_part(0); }
TEST_CASE("Every promise is kept over bad networks of datagrams: part 2") { check_part(1); }
TEST_CASE("Every promise is kept over bad networks of datagrams: part 3") { check_part(2); }
TEST_CASE("Every promise is kept over bad networks of datagrams: part 4") { check_part(3); }

TEST_CASE("The same seed gives the same datagrams bit by bit") {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
        CAPTURE(seed);
        CHECK(sim::run_udp_scenario(seed).trace == sim::run_udp_scenario(seed).trace);
    }
}
