#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace braid::transport {

/// An IP address and port, as a value of protocol code: the driver converts it to the system's.
struct SocketAddress {
    std::array<std::uint8_t, 16> ip{};  ///< IPv4 in the first four bytes
    std::uint32_t scope = 0;            ///< of a link-local IPv6 address
    std::uint16_t port = 0;
    bool v6 = false;

    bool operator==(const SocketAddress&) const = default;
    std::strong_ordering operator<=>(const SocketAddress&) const = default;

    /// IPv4 as itself, where a socket of both families says it as ::ffff:192.0.2.1 (RFC
    /// 4291, 2.5.5.2).
    SocketAddress unmapped() const noexcept {
        constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
        if (!v6 || !std::equal(prefix.begin(), prefix.end(), ip.begin())) return *this;
        SocketAddress v4;
        std::copy(ip.begin() + prefix.size(), ip.end(), v4.ip.begin());
        v4.port = port;
        return v4;
    }

    /// The same host, whatever the port.
    bool same_host(const SocketAddress& other) const noexcept {
        return ip == other.ip && scope == other.scope && v6 == other.v6;
    }
};

}  // namespace braid::transport
