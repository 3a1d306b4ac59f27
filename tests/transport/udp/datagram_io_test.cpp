#include "transport/udp/datagram_io.hpp"

#include "catch.hpp"
#include "transport/udp/datagram_sender.hpp"

#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

using namespace braid;
using namespace braid::transport;
namespace io = braid::transport::datagram_io;

namespace {

using Bytes = std::vector<std::byte>;
using asio::ip::udp;

/// A bound socket, as the library prepares it.
struct Bound {
    explicit Bound(const std::string& host) : socket{context} {
        const udp::endpoint endpoint{asio::ip::make_address(host), 0};
        socket.open(endpoint.protocol());
        std::error_code error;
        features = io::prepare(socket, endpoint.address().is_v6(), error);
        REQUIRE_FALSE(error);
        socket.bind(endpoint);
        address = io::address_of(socket.local_endpoint());
    }

    /// The next datagrams, one by one. Blocks until they are there.
    std::vector<Bytes> take(std::size_t count) {
        std::vector<Bytes> all;
        Bytes buffer(io::receive_bytes_max);
        while (all.size() < count) {
            std::error_code error;
            const auto got = io::receive(socket, buffer, error);
            if (error == asio::error::would_block) {
                socket.wait(udp::socket::wait_read);
                continue;
            }
            REQUIRE_FALSE(error);
            from = got.from;
            at = got.at;
            std::span rest{buffer.data(), got.bytes};
            do {
                const auto size = std::min(got.segment_bytes, rest.size());
                all.emplace_back(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
                rest = rest.subspan(size);
            } while (!rest.empty());
        }
        return all;
    }

    asio::io_context context;
    udp::socket socket;
    io::Features features;
    SocketAddress address;
    SocketAddress from;  // of the last datagram
    SocketAddress at;
};

Bytes numbered(std::size_t size, unsigned seed = 0) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + seed);
    return bytes;
}

std::error_code send(Bound& source, const SocketAddress& to, const Bytes& bytes) {
    return io::send(source.socket, to, {}, bytes, bytes.size());
}

#if !defined(BRAID_PORTABLE_IO)
SocketAddress address_at(const std::string& host, std::uint16_t port) {
    return io::address_of(udp::endpoint{asio::ip::make_address(host), port});
}
#endif

}  // namespace

TEST_CASE("socket addresses convert there and back") {
    const auto* const host = GENERATE("192.0.2.7", "2001:db8::7", "fe80::1%3");
    const udp::endpoint endpoint{asio::ip::make_address(host), 14'004};
    const auto address = io::address_of(endpoint);
    CHECK(address.port == 14'004);
    CHECK(address.v6 == endpoint.address().is_v6());
    CHECK(io::endpoint_of(address) == endpoint);
}

TEST_CASE("a datagram comes as it was sent with the address that it came from") {
    const auto* const host = GENERATE("127.0.0.1", "::1");
    Bound left{host};
    Bound right{host};
    const auto bytes = numbered(1'200);
    REQUIRE_FALSE(send(left, right.address, bytes));
    CHECK(right.take(1).front() == bytes);
    CHECK(right.from == left.address);
}

TEST_CASE("an empty datagram is one") {
    Bound left{"127.0.0.1"};
    Bound right{"127.0.0.1"};
    REQUIRE_FALSE(send(left, right.address, {}));
    CHECK(right.take(1).front().empty());
}

TEST_CASE("nothing to read is no error of the socket") {
    Bound alone{"127.0.0.1"};
    CHECK_FALSE(io::readable(alone.socket));
    Bytes buffer(100);
    std::error_code error;
    CHECK(io::receive(alone.socket, buffer, error).bytes == 0);
    CHECK(error == asio::error::would_block);
    REQUIRE_FALSE(send(alone, alone.address, numbered(5)));
    alone.socket.wait(udp::socket::wait_read);
    CHECK(io::readable(alone.socket));
}

TEST_CASE("a prepared socket has room for bursts and says how much") {
    Bound bound{"127.0.0.1"};
    CHECK(bound.features.receive_buffer_bytes >= 64u << 10);
    CHECK(bound.features.send_buffer_bytes >= 64u << 10);
    udp::socket plain{bound.context, udp::v4()};
    udp::socket::receive_buffer_size before;
    udp::socket::receive_buffer_size after;
    plain.get_option(before);
    bound.socket.get_option(after);
    CHECK(after.value() >= before.value());
}

TEST_CASE("batches arrive as the datagrams that they were made of") {
    Bound left{"127.0.0.1"};
    Bound right{"127.0.0.1"};
    DatagramSender sender{left.socket, left.features.splits};
    const auto batch = numbered(20 * 1'200 + 77);
    const auto result = sender.send(right.address, {}, batch, 1'200);
    CHECK(result.bytes == batch.size());
    const auto datagrams = right.take(21);
    REQUIRE(datagrams.size() == 21);
    Bytes joined;
    for (const auto& each : datagrams) joined.insert(joined.end(), each.begin(), each.end());
    CHECK(joined == batch);
    CHECK(datagrams.front().size() == 1'200);
    CHECK(datagrams.back().size() == 77);
    CHECK(sender.splits() == left.features.splits);
}

TEST_CASE("what a batch merges never mixes two senders") {
    Bound one{"127.0.0.1"};
    Bound other{"127.0.0.1"};
    Bound target{"127.0.0.1"};
    for (unsigned i = 0; i < 10; ++i) {
        REQUIRE_FALSE(send(one, target.address, numbered(500, i)));
        REQUIRE_FALSE(send(other, target.address, numbered(400, i)));
    }
    std::size_t seen = 0;
    for (unsigned i = 0; i < 20; ++i) {
        const auto datagram = target.take(1).front();
        const bool from_one = target.from == one.address;
        REQUIRE(datagram.size() == (from_one ? 500u : 400u));
        seen += from_one ? 1 : 0;
    }
    CHECK(seen == 10);
}

#if !defined(BRAID_PORTABLE_IO)

TEST_CASE("a wildcard socket knows where it was asked and answers from there") {
    Bound server{"0.0.0.0"};
    Bound client{"127.0.0.1"};
    const auto meant = address_at("127.0.0.9", server.address.port);
    REQUIRE_FALSE(send(client, meant, numbered(10)));
    server.take(1);
    CHECK(server.at.same_host(address_at("127.0.0.9", 0)));
    const auto answer = numbered(10, 1);
    REQUIRE_FALSE(io::send(server.socket, server.from, server.at, answer, answer.size()));
    CHECK(client.take(1).front() == answer);
    CHECK(client.from == meant);
}

TEST_CASE("a datagram longer than the interface carries is not fragmented") {
    Bound left{"127.0.0.1"};
    Bound right{"127.0.0.1"};
    const auto limit = io::datagram_bytes_max(right.address);
    REQUIRE(limit);
    CHECK(*limit > 1'200);
    // No datagram at all is longer than this.
    CHECK(send(left, right.address, numbered(65'508)) == asio::error::message_size);
}

TEST_CASE("an unreachable port is reported if one wants to know") {
    const auto* const host = GENERATE("127.0.0.1", "::1");
    Bound source{host};
    io::want_reports(source.socket, true);
    SocketAddress gone;
    {
        const Bound closed{host};
        gone = closed.address;
    }
    REQUIRE_FALSE(send(source, gone, numbered(10)));
    Bytes buffer(100);
    std::error_code error;
    source.socket.wait(udp::socket::wait_read);
    io::receive(source.socket, buffer, error);
    const auto report = io::take_report(source.socket);
    REQUIRE(report);
    CHECK(report->to == gone);
    CHECK(report->error == asio::error::connection_refused);
    CHECK_FALSE(io::take_report(source.socket));
}

TEST_CASE("a report on one datagram does not keep others back") {
    Bound source{"127.0.0.1"};
    Bound alive{"127.0.0.1"};
    io::want_reports(source.socket, true);
    SocketAddress gone;
    {
        const Bound closed{"127.0.0.1"};
        gone = closed.address;
    }
    for (unsigned i = 0; i < 10; ++i) {
        REQUIRE_FALSE(send(source, gone, numbered(10)));
        REQUIRE_FALSE(send(source, alive.address, numbered(10, i)));
        CHECK(alive.take(1).front() == numbered(10, i));
    }
}

#endif
