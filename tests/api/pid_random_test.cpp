#include "catch.hpp"

#include <braid/pid.hpp>

#include <set>

TEST_CASE("random Pids differ") {
    std::set<braid::Pid> pids;
    for (int i = 0; i < 100; ++i) pids.insert(braid::Pid::random());
    CHECK(pids.size() == 100);
}
