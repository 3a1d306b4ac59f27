#include "transport/udp/seat.hpp"

#include "catch.hpp"

#include <asio/io_context.hpp>

using namespace braid::transport;

namespace {

struct Fixture {
    ~Fixture() { bell->take_down(); }

    asio::io_context context;
    std::shared_ptr<UdpSocket> socket =
        UdpSocket::open(context.get_executor(), {asio::ip::address_v4::loopback(), 0}, {});
    std::shared_ptr<Doorbell> bell = Doorbell::make(context.get_executor());
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a seat with an id has one of its own") {
    const auto one = UdpSeat::with_id(socket, bell);
    const auto other = UdpSeat::with_id(socket, bell);
    REQUIRE((one && other));
    CHECK(one->id() != other->id());
}

TEST_CASE_METHOD(Fixture, "a seat that is left is free for another one") {
    SocketAddress peer;
    peer.port = 7;
    auto seat = UdpSeat::facing(socket, peer, bell);
    REQUIRE(seat);
    CHECK_FALSE(seat->id());
    CHECK_FALSE(UdpSeat::facing(socket, peer, bell));
    SECTION("by its owner") {
        seat->leave();
        seat->leave();
    }
    SECTION("by its end") { seat = nullptr; }
    CHECK(UdpSeat::facing(socket, peer, bell));
}

TEST_CASE_METHOD(Fixture, "a socket lives as long as somebody sits at it") {
    auto seat = UdpSeat::with_id(socket, bell);
    const std::weak_ptr<UdpSocket> watched{socket};
    socket = nullptr;
    CHECK_FALSE(watched.expired());
    seat = nullptr;
    CHECK(watched.expired());
}
