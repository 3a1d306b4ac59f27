#pragma once

#include "transport/udp/socket_address.hpp"

#include <asio/ip/udp.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <system_error>

/// The system calls of UDP that asio does not offer, and what to do where a system has none.
/// datagram_io_posix.cpp implements them natively; datagram_io_portable.cpp with asio alone
/// (BRAID_PORTABLE_IO). Porting braid to another system means writing a third file.
namespace braid::transport::datagram_io {

using Socket = asio::ip::udp::socket;

/// What one call sends at most, where one call can send several: UDP_MAX_SEGMENTS of Linux, and an
/// IP packet's 64 KiB less its headers.
inline constexpr std::size_t segments_max = 64;
inline constexpr std::size_t batch_bytes_max = 65'000;

/// What one receive() may write: several datagrams that came from one address, merged.
inline constexpr std::size_t receive_bytes_max = 65'536;

/// What the system is asked to hold for a socket that nobody reads just now: 30 ms of a gigabit.
inline constexpr std::size_t buffer_bytes_wanted = std::size_t{4} << 20;

/// What the system lets a socket have.
struct Features {
    bool splits = false;  ///< one call sends several datagrams (UDP_SEGMENT)
    bool merges = false;  ///< one call receives several (UDP_GRO)
    std::size_t receive_buffer_bytes = 0;
    std::size_t send_buffer_bytes = 0;
};

/// Makes a socket ready for use that was opened and not bound yet: non-blocking, what it sends is
/// never fragmented on the way, with large buffers, told at which of this machine's addresses a
/// datagram came. Best effort but for errors. IPv6 means IPv6 only.
Features prepare(Socket& socket, bool v6, std::error_code& error) noexcept;

/// While that is wanted, what routers and hosts say of datagrams that did not arrive comes by
/// take_report(), and as an error of any one call. At first it is not.
void want_reports(Socket& socket, bool wanted) noexcept;

/// Datagrams from one address, behind each other, all of `segment_bytes` but a shorter last one.
struct Received {
    SocketAddress from;
    SocketAddress at;  ///< which of this machine's addresses was meant; all zero if unknown
    std::size_t bytes = 0;
    std::size_t segment_bytes = 0;
};

/// Reads what came next, without waiting. `error` is would_block if that is nothing.
Received receive(Socket& socket, std::span<std::byte> buffer, std::error_code& error) noexcept;

/// Gives datagrams to the system, all or none, in one call without waiting. More than one only
/// where the socket splits, and within the limits above.
/// @param from which of this machine's addresses they shall come from; all zero if any
/// @param segment_bytes of each datagram but a shorter last one
/// @returns would_block, message_size if they are longer than the interface carries, else the
///          system's error
std::error_code send(Socket& socket, const SocketAddress& to, const SocketAddress& from,
                     std::span<const std::byte> bytes, std::size_t segment_bytes) noexcept;

/// True if receive() would find something.
bool readable(Socket& socket) noexcept;

/// That a datagram did not arrive, as anybody on the way may claim.
struct Report {
    SocketAddress to;
    std::error_code error;
};

/// The next one that came; nothing if there is none.
std::optional<Report> take_report(Socket& socket) noexcept;

/// How many bytes a datagram to that address has at most, by what the interface carries; nothing
/// where the system does not know.
std::optional<std::size_t> datagram_bytes_max(const SocketAddress& to) noexcept;

SocketAddress address_of(const asio::ip::udp::endpoint& endpoint) noexcept;
asio::ip::udp::endpoint endpoint_of(const SocketAddress& address);

/// A network interface or a route may refuse to split what the system said can be split.
bool splitting_failed(std::error_code error) noexcept;

}  // namespace braid::transport::datagram_io
