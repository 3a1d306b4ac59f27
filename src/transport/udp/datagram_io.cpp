#include "transport/udp/datagram_io.hpp"

#include <asio/error.hpp>

#include <algorithm>
#include <cerrno>

namespace braid::transport::datagram_io {

SocketAddress address_of(const asio::ip::udp::endpoint& endpoint) noexcept {
    SocketAddress address;
    address.port = endpoint.port();
    address.v6 = endpoint.address().is_v6();
    if (address.v6) {
        const auto v6 = endpoint.address().to_v6();
        const auto bytes = v6.to_bytes();
        std::copy(bytes.begin(), bytes.end(), address.ip.begin());
        address.scope = static_cast<std::uint32_t>(v6.scope_id());
    } else {
        const auto bytes = endpoint.address().to_v4().to_bytes();
        std::copy(bytes.begin(), bytes.end(), address.ip.begin());
    }
    return address;
}

asio::ip::udp::endpoint endpoint_of(const SocketAddress& address) {
    if (address.v6) {
        asio::ip::address_v6::bytes_type bytes;
        std::copy(address.ip.begin(), address.ip.end(), bytes.begin());
        return {asio::ip::address_v6{bytes, address.scope}, address.port};
    }
    asio::ip::address_v4::bytes_type bytes;
    std::copy_n(address.ip.begin(), bytes.size(), bytes.begin());
    return {asio::ip::address_v4{bytes}, address.port};
}

bool splitting_failed(std::error_code error) noexcept {
    const auto is = [&](int code) {
        return error == std::error_code{code, asio::error::get_system_category()};
    };
    return is(EIO) || is(EINVAL);
}

}  // namespace braid::transport::datagram_io
