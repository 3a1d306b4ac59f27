#include "transport/udp/listener.hpp"

#include "catch.hpp"
#include "transport/udp/rendezvous.hpp"

#include <asio/error.hpp>
#include <asio/post.hpp>

#include <chrono>
#include <string>

using namespace braid;
using namespace braid::test;
using namespace braid::transport;

TEST_CASE("a UDP port that is taken is the system's error") {
    asio::io_context context;
    const auto listener = listen(context, "udp://127.0.0.1:0");
    CHECK(listener->address().transport() == Transport::udp);
    CHECK_THROWS_AS(listen(context, listener->address()), NetworkError);
}

TEST_CASE("a listener at one IPv6 address leaves the IPv4 port of UDP alone") {
    asio::io_context context;
    const auto six = listen(context, "udp://[::1]:0");
    const auto four = listen(context, ListenAddr::udp("0.0.0.0", six->address().port()));
    CHECK(four->address().port() == six->address().port());
}

TEST_CASE("close() ends a UDP listener's accept()") {
    asio::io_context context;
    const auto listener = listen(context, "udp://127.0.0.1:0");
    std::error_code error;
    const auto accept = [&]() -> asio::awaitable<void> {
        const auto encounter = co_await listener->accept();
    };
    const auto wait = [&]() -> asio::awaitable<void> {
        asio::post(context, [&] { listener->close(); });
        error = co_await caught(accept());
    };
    run(context, wait());
    CHECK(error == asio::error::operation_aborted);
    listener->close();
}

TEST_CASE("a UDP listener warns where the system gives its socket little memory") {
    asio::io_context context;
    const auto listener = listen(context, "udp://127.0.0.1:0");
    asio::ip::udp::socket wanting{context, asio::ip::udp::v4()};
    std::error_code error;
    const auto given = datagram_io::prepare(wanting, false, error).receive_buffer_bytes;
    const bool enough = given >= datagram_io::buffer_bytes_wanted;
    CHECK(listener->warning().empty() == enough);
    if (!enough) {
        CHECK(listener->warning().find(std::to_string(given >> 10) + " KiB") != std::string::npos);
    }
}

TEST_CASE("who asks a listener that has closed is told so") {
    asio::io_context context;
    Rendezvous both{context};
    const auto address = connect_address(both.listener->address());
    both.listener->close();
    const auto late = dial(context, both.transports, address);
    std::error_code error;
    const auto meet = [&]() -> asio::awaitable<void> {
        error = co_await caught(meet_dialling(*late));
    };
    run(context, meet());
    CHECK(error == errc::network_closed);
}

TEST_CASE("a listener answers packets of connections that it does not know") {
    asio::io_context context;
    const auto listener = listen(context, "udp://127.0.0.1:0");
    RawPeer peer{context};
    Bytes packet(100, std::byte{7});
    const auto header = encode_packet_header(packet.data(), false, 0x12345678u, 1, 1);
    REQUIRE(header < packet.size());
    const asio::ip::udp::endpoint to{asio::ip::address_v4::loopback(), listener->address().port()};
    peer.socket.send_to(asio::buffer(packet), to);
    Bytes answer;
    const auto wait = [&]() -> asio::awaitable<void> { answer = co_await peer.receive(); };
    run(context, wait());
    CHECK(decode_reset(answer));
    CHECK(answer.size() < packet.size());
}
