#include "transport/udp/rate_limit.hpp"

#include "catch.hpp"

using namespace braid;
using namespace braid::transport;
using namespace std::chrono_literals;

namespace {

constexpr RateLimit::Rate rate{10, 3};

protocol::Time at(protocol::Duration since) { return protocol::Time{1h + since}; }

int taken(RateLimit& limit, protocol::Time now, int most = 1000) {
    int count = 0;
    for (; count < most && limit.allows(rate, now); ++count) limit.take(rate, now);
    return count;
}

}  // namespace

TEST_CASE("a rate limit gives a burst and then one after the other") {
    RateLimit limit;
    CHECK(taken(limit, at(0s)) == 3);
    CHECK(taken(limit, at(99ms)) == 0);
    CHECK(taken(limit, at(100ms)) == 1);
    CHECK(taken(limit, at(350ms)) == 2);
    CHECK(taken(limit, at(1h)) == 3);
}

TEST_CASE("a rate limit holds over a long time") {
    RateLimit limit;
    int count = 0;
    for (int ms = 0; ms < 10'000; ++ms) count += taken(limit, at(1ms * ms), 1);
    CHECK(count >= 100);
    CHECK(count <= 103);
}

TEST_CASE("a rate that is exceeded stays so until there are fewer") {
    RateLimit limit;
    int allowed = 0;
    for (int ms = 0; ms < 10'000; ++ms) {
        if (limit.allows(rate, at(1ms * ms))) ++allowed;
        limit.count(rate, at(1ms * ms));
    }
    CHECK(allowed == 3);
    // Two bursts are six tenths of a second, of which one must have passed.
    CHECK_FALSE(limit.allows(rate, at(10'300ms)));
    CHECK(limit.allows(rate, at(10'400ms)));
}
