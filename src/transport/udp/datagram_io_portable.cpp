#if defined(BRAID_PORTABLE_IO) || defined(_WIN32)

#include "transport/udp/datagram_io.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ip/v6_only.hpp>

namespace braid::transport::datagram_io {

namespace {

template <typename Option>
std::size_t enlarge(Socket& socket) noexcept {
    std::error_code error;
    Option given;
    for (auto wanted = buffer_bytes_wanted; wanted >= 64u << 10; wanted /= 2) {
        socket.set_option(Option{static_cast<int>(wanted)}, error);
        if (!error) break;
    }
    socket.get_option(given, error);
    return error ? 0 : static_cast<std::size_t>(given.value());
}

}  // namespace

Features prepare(Socket& socket, bool v6, std::error_code& error) noexcept {
    Features features;
    socket.non_blocking(true, error);
    if (error) return features;
    if (v6) {
        std::error_code ignored;  // not all systems can
        socket.set_option(asio::ip::v6_only{false}, ignored);
    }
    features.receive_buffer_bytes = enlarge<Socket::receive_buffer_size>(socket);
    features.send_buffer_bytes = enlarge<Socket::send_buffer_size>(socket);
    return features;
}

void want_reports(Socket&, bool) noexcept {}

Received receive(Socket& socket, std::span<std::byte> buffer, std::error_code& error) noexcept {
    Received received;
    asio::ip::udp::endpoint from;
    received.bytes =
        socket.receive_from(asio::buffer(buffer.data(), buffer.size()), from, 0, error);
    if (error == asio::error::try_again) error = asio::error::would_block;
    if (error) {
        received.bytes = 0;
        return received;
    }
    received.from = address_of(from);
    received.segment_bytes = received.bytes;
    return received;
}

std::error_code send(Socket& socket, const SocketAddress& to, const SocketAddress&,
                     std::span<const std::byte> bytes, std::size_t segment_bytes) noexcept {
    if (bytes.size() > segment_bytes) return asio::error::invalid_argument;
    std::error_code error;
    socket.send_to(asio::buffer(bytes.data(), bytes.size()), endpoint_of(to), 0, error);
    if (error == asio::error::try_again) return asio::error::would_block;
    return error;
}

bool readable(Socket& socket) noexcept {
    std::error_code error;
    return socket.available(error) > 0 && !error;
}

std::optional<Report> take_report(Socket&) noexcept { return std::nullopt; }

std::optional<std::size_t> datagram_bytes_max(const SocketAddress&) noexcept {
    return std::nullopt;
}

}  // namespace braid::transport::datagram_io

#endif
