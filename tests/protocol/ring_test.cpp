#include "protocol/ring.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>

using braid::protocol::Ring;

TEST_CASE("A ring does what a deque does") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        sim::Random random{seed};
        Ring<std::uint64_t> ring;
        std::deque<std::uint64_t> oracle;
        double growing = 0.7;
        for (int step = 0; step < 20'000; ++step) {
            if (step % 5'000 == 4'999) growing = 1.0 - growing;
            if (oracle.empty() || random.chance(growing)) {
                const auto value = random.next();
                ring.push_back(value);
                oracle.push_back(value);
            } else if (random.chance(0.1)) {
                const auto count = random.between(0, std::min<std::size_t>(oracle.size(), 20));
                ring.pop_front(count);
                oracle.erase(oracle.begin(), oracle.begin() + static_cast<std::ptrdiff_t>(count));
            } else if (random.chance(0.8)) {
                ring.pop_front();
                oracle.pop_front();
            } else {
                ring.pop_back();
                oracle.pop_back();
            }
            REQUIRE(ring.size() == oracle.size());
            REQUIRE(ring.empty() == oracle.empty());
            if (oracle.empty()) continue;
            REQUIRE(ring.front() == oracle.front());
            REQUIRE(ring.back() == oracle.back());
            const auto index = random.below(oracle.size());
            REQUIRE(ring[index] == oracle[index]);
        }
        ring.clear();
        REQUIRE(ring.empty());
    }
}

TEST_CASE("A ring lets go of what it no longer holds") {
    const auto counted = std::make_shared<int>(1);
    Ring<std::shared_ptr<int>> ring;
    for (int i = 0; i < 6; ++i) ring.push_back(counted);
    CHECK(counted.use_count() == 7);
    ring.pop_front();
    ring.pop_back();
    CHECK(counted.use_count() == 5);
    ring.pop_front(2);
    CHECK(counted.use_count() == 3);
    ring.clear();
    CHECK(counted.use_count() == 1);
}

TEST_CASE("A ring survives being emptied after it was large") {
    Ring<int> ring;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 10'000; ++i) ring.push_back(i);
        for (int i = 0; i < 10'000; ++i) {
            REQUIRE(ring.front() == i);
            ring.pop_front();
        }
        REQUIRE(ring.empty());
    }
}
