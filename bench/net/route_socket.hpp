#pragma once

#include "net/network_namespace.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace net {

/// Asks the kernel to change addresses, routes and rules of the calling thread's namespace
/// (rtnetlink(7)). Throws std::system_error.
class RouteSocket {
public:
    RouteSocket();

    void set_up(unsigned device, unsigned mtu, unsigned queue_packets);
    void add_address(unsigned device, std::string_view address, unsigned prefix_bits);
    void delete_address(unsigned device, std::string_view address, unsigned prefix_bits);
    void add_route(unsigned device, std::string_view target, unsigned prefix_bits,
                   unsigned char table);

    /// Of what this machine sends itself.
    void add_rule_for_own_packets(int family, unsigned priority, unsigned char table);
    void add_rule(int family, unsigned priority, unsigned char table);
    void delete_rule(int family, unsigned priority, unsigned char table);

private:
    void change_address(std::uint16_t type, std::uint16_t flags, unsigned device,
                        std::string_view address, unsigned prefix_bits);
    void ask(std::span<std::byte> request);

    File file_;
    std::uint32_t sequence_ = 0;
};

}  // namespace net
