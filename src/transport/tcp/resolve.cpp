#include "transport/tcp/resolve.hpp"

#include <asio/ip/address.hpp>

#include <algorithm>

namespace braid::transport {

using asio::ip::tcp;

bool numeric_endpoint(const detail::AddressParts& address, tcp::endpoint& endpoint) {
    std::error_code error;
    const auto number = asio::ip::make_address(address.host(), error);
    if (error) return false;
    endpoint = tcp::endpoint{number, address.port()};
    return true;
}

std::vector<tcp::endpoint> take_turns(const tcp::resolver::results_type& found) {
    std::vector<tcp::endpoint> first;
    std::vector<tcp::endpoint> second;
    for (const auto& entry : found) {
        const auto endpoint = entry.endpoint();
        const bool same = first.empty() || first.front().protocol() == endpoint.protocol();
        (same ? first : second).push_back(endpoint);
    }
    std::vector<tcp::endpoint> result;
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) result.push_back(first[i]);
        if (i < second.size()) result.push_back(second[i]);
    }
    if (result.size() > endpoints_max) result.resize(endpoints_max);
    return result;
}

}  // namespace braid::transport
