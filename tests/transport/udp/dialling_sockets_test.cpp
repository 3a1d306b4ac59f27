#include "transport/udp/dialling_sockets.hpp"

#include "catch.hpp"
#include "runtime/entropy.hpp"

#include <asio/io_context.hpp>

#include <memory>

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
