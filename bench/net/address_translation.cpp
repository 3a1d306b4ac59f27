#include "net/address_translation.hpp"

#include <optional>

namespace net {

namespace {

constexpr std::size_t udp_header_bytes = 8;
constexpr std::byte protocol_udp{17};
constexpr unsigned port_min = 1024;
constexpr unsigned ports = 65'536 - port_min;
/// Prime to the number of ports, so that they are all seen before one comes again.
constexpr std::uint16_t rebind_step = 7'919;

std::uint16_t read(std::span<const std::byte> bytes, std::size_t offset) {
    return static_cast<std::uint16_t>(static_cast<unsigned>(bytes[offset]) << 8 |
                                      static_cast<unsigned>(bytes[offset + 1]));
}

void write(std::span<std::byte> bytes, std::size_t offset, std::uint16_t value) {
    bytes[offset] = static_cast<std::byte>(value >> 8);
    bytes[offset + 1] = static_cast<std::byte>(value);
}

/// The UDP header and what follows it, if the packet is whole and has one.
std::optional<std::span<std::byte>> udp_of(std::span<std::byte> packet) {
    constexpr std::size_t v4_header_bytes_min = 20;
    constexpr std::size_t v6_header_bytes = 40;
    if (packet.size() < v4_header_bytes_min) return std::nullopt;
    const unsigned version = static_cast<unsigned>(packet[0]) >> 4;
    std::size_t header_bytes = 0;
    if (version == 4) {
        const bool is_fragment = (read(packet, 6) & 0x3FFFU) != 0;
        if (is_fragment || packet[9] != protocol_udp) return std::nullopt;
        header_bytes = (static_cast<std::size_t>(packet[0]) & 0x0FU) * 4;
    } else if (version == 6 && packet.size() >= v6_header_bytes && packet[6] == protocol_udp) {
        header_bytes = v6_header_bytes;
    } else {
        return std::nullopt;
    }
    if (packet.size() < header_bytes + udp_header_bytes) return std::nullopt;
    return packet.subspan(header_bytes);
}

constexpr std::size_t source_port = 0;
constexpr std::size_t target_port = 2;
constexpr std::size_t checksum = 6;

/// RFC 1624, equation 3.
void replace_port(std::span<std::byte> udp, std::size_t offset, std::uint16_t port) {
    const std::uint16_t old_sum = read(udp, checksum);
    if (old_sum != 0) {
        unsigned sum = (~old_sum & 0xFFFFU) + (~read(udp, offset) & 0xFFFFU) + port;
        sum = (sum & 0xFFFFU) + (sum >> 16);
        sum = (sum & 0xFFFFU) + (sum >> 16);
        const auto new_sum = static_cast<std::uint16_t>(~sum);
        write(udp, checksum, new_sum == 0 ? std::uint16_t{0xFFFF} : new_sum);
    }
    write(udp, offset, port);
}

}  // namespace

bool AddressTranslation::leaving(std::span<std::byte> packet) {
    const auto udp = udp_of(packet);
    if (!udp) return true;
    const std::uint16_t inside = read(*udp, source_port);
    if (barred_.contains(inside)) return false;
    if (inside < port_min) return true;
    const auto outside =
        static_cast<std::uint16_t>(port_min + (inside - port_min + offset_) % ports);
    inside_by_outside_[outside] = inside;
    replace_port(*udp, source_port, outside);
    return true;
}

bool AddressTranslation::entering(std::span<std::byte> packet) {
    const auto udp = udp_of(packet);
    if (!udp) return true;
    const auto found = inside_by_outside_.find(read(*udp, target_port));
    if (found == inside_by_outside_.end()) return false;
    replace_port(*udp, target_port, found->second);
    return true;
}

void AddressTranslation::rebind() {
    inside_by_outside_.clear();
    offset_ = static_cast<std::uint16_t>((offset_ + rebind_step) % ports);
}

void AddressTranslation::bar() {
    for (const auto& [outside, inside] : inside_by_outside_) barred_.insert(inside);
    inside_by_outside_.clear();
}

}  // namespace net
