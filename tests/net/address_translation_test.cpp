#include "net/address_translation.hpp"

#include "catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

using net::AddressTranslation;

namespace {

constexpr std::size_t v4_header_bytes = 20;
constexpr std::size_t v6_header_bytes = 40;

unsigned word_at(const std::vector<std::byte>& bytes, std::size_t offset) {
    const auto high = static_cast<unsigned>(bytes.at(offset)) << 8;
    return offset + 1 < bytes.size() ? high | static_cast<unsigned>(bytes[offset + 1]) : high;
}

void put(std::vector<std::byte>& bytes, std::size_t offset, unsigned value) {
    bytes[offset] = static_cast<std::byte>(value >> 8);
    bytes[offset + 1] = static_cast<std::byte>(value);
}

/// The Internet checksum of UDP with its pseudo header (RFC 768): 0 for a whole packet.
unsigned checksum_of(const std::vector<std::byte>& packet) {
    const bool is_v6 = static_cast<unsigned>(packet[0]) >> 4 == 6;
    const std::size_t begin = is_v6 ? v6_header_bytes : v4_header_bytes;
    unsigned sum = 17 + static_cast<unsigned>(packet.size() - begin);
    for (std::size_t at = is_v6 ? 8 : 12; at < packet.size(); at += 2) sum += word_at(packet, at);
    while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
    return ~sum & 0xFFFF;
}

std::vector<std::byte> udp_packet(unsigned version, unsigned source, unsigned target) {
    const std::size_t header_bytes = version == 6 ? v6_header_bytes : v4_header_bytes;
    std::vector<std::byte> packet(header_bytes + 8 + 5, std::byte{0x37});
    packet[0] = std::byte{static_cast<unsigned char>(version == 6 ? 0x60 : 0x45)};
    if (version == 6) {
        packet[6] = std::byte{17};
    } else {
        put(packet, 6, 0x4000);  // not a fragment
        packet[9] = std::byte{17};
    }
    put(packet, header_bytes, source);
    put(packet, header_bytes + 2, target);
    put(packet, header_bytes + 4, 8 + 5);
    put(packet, header_bytes + 6, 0);
    put(packet, header_bytes + 6, checksum_of(packet));
    return packet;
}

}  // namespace

TEST_CASE("ports are translated there and back with a right checksum") {
    for (const unsigned version : {4U, 6U}) {
        const std::size_t ports = version == 6 ? v6_header_bytes : v4_header_bytes;
        for (unsigned port = 1'024; port < 65'536; port += 509) {
            AddressTranslation translation;
            auto out = udp_packet(version, port, 4'000);
            REQUIRE(checksum_of(out) == 0);
            CHECK(translation.leaving(out));
            const unsigned seen = word_at(out, ports);
            CHECK(seen != port);
            CHECK(seen >= 1'024);
            CHECK(checksum_of(out) == 0);
            auto in = udp_packet(version, 4'000, seen);
            REQUIRE(translation.entering(in));
            CHECK(word_at(in, ports + 2) == port);
            CHECK(checksum_of(in) == 0);
        }
    }
}

TEST_CASE("after a rebind the old port leads nowhere and the new one is another") {
    AddressTranslation translation;
    auto out = udp_packet(4, 5'000, 4'000);
    CHECK(translation.leaving(out));
    const unsigned before = word_at(out, v4_header_bytes);
    translation.rebind();
    auto in = udp_packet(4, 4'000, before);
    CHECK_FALSE(translation.entering(in));
    out = udp_packet(4, 5'000, 4'000);
    CHECK(translation.leaving(out));
    const unsigned after = word_at(out, v4_header_bytes);
    CHECK(after != before);
    in = udp_packet(4, 4'000, after);
    CHECK(translation.entering(in));
    CHECK(word_at(in, v4_header_bytes + 2) == 5'000);
}

TEST_CASE("ports that are barred lead nowhere either way and others go on") {
    AddressTranslation translation;
    auto out = udp_packet(4, 5'000, 4'000);
    CHECK(translation.leaving(out));
    const unsigned before = word_at(out, v4_header_bytes);
    translation.bar();
    auto in = udp_packet(4, 4'000, before);
    CHECK_FALSE(translation.entering(in));
    out = udp_packet(4, 5'000, 4'000);
    CHECK_FALSE(translation.leaving(out));
    out = udp_packet(4, 5'001, 4'000);
    CHECK(translation.leaving(out));
    in = udp_packet(4, 4'000, word_at(out, v4_header_bytes));
    CHECK(translation.entering(in));
    CHECK(word_at(in, v4_header_bytes + 2) == 5'001);
}

TEST_CASE("what is not UDP passes the translation as it is") {
    AddressTranslation translation;
    auto tcp = udp_packet(4, 5'000, 4'000);
    tcp[9] = std::byte{6};
    const auto before = tcp;
    CHECK(translation.leaving(tcp));
    CHECK(translation.entering(tcp));
    CHECK(tcp == before);
    std::vector<std::byte> stub(3, std::byte{0x45});
    CHECK(translation.leaving(stub));
    CHECK(translation.entering(stub));
}
