#include "protocol/interval_set.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <array>

using braid::protocol::IntervalSet;

namespace {

constexpr std::size_t numbers = 64;
using Bitmap = std::array<bool, numbers>;

void check_same(const IntervalSet& set, const Bitmap& bitmap) {
    std::size_t at = 0;
    std::size_t count = 0;
    for (const auto& interval : set) {
        REQUIRE(interval.begin < interval.end);
        REQUIRE((count == 0 || interval.begin > at));  // they do not touch
        for (; at < interval.begin; ++at) REQUIRE_FALSE(bitmap[at]);
        for (; at < interval.end; ++at) REQUIRE(bitmap[at]);
        ++count;
    }
    for (; at < numbers; ++at) REQUIRE_FALSE(bitmap[at]);
    REQUIRE(set.size() == count);
    REQUIRE(set.empty() == (count == 0));
    for (std::size_t i = 0; i < numbers; ++i) REQUIRE(set.contains(i) == bitmap[i]);
}

}  // namespace

TEST_CASE("An interval set holds what a bitmap holds") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        IntervalSet set;
        Bitmap bitmap{};
        for (int step = 0; step < 60; ++step) {
            const auto begin = random.below(numbers);
            const std::uint64_t length_max = random.chance(0.5) ? 4u : numbers - begin;
            const auto length = random.between(0, length_max);
            const auto end = std::min(std::uint64_t{numbers}, begin + length);
            if (random.chance(0.6)) {
                std::uint64_t fresh = 0;
                for (auto i = begin; i < end; ++i) {
                    fresh += bitmap[i] ? 0u : 1u;
                    bitmap[i] = true;
                }
                REQUIRE(set.insert(begin, end) == fresh);
            } else {
                for (auto i = begin; i < end; ++i) bitmap[i] = false;
                set.erase(begin, end);
            }
            check_same(set, bitmap);
            const auto from = random.below(numbers);
            const auto to = random.between(from + 1, numbers);
            bool all = true;
            for (auto i = from; i < to; ++i) all = all && bitmap[i];
            REQUIRE(set.covers(from, to) == all);
        }
    }
}

TEST_CASE("An interval set reaches to the largest number") {
    constexpr auto last = ~std::uint64_t{0};
    IntervalSet set;
    CHECK(set.insert(last - 1, last) == 1);
    CHECK(set.insert(0, 1) == 1);
    CHECK(set.insert(0, last) == last - 2);
    CHECK(set.size() == 1);
    set.erase(5, 6);
    CHECK(set.size() == 2);
    CHECK(set.front() == IntervalSet::Interval{0, 5});
    CHECK(set.back() == IntervalSet::Interval{6, last});
    set.clear();
    CHECK(set.empty());
}
