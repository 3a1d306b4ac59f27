#include "transport/resolve.hpp"

#include <system_error>

namespace braid::transport {

std::optional<asio::ip::address> numeric_host(const detail::AddressParts& address) {
    std::error_code error;
    const auto number = asio::ip::make_address(address.host(), error);
    if (error) return std::nullopt;
    return number;
}

std::optional<asio::ip::address> numeric_peer(const detail::AddressParts& address) {
    const auto number = numeric_host(address);
    if (!number || !number->is_unspecified()) return number;
    if (number->is_v4()) return asio::ip::address_v4::loopback();
    return asio::ip::address_v6::loopback();
}

asio::ip::address unmapped(const asio::ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

std::string host_of(const asio::ip::address& peer) {
    const auto address = unmapped(peer);
    return address.is_loopback() ? std::string{} : address.to_string();
}

std::string text_of(Transport transport, const asio::ip::address& peer, std::uint16_t port) {
    return to_string(detail::AddressParts{transport, unmapped(peer).to_string(), port});
}

}  // namespace braid::transport
