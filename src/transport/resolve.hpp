#pragma once

#include <braid/address.hpp>

#include <asio/ip/address.hpp>
#include <asio/ip/basic_resolver_results.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace braid::transport {

/// As many endpoints of one name are tried.
inline constexpr std::size_t endpoints_max = 16;

/// The host as a number, which needs no look-up; nothing if it is a name.
std::optional<asio::ip::address> numeric_host(const detail::AddressParts& address);

/// The same for who dials: "any address", at which a peer may listen, is the loopback one, as most
/// systems have it for TCP.
std::optional<asio::ip::address> numeric_peer(const detail::AddressParts& address);

/// An IPv4 address that is written as one of IPv6 as what it is.
asio::ip::address unmapped(const asio::ip::address& address);

/// For Encounter::peer_host().
std::string host_of(const asio::ip::address& peer);

/// For Encounter::peer_address().
std::string text_of(Transport transport, const asio::ip::address& peer, std::uint16_t port);

/// The endpoints found, the address families taking turns, the family found first beginning.
template <class Protocol>
std::vector<typename Protocol::endpoint> take_turns(
    const asio::ip::basic_resolver_results<Protocol>& found) {
    std::vector<typename Protocol::endpoint> first;
    std::vector<typename Protocol::endpoint> second;
    for (const auto& entry : found) {
        const auto endpoint = entry.endpoint();
        const bool same = first.empty() || first.front().protocol() == endpoint.protocol();
        (same ? first : second).push_back(endpoint);
    }
    std::vector<typename Protocol::endpoint> result;
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) result.push_back(first[i]);
        if (i < second.size()) result.push_back(second[i]);
    }
    if (result.size() > endpoints_max) result.resize(endpoints_max);
    return result;
}

/// The same for who listens: those of IPv4 first.
template <class Protocol>
std::vector<typename Protocol::endpoint> ipv4_first(
    const asio::ip::basic_resolver_results<Protocol>& found) {
    // std::stable_partition() of g++ 12's library uses what clang 19 calls deprecated.
    std::vector<typename Protocol::endpoint> sorted;
    for (const bool v4 : {true, false}) {
        for (const auto& each : take_turns(found)) {
            if (each.address().is_v4() == v4) sorted.push_back(each);
        }
    }
    return sorted;
}

}  // namespace braid::transport
