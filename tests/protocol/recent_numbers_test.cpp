#include "protocol/recent_numbers.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <set>

using braid::protocol::RecentNumbers;

TEST_CASE("A number is new once while it is among the newest") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        RecentNumbers recent;
        std::set<std::uint64_t> seen;
        std::uint64_t newest = random.chance(0.5) ? 0 : random.below(5'000);
        REQUIRE(recent.insert(newest));
        seen.insert(newest);
        for (int i = 0; i < 2'000; ++i) {
            auto number = newest + random.below(4);
            if (random.chance(0.5)) number -= std::min(number, random.below(1'500));
            if (random.chance(0.01)) number += random.below(3'000);
            newest = std::max(newest, number);
            const bool recent_enough = newest - number < RecentNumbers::kept;
            const bool fresh = seen.insert(number).second;
            REQUIRE(recent.insert(number) == (recent_enough && fresh));
        }
    }
}

TEST_CASE("Numbers far apart and the last of all") {
    RecentNumbers recent;
    CHECK(recent.insert(~std::uint64_t{0} - 1));
    CHECK_FALSE(recent.insert(~std::uint64_t{0} - 1));
    CHECK_FALSE(recent.insert(0));
    CHECK(recent.insert(~std::uint64_t{0} - RecentNumbers::kept));
    CHECK_FALSE(recent.insert(~std::uint64_t{0} - RecentNumbers::kept - 1));
}
