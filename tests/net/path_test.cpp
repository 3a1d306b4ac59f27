#include "net/path.hpp"

#include "catch.hpp"

#include <cstdlib>
#include <vector>

using namespace std::chrono_literals;
using net::LinkShape;
using net::nanoseconds;
using net::Path;

namespace {

std::vector<bool> losses_of(const LinkShape& shape, std::uint64_t seed, unsigned count) {
    Path path(shape, seed);
    std::vector<bool> losses;
    for (unsigned i = 0; i < count; ++i) losses.push_back(!path.offer(i * 1ms, 100));
    return losses;
}

double share_of(const std::vector<bool>& losses) {
    double lost = 0;
    for (const bool one : losses) lost += one ? 1 : 0;
    return lost / static_cast<double>(losses.size());
}

double mean_run_of(const std::vector<bool>& losses) {
    double lost = 0;
    double runs = 0;
    for (std::size_t i = 0; i < losses.size(); ++i) {
        if (!losses[i]) continue;
        ++lost;
        if (i == 0 || !losses[i - 1]) ++runs;
    }
    return lost / runs;
}

}  // namespace

TEST_CASE("a path without a shape delivers at once") {
    Path path({}, 1);
    CHECK(path.offer(5ms, 1'500) == nanoseconds(5ms));
    CHECK(path.counts().offered == 1);
    CHECK(path.counts().bytes == 1'500);
}

TEST_CASE("packets leave a path at its rate and after its delay") {
    LinkShape shape;
    shape.bits_per_second = 8e6;  // a byte each microsecond
    shape.delay = 20ms;
    Path path(shape, 1);
    CHECK(path.offer(0ms, 1'000) == nanoseconds(21ms));
    CHECK(path.offer(0ms, 500) == nanoseconds(21'500us));
    CHECK(path.offer(10ms, 1'000) == nanoseconds(31ms));
    CHECK(path.counts().queue_max == nanoseconds(1ms));
}

TEST_CASE("a queue drops what it has no room for and takes more once it has") {
    LinkShape shape;
    shape.bits_per_second = 8e6;
    shape.queue_bytes = 3'000;
    Path path(shape, 1);
    for (int i = 0; i < 3; ++i) CHECK(path.offer(0ms, 1'000));
    CHECK_FALSE(path.offer(0ms, 1'000));
    CHECK_FALSE(path.offer(999us, 1'000));
    CHECK(path.offer(1ms, 1'000) == nanoseconds(4ms));
    CHECK(path.counts().queue_full == 2);
}

TEST_CASE("a queue of so much time holds so many bytes") {
    LinkShape shape;
    shape.bits_per_second = 20e6;
    shape.queue_time(50ms);
    CHECK(shape.queue_bytes == 125'000);
}

TEST_CASE("losses have the share asked for and follow the seed") {
    LinkShape shape;
    shape.loss = 0.1;
    const auto losses = losses_of(shape, 3, 50'000);
    CHECK(share_of(losses) == Approx(0.1).epsilon(0.05));
    CHECK(mean_run_of(losses) == Approx(1 / 0.9).epsilon(0.05));
    CHECK(losses == losses_of(shape, 3, 50'000));
    CHECK(losses != losses_of(shape, 4, 50'000));
}

TEST_CASE("losses come in runs of the length asked for") {
    LinkShape shape;
    shape.loss = 0.05;
    shape.loss_run = 8;
    const auto losses = losses_of(shape, 5, 400'000);
    CHECK(share_of(losses) == Approx(0.05).epsilon(0.1));
    CHECK(mean_run_of(losses) == Approx(8).epsilon(0.1));
}

TEST_CASE("jitter delays within its bound and keeps the order") {
    LinkShape shape;
    shape.delay = 10ms;
    shape.jitter = 5ms;
    Path path(shape, 6);
    nanoseconds before{0};
    nanoseconds spread{0};
    for (unsigned i = 0; i < 1'000; ++i) {
        const nanoseconds now = i * 1ms;
        const auto due = path.offer(now, 100);
        REQUIRE(due);
        CHECK(*due >= before);
        CHECK(*due >= now + 10ms);
        CHECK(*due < now + 15ms);
        spread = std::max(spread, *due - now - 10ms);
        before = *due;
    }
    CHECK(spread > 4ms);
}

TEST_CASE("reordered packets are overtaken") {
    LinkShape shape;
    shape.reorder = 0.1;
    shape.reorder_delay = 5ms;
    Path path(shape, 7);
    unsigned late = 0;
    for (unsigned i = 0; i < 10'000; ++i) {
        const auto due = path.offer(i * 1ms, 100);
        REQUIRE(due);
        if (*due == i * 1ms + 5ms)
            ++late;
        else
            CHECK(*due == nanoseconds(i * 1ms));
    }
    CHECK(late > 900);
    CHECK(late < 1'100);
}

TEST_CASE("a path drops what is larger than its MTU and takes a new shape") {
    LinkShape shape;
    shape.mtu = 1'280;
    Path path(shape, 1);
    CHECK(path.offer(0ms, 1'280));
    CHECK_FALSE(path.offer(0ms, 1'281));
    CHECK(path.counts().too_large == 1);
    path.reshape({});
    CHECK(path.offer(0ms, 1'500));
}
