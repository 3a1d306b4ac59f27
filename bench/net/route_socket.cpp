#include "net/route_socket.hpp"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace net {

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::system_category(), what);
}

/// A message that is built from its header and then its attributes.
class Request {
public:
    template <typename Header>
    Request(std::uint16_t type, unsigned flags, const Header& header) {
        nlmsghdr head{};
        head.nlmsg_type = type;
        head.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        append(&head, sizeof head);
        append(&header, sizeof header);
    }

    void attribute(std::uint16_t type, const void* value, std::size_t bytes) {
        rtattr head{};
        head.rta_type = type;
        head.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(bytes));
        append(&head, sizeof head);
        append(value, bytes);
    }

    std::span<std::byte> bytes() {
        nlmsghdr head{};
        std::memcpy(&head, buffer_.data(), sizeof head);
        head.nlmsg_len = static_cast<std::uint32_t>(size_);
        std::memcpy(buffer_.data(), &head, sizeof head);
        return std::span(buffer_).first(size_);
    }

private:
    void append(const void* value, std::size_t bytes) {
        const std::size_t padded = NLMSG_ALIGN(bytes);
        if (size_ + padded > buffer_.size()) throw std::length_error("netlink request");
        std::memcpy(buffer_.data() + size_, value, bytes);
        size_ += padded;
    }

    alignas(nlmsghdr) std::array<std::byte, 512> buffer_{};
    std::size_t size_ = 0;
};

struct Address {
    unsigned char family = AF_INET;
    std::array<std::byte, sizeof(in6_addr)> bytes{};

    explicit Address(std::string_view text) {
        if (text.find(':') != std::string_view::npos) family = AF_INET6;
        if (::inet_pton(family, std::string(text).c_str(), bytes.data()) != 1) {
            throw std::invalid_argument("no address: " + std::string(text));
        }
    }
    std::size_t size() const { return family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr); }
};

Request rule_request(std::uint16_t type, unsigned flags, int family, unsigned priority,
                     unsigned char table) {
    fib_rule_hdr header{};
    header.family = static_cast<unsigned char>(family);
    header.table = table;
    header.action = FR_ACT_TO_TBL;
    Request request(type, flags, header);
    request.attribute(FRA_PRIORITY, &priority, sizeof priority);
    return request;
}

}  // namespace

RouteSocket::RouteSocket() : file_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    if (file_.descriptor() < 0) fail("netlink socket");
}

void RouteSocket::set_up(unsigned device, unsigned mtu, unsigned queue_packets) {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(device);
    header.ifi_flags = IFF_UP;
    // Multicast is what a machine says unasked.
    header.ifi_change = IFF_UP | IFF_MULTICAST;
    Request request(RTM_NEWLINK, 0, header);
    if (mtu != 0) request.attribute(IFLA_MTU, &mtu, sizeof mtu);
    if (queue_packets != 0) {
        request.attribute(IFLA_TXQLEN, &queue_packets, sizeof queue_packets);
    }
    ask(request.bytes());
}

void RouteSocket::add_address(unsigned device, std::string_view address, unsigned prefix_bits) {
    change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, device, address, prefix_bits);
}

void RouteSocket::delete_address(unsigned device, std::string_view address, unsigned prefix_bits) {
    change_address(RTM_DELADDR, 0, device, address, prefix_bits);
}

void RouteSocket::change_address(std::uint16_t type, std::uint16_t request_flags, unsigned device,
                                 std::string_view address, unsigned prefix_bits) {
    const Address parsed(address);
    ifaddrmsg header{};
    header.ifa_family = parsed.family;
    header.ifa_prefixlen = static_cast<unsigned char>(prefix_bits);
    header.ifa_index = device;
    Request request(type, request_flags, header);
    request.attribute(IFA_LOCAL, parsed.bytes.data(), parsed.size());
    request.attribute(IFA_ADDRESS, parsed.bytes.data(), parsed.size());
    // An IPv6 address is else no good until nobody has claimed it for a second.
    const std::uint32_t flags = IFA_F_NODAD;
    request.attribute(IFA_FLAGS, &flags, sizeof flags);
    ask(request.bytes());
}

void RouteSocket::add_route(unsigned device, std::string_view target, unsigned prefix_bits,
                            unsigned char table) {
    const Address parsed(target);
    rtmsg header{};
    header.rtm_family = parsed.family;
    header.rtm_dst_len = static_cast<unsigned char>(prefix_bits);
    header.rtm_table = table;
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_scope = parsed.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    header.rtm_type = RTN_UNICAST;
    Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, header);
    request.attribute(RTA_DST, parsed.bytes.data(), parsed.size());
    // From itself to itself, as on `lo`.
    request.attribute(RTA_PREFSRC, parsed.bytes.data(), parsed.size());
    request.attribute(RTA_OIF, &device, sizeof device);
    ask(request.bytes());
}

void RouteSocket::add_rule_for_own_packets(int family, unsigned priority, unsigned char table) {
    Request request = rule_request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, family, priority, table);
    constexpr char loopback[] = "lo";
    request.attribute(FRA_IIFNAME, loopback, sizeof loopback);
    ask(request.bytes());
}

void RouteSocket::add_rule(int family, unsigned priority, unsigned char table) {
    ask(rule_request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, family, priority, table).bytes());
}

void RouteSocket::delete_rule(int family, unsigned priority, unsigned char table) {
    ask(rule_request(RTM_DELRULE, 0, family, priority, table).bytes());
}

void RouteSocket::ask(std::span<std::byte> request) {
    nlmsghdr head{};
    std::memcpy(&head, request.data(), sizeof head);
    head.nlmsg_seq = ++sequence_;
    std::memcpy(request.data(), &head, sizeof head);
    if (::send(file_.descriptor(), request.data(), request.size(), 0) < 0) fail("netlink send");
    alignas(nlmsghdr) std::array<std::byte, 4096> answer{};
    const ssize_t count = ::recv(file_.descriptor(), answer.data(), answer.size(), 0);
    if (count < 0) fail("netlink receive");
    nlmsgerr error{};
    if (static_cast<std::size_t>(count) < NLMSG_LENGTH(sizeof error)) {
        throw std::runtime_error("a short answer of netlink");
    }
    std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof error);
    if (error.error != 0) {
        errno = -error.error;
        fail("netlink request");
    }
}

}  // namespace net
