// The same expectations for both implementations: BRAID_PORTABLE_IO chooses which is built.
#include "transport/socket_io.hpp"

#include "catch.hpp"
#include "loopback.hpp"

#include <asio/error.hpp>
#include <asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

using namespace braid;
using namespace braid::transport;
using asio::ip::tcp;

TEST_CASE("socket_io sends a gather list and receives it") {
    asio::io_context context;
    test::SocketPair pair{context};
    const std::vector first(10, std::byte{1});
    const std::vector<std::byte> second;
    const std::vector third(20'000, std::byte{3});
    const std::array segments{socket_io::Segment{first}, socket_io::Segment{second},
                              socket_io::Segment{third}};
    std::error_code error;
    CHECK(socket_io::send(pair.left, segments, error) == 20'010);
    CHECK_FALSE(error);

    std::vector<std::byte> got;
    std::vector<std::byte> buffer(8000);
    while (got.size() < 20'010) {
        pair.right.wait(tcp::socket::wait_read);
        const auto size = socket_io::receive(pair.right, buffer, error);
        REQUIRE_FALSE(error);
        got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
    }
    CHECK(std::count(got.begin(), got.end(), std::byte{1}) == 10);
    CHECK(std::count(got.begin(), got.end(), std::byte{3}) == 20'000);
}

TEST_CASE("socket_io takes no more than its bound of segments at once") {
    asio::io_context context;
    test::SocketPair pair{context};
    const std::vector byte(1, std::byte{1});
    const std::vector segments(socket_io::segments_max + 10, socket_io::Segment{byte});
    std::error_code error;
    CHECK(socket_io::send(pair.left, segments, error) == socket_io::segments_max);
    CHECK_FALSE(error);
}

TEST_CASE("socket_io does not wait") {
    asio::io_context context;
    test::SocketPair pair{context};
    std::vector<std::byte> buffer(64u << 10);
    std::error_code error;
    CHECK(socket_io::receive(pair.right, buffer, error) == 0);
    CHECK(error == asio::error::would_block);

    const std::array segments{socket_io::Segment{buffer}};
    std::size_t sent = 0;
    do {
        sent += socket_io::send(pair.left, segments, error);
    } while (!error);
    CHECK(error == asio::error::would_block);
    CHECK(sent > 0);
}

TEST_CASE("socket_io tells the end of the stream from nothing") {
    asio::io_context context;
    test::SocketPair pair{context};
    pair.left.close();
    pair.right.wait(tcp::socket::wait_read);
    std::vector<std::byte> buffer(100);
    std::error_code error;
    CHECK(socket_io::receive(pair.right, buffer, error) == 0);
    CHECK(error == asio::error::eof);
}

TEST_CASE("socket_io reports a peer that is gone, without a signal") {
    asio::io_context context;
    test::SocketPair pair{context};
    pair.right.set_option(tcp::socket::linger{true, 0});
    pair.right.close();
    pair.left.wait(tcp::socket::wait_read);
    const std::vector<std::byte> bytes(100);
    const std::array segments{socket_io::Segment{bytes}};
    std::error_code error;
    socket_io::send(pair.left, segments, error);
    if (!error) socket_io::send(pair.left, segments, error);
    CHECK((error == asio::error::connection_reset || error == asio::error::broken_pipe));
}

TEST_CASE("socket_io leaves unsent what the limit says, or says nothing about it") {
    asio::io_context context;
    test::SocketPair pair{context};
    socket_io::limit_unsent(pair.left, 16u << 10);
    socket_io::limit_unacknowledged(pair.left, std::chrono::seconds{15});
    CHECK(socket_io::writable(pair.left));
    const std::vector<std::byte> bytes(64u << 10);
    const std::array segments{socket_io::Segment{bytes}};
    std::error_code error;
    while (!error) socket_io::send(pair.left, segments, error);
    const auto sample = socket_io::sample_path(pair.left);
#if defined(__linux__) && !defined(BRAID_PORTABLE_IO)
    CHECK_FALSE(socket_io::writable(pair.left));
    REQUIRE(sample);
    CHECK(sample->round_trip_time.count() > 0);
    tcp::no_delay option;
    pair.left.get_option(option);
    CHECK(option.value());
#else
    CHECK(socket_io::writable(pair.left));
    CHECK_FALSE(sample);
#endif
}
