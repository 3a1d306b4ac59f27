#include "transport/tcp/listener.hpp"

#include "catch.hpp"
#include "transport/loopback.hpp"

#include <braid/error.hpp>

using namespace braid;
using namespace braid::test;

TEST_CASE("a port that is taken is the system's error") {
    asio::io_context context;
    const auto listener = listen(context, "tcp://127.0.0.1:0");
    CHECK_THROWS_AS(listen(context, listener->address()), NetworkError);
}

TEST_CASE("a listener at one IPv6 address leaves the IPv4 port alone") {
    asio::io_context context;
    const auto six = listen(context, "tcp://[::1]:0");
    const auto four = listen(context, ListenAddr::tcp("0.0.0.0", six->address().port()));
    CHECK(four->address().port() == six->address().port());
}
