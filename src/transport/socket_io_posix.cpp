#if !defined(BRAID_PORTABLE_IO) && !defined(_WIN32)

#include "transport/socket_io.hpp"

#include <asio/error.hpp>
#include <asio/ip/v6_only.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>

namespace braid::transport::socket_io {

namespace {

static_assert(segments_max <= IOV_MAX);

template <typename T>
bool set(int socket, int level, int name, T value) noexcept {
    return ::setsockopt(socket, level, name, &value, sizeof value) == 0;
}

std::error_code last_error() noexcept {
    const int code = errno;
    if (code == EAGAIN || code == EWOULDBLOCK) return asio::error::would_block;
    return {code, asio::error::get_system_category()};
}

#if defined(__linux__)
/// The kernel's tcp_info up to what is needed here; the C library's stops at 104 bytes.
struct KernelTcpInfo {
    std::uint8_t states[7];
    std::uint8_t flags;                   // the lowest bit is tcpi_delivery_rate_app_limited
    std::uint32_t timers_to_fackets[10];  // tcpi_rto to tcpi_fackets
    std::uint32_t times_and_sizes[14];    // tcpi_last_data_sent to tcpi_total_retrans
    std::uint64_t pacing_rate;
    std::uint64_t pacing_rate_max;
    std::uint64_t bytes_acked;
    std::uint64_t bytes_received;
    std::uint32_t segments_and_unsent[6];  // tcpi_segs_out to tcpi_data_segs_out
    std::uint64_t delivery_rate;
};
constexpr std::size_t round_trip_index = 5;  // tcpi_rtt within times_and_sizes
static_assert(offsetof(KernelTcpInfo, times_and_sizes) + 4 * round_trip_index ==
              offsetof(tcp_info, tcpi_rtt));
static_assert(offsetof(KernelTcpInfo, pacing_rate) == 104);
static_assert(offsetof(KernelTcpInfo, delivery_rate) == 160);
#endif

}  // namespace

void prepare(Socket& socket, bool loopback) noexcept {
    std::error_code ignored;
    socket.native_non_blocking(true, ignored);
    const int handle = socket.native_handle();
    set(handle, IPPROTO_TCP, TCP_NODELAY, 1);
    set(handle, SOL_SOCKET, SO_KEEPALIVE, 1);
#if defined(SO_NOSIGPIPE)
    set(handle, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
#if defined(TCP_CONGESTION)
    // Only where there is a queue to keep short: on loopback its pacing costs throughput.
    constexpr char congestion[] = "bbr";
    if (!loopback) {
        ::setsockopt(handle, IPPROTO_TCP, TCP_CONGESTION, congestion, sizeof congestion - 1);
    }
#else
    static_cast<void>(loopback);
#endif
}

void prepare(asio::ip::tcp::acceptor& acceptor, bool v6, std::error_code& error) noexcept {
    acceptor.set_option(asio::ip::tcp::acceptor::reuse_address{true}, error);
    if (error || !v6) return;
    // Not all systems can hear both; one that cannot hears IPv6 alone.
    std::error_code ignored;
    acceptor.set_option(asio::ip::v6_only{false}, ignored);
}

std::size_t receive(Socket& socket, std::span<std::byte> buffer, std::error_code& error) noexcept {
    error.clear();
    for (;;) {
        const auto got = ::recv(socket.native_handle(), buffer.data(), buffer.size(), 0);
        if (got > 0) return static_cast<std::size_t>(got);
        if (got == 0) {
            if (!buffer.empty()) error = asio::error::eof;
            return 0;
        }
        if (errno == EINTR) continue;
        error = last_error();
        return 0;
    }
}

std::size_t send(Socket& socket, std::span<const Segment> segments,
                 std::error_code& error) noexcept {
    error.clear();
    std::array<iovec, segments_max> vectors;
    const auto count = std::min(segments.size(), segments_max);
    for (std::size_t i = 0; i < count; ++i) {
        // sendmsg() only reads, but its type does not say so.
        vectors[i].iov_base = const_cast<std::byte*>(segments[i].data());
        vectors[i].iov_len = segments[i].size();
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
#if defined(MSG_NOSIGNAL)
    constexpr int flags = MSG_NOSIGNAL;
#else
    constexpr int flags = 0;
#endif
    for (;;) {
        const auto sent = ::sendmsg(socket.native_handle(), &message, flags);
        if (sent >= 0) return static_cast<std::size_t>(sent);
        if (errno == EINTR) continue;
        error = last_error();
        return 0;
    }
}

bool writable(Socket& socket) noexcept {
    pollfd entry{socket.native_handle(), POLLOUT, 0};
    // An error counts as writable: the next write reports it.
    return ::poll(&entry, 1, 0) != 0;
}

void limit_unsent(Socket& socket, std::size_t bytes) noexcept {
#if defined(TCP_NOTSENT_LOWAT)
    set(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT,
        static_cast<int>(std::min<std::size_t>(bytes, INT_MAX)));
#else
    static_cast<void>(socket);
    static_cast<void>(bytes);
#endif
}

void limit_unacknowledged(Socket& socket, std::chrono::milliseconds time) noexcept {
#if defined(TCP_USER_TIMEOUT)
    const auto milliseconds = std::clamp<std::chrono::milliseconds::rep>(time.count(), 1, INT_MAX);
    set(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(milliseconds));
#else
    static_cast<void>(socket);
    static_cast<void>(time);
#endif
}

std::optional<PathSample> sample_path(Socket& socket) noexcept {
#if defined(__linux__)
    KernelTcpInfo info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < sizeof info) {
        return std::nullopt;
    }
    PathSample sample;
    sample.rate_bytes_per_second = info.delivery_rate;
    sample.round_trip_time = std::chrono::microseconds{info.times_and_sizes[round_trip_index]};
    sample.saturated = (info.flags & 1) == 0 && info.delivery_rate != 0;
    return sample;
#else
    static_cast<void>(socket);
    return std::nullopt;
#endif
}

}  // namespace braid::transport::socket_io

#endif
