#pragma once

#include <braid/address.hpp>

#include <asio/ip/tcp.hpp>

#include <cstddef>
#include <vector>

namespace braid::transport {

/// As many endpoints of one name are tried.
inline constexpr std::size_t endpoints_max = 16;

/// True if the host is a number, which needs no look-up.
bool numeric_endpoint(const detail::AddressParts& address, asio::ip::tcp::endpoint& endpoint);

/// The endpoints found, the address families taking turns, the family found first beginning.
std::vector<asio::ip::tcp::endpoint> take_turns(const asio::ip::tcp::resolver::results_type& found);

}  // namespace braid::transport
