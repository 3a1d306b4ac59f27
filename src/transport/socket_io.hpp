#pragma once

#include "protocol/time.hpp"

#include <asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>

/// The system calls that asio does not offer or does not make as cheaply, and what to do where a
/// system has none. socket_io_posix.cpp implements them natively; socket_io_portable.cpp with asio
/// alone (BRAID_PORTABLE_IO). Porting braid to another system means writing a third file.
namespace braid::transport::socket_io {

using Socket = asio::ip::tcp::socket;
using Segment = std::span<const std::byte>;

/// As many segments as one send() takes; more are ignored.
inline constexpr std::size_t segments_max = 64;

/// What the system knows of the way to the peer.
struct PathSample {
    std::uint64_t rate_bytes_per_second = 0;
    protocol::Duration round_trip_time{0};
    bool saturated = false;  ///< the rate is what the path can carry, not just what was sent
};

/// Makes a connected socket ready for use: non-blocking, without Nagle's delay, with keep-alive
/// and, where the host lets us, a congestion control that does not fill queues. Best effort.
void prepare(Socket& socket, bool loopback) noexcept;

/// Before bind(): a restarted server gets its port back; IPv6 means IPv6 only.
void prepare(asio::ip::tcp::acceptor& acceptor, bool v6, std::error_code& error) noexcept;

/// Reads what is there without waiting. `error` is would_block if that is nothing, eof at the end.
std::size_t receive(Socket& socket, std::span<std::byte> buffer, std::error_code& error) noexcept;

/// Writes without waiting as much as the system takes of the segments, in one call.
/// `error` is would_block if it takes nothing.
std::size_t send(Socket& socket, std::span<const Segment> segments,
                 std::error_code& error) noexcept;

/// True if the system holds less than limit_unsent() of what was written and not sent yet. True
/// where the system cannot tell.
bool writable(Socket& socket) noexcept;

/// From how many unsent bytes on the socket counts as not writable; send() does not mind them.
void limit_unsent(Socket& socket, std::size_t bytes) noexcept;

/// How long written bytes may stay unacknowledged before the connection is given up.
void limit_unacknowledged(Socket& socket, std::chrono::milliseconds time) noexcept;

/// Nothing where the system does not know.
std::optional<PathSample> sample_path(Socket& socket) noexcept;

}  // namespace braid::transport::socket_io
