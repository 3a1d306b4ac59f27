#if !defined(BRAID_PORTABLE_IO) && !defined(_WIN32)

#include "transport/udp/datagram_io.hpp"

#include <arpa/inet.h>
#include <asio/error.hpp>
#include <asio/ip/v6_only.hpp>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/errqueue.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace braid::transport::datagram_io {

namespace {

constexpr std::size_t ipv4_and_udp_header_bytes = 28;
constexpr std::size_t ipv6_and_udp_header_bytes = 48;

// How often a call that somebody else's report broke off is made again.
constexpr int attempts_max = 4;

template <typename T>
bool set(int socket, int level, int name, T value) noexcept {
    return ::setsockopt(socket, level, name, &value, sizeof value) == 0;
}

std::error_code error_of(int code) noexcept {
    if (code == EAGAIN || code == EWOULDBLOCK) return asio::error::would_block;
    if (code == EMSGSIZE) return asio::error::message_size;
    return {code, asio::error::get_system_category()};
}

std::size_t buffer_of(int socket, int name) noexcept {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    if (::getsockopt(socket, SOL_SOCKET, name, &bytes, &size) != 0 || bytes < 0) return 0;
#if defined(__linux__)
    bytes /= 2;  // which counts its own bookkeeping, as much again (socket(7))
#endif
    return static_cast<std::size_t>(bytes);
}

std::size_t enlarge(int socket, int name) noexcept {
    for (auto wanted = buffer_bytes_wanted; wanted > buffer_of(socket, name); wanted /= 2) {
        if (set(socket, SOL_SOCKET, name, static_cast<int>(wanted))) break;
    }
    return buffer_of(socket, name);
}

socklen_t write_address(const SocketAddress& address, sockaddr_storage& out) noexcept {
    std::memset(&out, 0, sizeof out);
    if (address.v6) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        v6.sin6_scope_id = address.scope;
        std::memcpy(&v6.sin6_addr, address.ip.data(), 16);
        std::memcpy(&out, &v6, sizeof v6);
        return sizeof v6;
    }
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.ip.data(), 4);
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
}

SocketAddress read_address(const sockaddr_storage& in) noexcept {
    SocketAddress address;
    if (in.ss_family == AF_INET6) {
        sockaddr_in6 v6;
        std::memcpy(&v6, &in, sizeof v6);
        address.v6 = true;
        address.port = ntohs(v6.sin6_port);
        address.scope = v6.sin6_scope_id;
        std::memcpy(address.ip.data(), &v6.sin6_addr, 16);
    } else {
        sockaddr_in v4;
        std::memcpy(&v4, &in, sizeof v4);
        address.port = ntohs(v4.sin_port);
        std::memcpy(address.ip.data(), &v4.sin_addr, 4);
    }
    return address;
}

/// What travels beside the bytes of a datagram.
class Ancillary {
public:
    explicit Ancillary(msghdr& message) noexcept : message_{message} {
        message.msg_control = space_;
        message.msg_controllen = sizeof space_;
    }

    template <typename T>
    void add(int level, int type, const T& value) noexcept {
        static_assert(CMSG_SPACE(sizeof(T)) <= sizeof space_ / 2);
        cmsghdr header{};
        header.cmsg_level = level;
        header.cmsg_type = type;
        header.cmsg_len = CMSG_LEN(sizeof value);
        std::memcpy(space_ + used_, &header, sizeof header);
        std::memcpy(space_ + used_ + CMSG_LEN(0), &value, sizeof value);
        used_ += CMSG_SPACE(sizeof value);
    }

    void finish() noexcept {
        message_.msg_controllen = used_;
        if (used_ == 0) message_.msg_control = nullptr;
    }

private:
    msghdr& message_;
    std::size_t used_ = 0;
    alignas(cmsghdr) unsigned char space_[256] = {};
};

template <typename T>
bool read(const cmsghdr& header, int level, int type, T& out) noexcept {
    if (header.cmsg_level != level || header.cmsg_type != type) return false;
    if (header.cmsg_len < CMSG_LEN(sizeof(T))) return false;
    std::memcpy(&out, CMSG_DATA(&header), sizeof out);
    return true;
}

void read_ancillary(msghdr& message, Received& out) noexcept {
    for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr;
         each = CMSG_NXTHDR(&message, each)) {
#if defined(IP_PKTINFO)
        if (in_pktinfo info; read(*each, IPPROTO_IP, IP_PKTINFO, info)) {
            std::memcpy(out.at.ip.data(), &info.ipi_addr, 4);
        }
#endif
#if defined(IPV6_PKTINFO)
        if (in6_pktinfo info; read(*each, IPPROTO_IPV6, IPV6_PKTINFO, info)) {
            out.at.v6 = true;
            std::memcpy(out.at.ip.data(), &info.ipi6_addr, 16);
        }
#endif
#if defined(UDP_GRO)
        if (int segment = 0; read(*each, IPPROTO_UDP, UDP_GRO, segment) && segment > 0) {
            out.segment_bytes = static_cast<std::size_t>(segment);
        }
#endif
    }
}

}  // namespace

Features prepare(Socket& socket, bool v6, std::error_code& error) noexcept {
    Features features;
    socket.native_non_blocking(true, error);
    if (error) return features;
    const int handle = socket.native_handle();
    if (v6) {
        // Not all systems can; one that cannot hears IPv6 alone.
        std::error_code ignored;
        socket.set_option(asio::ip::v6_only{false}, ignored);
    }
    features.receive_buffer_bytes = enlarge(handle, SO_RCVBUF);
    features.send_buffer_bytes = enlarge(handle, SO_SNDBUF);
    if (v6) {
        // IPv4 is heard as well, from addresses that are mapped.
#if defined(IP_MTU_DISCOVER) && defined(IP_PMTUDISC_PROBE)
        set(handle, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
#endif
#if defined(IPV6_MTU_DISCOVER) && defined(IPV6_PMTUDISC_PROBE)
        set(handle, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
#elif defined(IPV6_DONTFRAG)
        set(handle, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
#endif
#if defined(IPV6_RECVPKTINFO)
        set(handle, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
#endif
    } else {
#if defined(IP_MTU_DISCOVER) && defined(IP_PMTUDISC_PROBE)
        set(handle, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
#elif defined(IP_DONTFRAG)
        set(handle, IPPROTO_IP, IP_DONTFRAG, 1);
#endif
#if defined(IP_PKTINFO)
        set(handle, IPPROTO_IP, IP_PKTINFO, 1);
#endif
    }
#if defined(UDP_SEGMENT)
    features.splits = set(handle, IPPROTO_UDP, UDP_SEGMENT, 0);
#endif
#if defined(UDP_GRO)
    features.merges = set(handle, IPPROTO_UDP, UDP_GRO, 1);
#endif
    return features;
}

void want_reports(Socket& socket, bool wanted) noexcept {
#if defined(IP_RECVERR) && defined(IPV6_RECVERR)
    const int handle = socket.native_handle();
    set(handle, IPPROTO_IP, IP_RECVERR, wanted ? 1 : 0);
    set(handle, IPPROTO_IPV6, IPV6_RECVERR, wanted ? 1 : 0);
#else
    static_cast<void>(socket);
    static_cast<void>(wanted);
#endif
}

Received receive(Socket& socket, std::span<std::byte> buffer, std::error_code& error) noexcept {
    error.clear();
    Received received;
    sockaddr_storage from{};
    iovec vector{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    const Ancillary ancillary{message};
    ssize_t got = 0;
    do {
        got = ::recvmsg(socket.native_handle(), &message, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        error = error_of(errno);
        return received;
    }
    received.from = read_address(from);
    // What the buffer cut off is no datagram any more.
    received.bytes = (message.msg_flags & MSG_TRUNC) != 0 ? 0 : static_cast<std::size_t>(got);
    received.segment_bytes = received.bytes;
    read_ancillary(message, received);
    return received;
}

std::error_code send(Socket& socket, const SocketAddress& to, const SocketAddress& from,
                     std::span<const std::byte> bytes, std::size_t segment_bytes) noexcept {
    sockaddr_storage target;
    msghdr message{};
    message.msg_namelen = write_address(to, target);
    message.msg_name = &target;
    // sendmsg() only reads, but its type does not say so.
    iovec vector{const_cast<std::byte*>(bytes.data()), bytes.size()};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    Ancillary ancillary{message};
#if defined(IP_PKTINFO) && defined(IPV6_PKTINFO)
    if (from.ip != SocketAddress{}.ip && from.v6 == to.v6) {
        if (from.v6) {
            in6_pktinfo info{};
            std::memcpy(&info.ipi6_addr, from.ip.data(), 16);
            info.ipi6_ifindex = to.scope;
            ancillary.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
        } else {
            in_pktinfo info{};
            std::memcpy(&info.ipi_spec_dst, from.ip.data(), 4);
            ancillary.add(IPPROTO_IP, IP_PKTINFO, info);
        }
    }
#endif
#if defined(UDP_SEGMENT)
    if (bytes.size() > segment_bytes) {
        ancillary.add(IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment_bytes));
    }
#else
    static_cast<void>(segment_bytes);
#endif
    ancillary.finish();
    // A report on any datagram sent before fails one call, whatever that sends; the error of this
    // one comes again.
    int code = 0;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        if (::sendmsg(socket.native_handle(), &message, 0) >= 0) return {};
        if (errno == EAGAIN || errno == EWOULDBLOCK) return asio::error::would_block;
        code = errno;
    }
    return error_of(code);
}

bool readable(Socket& socket) noexcept {
    pollfd entry{socket.native_handle(), POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
}

std::optional<Report> take_report(Socket& socket) noexcept {
#if defined(__linux__)
    sockaddr_storage to{};
    std::array<std::byte, 1> bytes;
    iovec vector{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = sizeof to;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    const Ancillary ancillary{message};
    if (::recvmsg(socket.native_handle(), &message, MSG_ERRQUEUE) < 0) return std::nullopt;
    Report report;
    report.to = read_address(to);
    for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr;
         each = CMSG_NXTHDR(&message, each)) {
        sock_extended_err error;
        if (read(*each, IPPROTO_IP, IP_RECVERR, error) ||
            read(*each, IPPROTO_IPV6, IPV6_RECVERR, error)) {
            report.error = error_of(static_cast<int>(error.ee_errno));
        }
    }
    return report;
#else
    static_cast<void>(socket);
    return std::nullopt;
#endif
}

std::optional<std::size_t> datagram_bytes_max(const SocketAddress& peer) noexcept {
    const auto to = peer.unmapped();
#if defined(IP_MTU) && defined(IPV6_MTU)
    // Only of a connected socket the system tells the route.
    const int probe = ::socket(to.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return std::nullopt;
    sockaddr_storage target;
    const auto target_size = write_address(to, target);
    int mtu = 0;
    socklen_t size = sizeof mtu;
    const bool known =
        ::connect(probe, reinterpret_cast<const sockaddr*>(&target), target_size) == 0 &&
        ::getsockopt(probe, to.v6 ? IPPROTO_IPV6 : IPPROTO_IP, to.v6 ? IPV6_MTU : IP_MTU, &mtu,
                     &size) == 0;
    ::close(probe);
    const auto headers = to.v6 ? ipv6_and_udp_header_bytes : ipv4_and_udp_header_bytes;
    if (!known || mtu <= static_cast<int>(headers)) return std::nullopt;
    return static_cast<std::size_t>(mtu) - headers;
#else
    static_cast<void>(to);
    return std::nullopt;
#endif
}

}  // namespace braid::transport::datagram_io

#endif
