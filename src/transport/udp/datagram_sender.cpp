#include "transport/udp/datagram_sender.hpp"

#include <asio/error.hpp>

#include <algorithm>

namespace braid::transport {

namespace {

/// Errors that end the sending; all others are of one datagram, or of the way that it took.
bool stops(std::error_code error) noexcept {
    return error == asio::error::would_block || error == asio::error::message_size ||
           error == asio::error::bad_descriptor || error == asio::error::not_socket;
}

}  // namespace

DatagramSender::Result DatagramSender::send(const SocketAddress& to, const SocketAddress& from,
                                            std::span<const std::byte> bytes,
                                            std::size_t segment_bytes) noexcept {
    Result result;
    if (segment_bytes == 0) return result;
    const auto segments = std::clamp<std::size_t>(datagram_io::batch_bytes_max / segment_bytes, 1,
                                                  datagram_io::segments_max);
    while (result.bytes < bytes.size()) {
        const auto rest = bytes.subspan(result.bytes);
        const auto limit = splits() ? segments * segment_bytes : segment_bytes;
        const auto part = rest.first(std::min(rest.size(), limit));
        const auto error = call_(socket_, to, from, part, segment_bytes);
        if (part.size() > segment_bytes && datagram_io::splitting_failed(error)) {
            // The same ones again at once, so that none is lost. If they are too long, or there is
            // no room, splitting is not to blame.
            result.error = send_singly(to, from, part, segment_bytes, result);
            if (result.error) return result;
            continue;
        }
        if (stops(error)) {
            result.error = error;
            return result;
        }
        if (error) result.lost = error;
        result.bytes += part.size();
    }
    return result;
}

/// @returns why it stopped before the end
std::error_code DatagramSender::send_singly(const SocketAddress& to, const SocketAddress& from,
                                            std::span<const std::byte> bytes,
                                            std::size_t segment_bytes, Result& result) noexcept {
    while (!bytes.empty()) {
        const auto single = bytes.first(std::min(bytes.size(), segment_bytes));
        const auto error = call_(socket_, to, from, single, segment_bytes);
        if (stops(error)) return error;
        if (error) {
            result.lost = error;
        } else {
            splits_.store(false, std::memory_order_relaxed);
        }
        result.bytes += single.size();
        bytes = bytes.subspan(single.size());
    }
    return {};
}

}  // namespace braid::transport
