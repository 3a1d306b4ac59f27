#if defined(BRAID_PORTABLE_IO) || defined(_WIN32)

#include "transport/socket_io.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ip/v6_only.hpp>

#include <algorithm>
#include <array>

namespace braid::transport::socket_io {

void prepare(Socket& socket, bool) noexcept {
    std::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
    socket.set_option(Socket::keep_alive{true}, ignored);
}

void prepare(asio::ip::tcp::acceptor& acceptor, bool v6, std::error_code& error) noexcept {
#if !defined(_WIN32)
    // On Windows this would let another process take the port over.
    acceptor.set_option(asio::ip::tcp::acceptor::reuse_address{true}, error);
#endif
    if (error || !v6) return;
    std::error_code ignored;  // not all systems can hear both
    acceptor.set_option(asio::ip::v6_only{false}, ignored);
}

std::size_t receive(Socket& socket, std::span<std::byte> buffer, std::error_code& error) noexcept {
    const asio::mutable_buffer target{buffer.data(), buffer.size()};
    const auto got = socket.read_some(target, error);
    if (error == asio::error::try_again) error = asio::error::would_block;
    return got;
}

std::size_t send(Socket& socket, std::span<const Segment> segments,
                 std::error_code& error) noexcept {
    std::array<asio::const_buffer, segments_max> buffers;
    const auto count = std::min(segments.size(), segments_max);
    for (std::size_t i = 0; i < count; ++i) {
        buffers[i] = asio::const_buffer{segments[i].data(), segments[i].size()};
    }
    const auto sent = socket.write_some(std::span{buffers}.first(count), error);
    if (error == asio::error::try_again) error = asio::error::would_block;
    return sent;
}

bool writable(Socket&) noexcept { return true; }

void limit_unsent(Socket&, std::size_t) noexcept {}

void limit_unacknowledged(Socket&, std::chrono::milliseconds) noexcept {}

std::optional<PathSample> sample_path(Socket&) noexcept { return std::nullopt; }

}  // namespace braid::transport::socket_io

#endif
