#include "transport/udp/windowed_best.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <utility>

using braid::transport::WindowedBest;

using Least = WindowedBest<std::int64_t, std::less_equal<>>;
using Most = WindowedBest<std::int64_t, std::greater_equal<>>;

TEST_CASE("windowed best is the best until it leaves the window") {
    Least least;
    CHECK_FALSE(least.known());
    least.add(5, 0, 100);
    least.add(9, 50, 100);
    CHECK(least.best() == 5);
    least.add(8, 99, 100);
    CHECK(least.best() == 5);
    least.add(7, 101, 100);
    CHECK(least.best() == 7);
    least.forget();
    CHECK_FALSE(least.known());
}

TEST_CASE("windowed best forgets all after a gap longer than the window") {
    Most most;
    most.add(9, 0, 10);
    most.add(8, 1, 10);
    most.add(2, 40, 10);
    CHECK(most.best() == 2);
}

TEST_CASE("windowed best stays close to the true best") {
    sim::Random random{7};
    Least least;
    constexpr std::int64_t window = 1000;
    std::deque<std::pair<std::int64_t, std::int64_t>> samples;
    std::int64_t position = 0;
    for (int i = 0; i < 20'000; ++i) {
        position += static_cast<std::int64_t>(random.below(20));
        const auto value = static_cast<std::int64_t>(random.below(1'000'000));
        least.add(value, position, window);
        samples.emplace_back(position, value);
        while (samples.front().first < position - window - window / 4) samples.pop_front();
        const auto true_least = std::min_element(
            samples.begin(), samples.end(), [](auto& a, auto& b) { return a.second < b.second; });
        REQUIRE(least.best() >= true_least->second);
        REQUIRE(least.best() <= value);
    }
}
