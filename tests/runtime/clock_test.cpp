#include "runtime/clock.hpp"

#include "catch.hpp"

TEST_CASE("time goes on") {
    const braid::runtime::SystemClock clock;
    const auto start = clock.now();
    while (clock.now() == start) {
    }
    CHECK(clock.now() > start);
}
