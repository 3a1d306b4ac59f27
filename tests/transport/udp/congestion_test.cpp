#include "transport/udp/congestion.hpp"

#include "catch.hpp"
#include "transport/udp/copa.hpp"
#include "transport/udp/cubic.hpp"
#include "transport/udp/fixed.hpp"

using braid::transport::Congestion;
using braid::transport::make_congestion_control;

TEST_CASE("congestion control is made as it is chosen") {
    using namespace braid::transport;
    const auto copa = make_congestion_control(Congestion::copa, 1200);
    const auto cubic = make_congestion_control(Congestion::cubic, 1200);
    const auto fixed = make_congestion_control(Congestion::fixed, 1200, 5'000'000);
    CHECK(dynamic_cast<Copa*>(copa.get()) != nullptr);
    CHECK(dynamic_cast<Cubic*>(cubic.get()) != nullptr);
    CHECK(dynamic_cast<FixedRate*>(fixed.get()) != nullptr);
    CHECK(fixed->pacing_bytes_per_second() == 5'000'000);
}

TEST_CASE("congestion control starts with ten packets and unpaced") {
    for (const auto kind : {Congestion::copa, Congestion::cubic}) {
        const auto control = make_congestion_control(kind, 1200);
        CHECK(control->window_bytes() == 12'000);
        CHECK(control->pacing_bytes_per_second() == 0);
        CHECK(control->rate_bytes_per_second() == 0);
    }
}
