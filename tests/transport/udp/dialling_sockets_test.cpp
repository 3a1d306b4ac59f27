#include "transport/udp/dialling_sockets.hpp"

#include "catch.hpp"
#include "runtime/entropy.hpp"

#include <asio/io_context.hpp>

#include <memory>
#include <system_error>

using namespace braid;
using namespace braid::transport;

namespace {

SocketAddress peer(std::uint16_t port, bool v6 = false) {
    SocketAddress address;
    address.v6 = v6;
    if (v6) {
        address.ip[15] = 1;
    } else {
        address.ip[0] = 127;
        address.ip[3] = 1;
    }
    address.port = port;
    return address;
}

struct Fixture {
    ~Fixture() { bell->take_down(); }

    std::unique_ptr<UdpSeat> seat(const SocketAddress& to) {
        return sockets.seat(context.get_executor(), to, bell);
    }

    DiallingSockets sockets{std::make_shared<runtime::SystemEntropy>()};
    asio::io_context context;
    std::shared_ptr<Doorbell> bell = Doorbell::make(context.get_executor());
};

}  // namespace

TEST_CASE_METHOD(Fixture, "connections to several peers share a socket") {
    const auto one = seat(peer(1'001));
    const auto other = seat(peer(1'002));
    CHECK(&one->socket() == &other->socket());
    CHECK_FALSE(one->id());
}

TEST_CASE_METHOD(Fixture, "two connections to one peer do not share a socket") {
    auto one = seat(peer(1'001));
    const auto other = seat(peer(1'001));
    CHECK(&one->socket() != &other->socket());
    // Its place is free again when it has left.
    auto* const socket = &one->socket();
    const auto third = seat(peer(1'002));
    REQUIRE(&third->socket() == socket);
    one = nullptr;
    CHECK(&seat(peer(1'001))->socket() == socket);
}

TEST_CASE_METHOD(Fixture, "all who give a socket up meet at a younger one") {
    const auto one = seat(peer(1'001));
    const auto other = seat(peer(1'002));
    REQUIRE(&one->socket() == &other->socket());
    const auto one_after = sockets.seat_after(*one);
    CHECK(&one_after->socket() != &one->socket());
    CHECK(one_after->socket().endpoint().port() != one->socket().endpoint().port());
    CHECK(one_after->peer() == one->peer());
    CHECK(one_after->bell() == one->bell());
    const auto other_after = sockets.seat_after(*other);
    CHECK(&other_after->socket() == &one_after->socket());
    // Nobody new comes to where it was dead.
    const auto third = seat(peer(1'003));
    CHECK(&third->socket() == &one_after->socket());
}

TEST_CASE_METHOD(Fixture, "who gives a socket up does not go to an older one") {
    const auto oldest = seat(peer(1'001));
    const auto second = seat(peer(1'001));
    const auto alone = seat(peer(1'002));
    REQUIRE(&alone->socket() == &oldest->socket());
    const auto after = sockets.seat_after(*second);
    CHECK(&after->socket() != &oldest->socket());
    CHECK(&after->socket() != &second->socket());
    // The oldest was not given up.
    CHECK(&seat(peer(1'003))->socket() == &oldest->socket());
}

TEST_CASE_METHOD(Fixture, "where the context is dead there is no younger socket") {
    auto elsewhere = std::make_unique<asio::io_context>();
    const auto doorbell = Doorbell::make(elsewhere->get_executor());
    const auto there = sockets.seat(elsewhere->get_executor(), peer(1'001), doorbell);
    elsewhere.reset();
    CHECK_THROWS_AS(sockets.seat_after(*there), std::system_error);
    doorbell->take_down();
}

TEST_CASE_METHOD(Fixture, "IPv4 and IPv6 have sockets of their own") {
    const auto four = seat(peer(1'001));
    const auto six = seat(peer(1'001, true));
    CHECK(&four->socket() != &six->socket());
}

TEST_CASE_METHOD(Fixture, "each context has sockets of its own") {
    const auto here = seat(peer(1'001));
    asio::io_context elsewhere;
    const auto doorbell = Doorbell::make(elsewhere.get_executor());
    const auto there = sockets.seat(elsewhere.get_executor(), peer(1'002), doorbell);
    CHECK(&here->socket() != &there->socket());
    doorbell->take_down();
}

TEST_CASE_METHOD(Fixture, "a socket goes with its last connection") {
    auto one = seat(peer(1'001));
    const auto port = one->socket().endpoint().port();
    one = nullptr;
    // Its port can be taken.
    const asio::ip::udp::endpoint same{asio::ip::udp::v4(), port};
    CHECK(UdpSocket::open(context.get_executor(), same, {})->endpoint().port() == port);
}
