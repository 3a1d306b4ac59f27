#pragma once

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

    /// The same host, whatever the port.
    bool same_host(const SocketAddress& other) const noexcept {
        return ip == other.ip && scope == other.scope && v6 == other.v6;
    }
};

}  // namespace braid::transport
