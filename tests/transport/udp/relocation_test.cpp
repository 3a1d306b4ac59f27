#include "transport/udp/relocation.hpp"

#include "catch.hpp"

using namespace braid;
using namespace braid::transport;
using namespace std::chrono_literals;

namespace {

constexpr protocol::Time begin{1h};

}  // namespace

TEST_CASE("three probe timeouts in a row and a second of silence are a reason to move") {
    Relocation relocation;
    CHECK_FALSE(relocation.suspects(0));
    REQUIRE(relocation.suspects(1));
    CHECK_FALSE(relocation.take(1, begin));
    CHECK_FALSE(relocation.take(2, begin + 1s));
    CHECK(relocation.take(3, begin + 1s));

    Relocation near;
    CHECK_FALSE(near.take(1, begin));
    CHECK_FALSE(near.take(3, begin + 50ms));
    CHECK_FALSE(near.take(6, begin + 1s - 1ns));
    CHECK(near.take(6, begin + 1s));
}

TEST_CASE("whoever was heard of begins anew") {
    Relocation relocation;
    CHECK_FALSE(relocation.take(1, begin));
    CHECK_FALSE(relocation.suspects(0));
    CHECK_FALSE(relocation.take(1, begin + 1s));
    CHECK_FALSE(relocation.take(3, begin + 2s - 1ns));
    CHECK(relocation.take(3, begin + 2s));
}

TEST_CASE("between two moves there is a pause") {
    Relocation relocation;
    CHECK_FALSE(relocation.take(1, begin));
    const auto moved = begin + 2s;
    CHECK(relocation.take(3, moved));
    CHECK(relocation.suspects(4));
    CHECK_FALSE(relocation.take(4, moved + Relocation::pause - 1ns));
    CHECK(relocation.take(7, moved + Relocation::pause));
    CHECK_FALSE(relocation.take(8, moved + Relocation::pause + 1s));
}

TEST_CASE("a system that finds no way is a reason to move once for each pause") {
    const std::error_code errors[]{
        asio::error::network_unreachable,
        asio::error::network_down,
        asio::error::host_unreachable,
        {EADDRNOTAVAIL, asio::error::get_system_category()},
    };
    for (const auto error : errors) {
        Relocation relocation;
        relocation.lost(error);
        CHECK(relocation.suspects(0));
        CHECK(relocation.take(0, begin));
        CHECK_FALSE(relocation.suspects(0));
        relocation.lost(error);
        CHECK_FALSE(relocation.take(0, begin + 1s));
        CHECK(relocation.take(0, begin + Relocation::pause));
    }
}

TEST_CASE("what is wrong with one datagram is no reason to move") {
    Relocation relocation;
    relocation.lost(asio::error::no_buffer_space);
    relocation.lost(asio::error::no_permission);
    relocation.lost(asio::error::connection_refused);
    CHECK_FALSE(relocation.suspects(0));
}
