#pragma once

#include "transport/udp/datagram_io.hpp"
#include "transport/udp/socket_address.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

namespace braid::transport {

/// Sends batches of datagrams over a socket with as few calls as the system lets it. Any thread,
/// several at once.
class DatagramSender {
public:
    /// datagram_io::send(), or what a test has in its place.
    using Call = std::error_code (*)(datagram_io::Socket& socket, const SocketAddress& to,
                                     const SocketAddress& from, std::span<const std::byte> bytes,
                                     std::size_t segment_bytes) noexcept;

    /// @param splits if one call may send several datagrams
    DatagramSender(datagram_io::Socket& socket, bool splits, Call call = datagram_io::send) noexcept
        : socket_{socket}, call_{call}, splits_{splits} {}

    struct Result {
        std::size_t bytes = 0;  ///< that need not be sent again: whole datagrams from the front
        /// Why it stopped: would_block, message_size for the next one, or that the socket is
        /// closed. A datagram that finds no way counts as sent: it is as if lost on the way.
        std::error_code error;
        std::error_code lost;  ///< why that happened, if it did
    };

    /// Parameters as for datagram_io::send(), but for any number of datagrams.
    Result send(const SocketAddress& to, const SocketAddress& from,
                std::span<const std::byte> bytes, std::size_t segment_bytes) noexcept;

    /// False once the system has failed to split a batch that it could send otherwise.
    bool splits() const noexcept { return splits_.load(std::memory_order_relaxed); }

private:
    std::error_code send_singly(const SocketAddress& to, const SocketAddress& from,
                                std::span<const std::byte> bytes, std::size_t segment_bytes,
                                Result& result) noexcept;

    datagram_io::Socket& socket_;
    const Call call_;
    std::atomic<bool> splits_;
};

}  // namespace braid::transport
