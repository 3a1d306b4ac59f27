#include "transport/udp/packet.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace transport = braid::transport;

namespace {

std::vector<std::byte> bytes_of(std::initializer_list<unsigned> values) {
    std::vector<std::byte> bytes;
    for (const auto value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

struct Written {
    bool key_phase;
    std::optional<transport::ConnectionId> destination;
    std::uint64_t number;
    unsigned number_bytes;
    std::vector<std::byte> bytes;
};

}  // namespace

TEST_CASE("The first byte of a datagram tells its kind") {
    for (unsigned first = 0; first < 256; ++first) {
        CAPTURE(first);
        const auto expected = first >= 0x80                    ? transport::DatagramKind::packet
                              : first >= 0x40 && first <= 0x4f ? transport::DatagramKind::handshake
                                                               : transport::DatagramKind::unknown;
        CHECK(transport::kind_of(bytes_of({first, 0, 0})) == expected);
    }
    CHECK(transport::kind_of({}) == transport::DatagramKind::unknown);
}

TEST_CASE("A packet header reads as it was written") {
    const std::array samples{
        Written{false, {}, 0x05, 1, bytes_of({0x80, 0x05})},
        Written{true, {}, 0x1234, 2, bytes_of({0xc8, 0x12, 0x34})},
        Written{false, 0x04030201u, 0x7f, 1, bytes_of({0xa0, 1, 2, 3, 4, 0x7f})},
        Written{true, 0xfffefdfcu, 0x123456, 3,
                bytes_of({0xf0, 0xfc, 0xfd, 0xfe, 0xff, 0x12, 0x34, 0x56})},
        Written{false, {}, 0xabcdef0123456789u, 4, bytes_of({0x98, 0x23, 0x45, 0x67, 0x89})},
    };
    for (const auto& sample : samples) {
        CAPTURE(sample.number);
        std::array<std::byte, transport::packet_header_bytes_max> out{};
        const auto size = transport::encode_packet_header(
            out.data(), sample.key_phase, sample.destination, sample.number, sample.number_bytes);
        REQUIRE(std::vector(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)) ==
                sample.bytes);
        const auto header = transport::decode_packet_header(sample.bytes);
        REQUIRE(header.has_value());
        CHECK(header->key_phase == sample.key_phase);
        CHECK(header->destination == sample.destination);
        CHECK(header->number_bytes == sample.number_bytes);
        CHECK(header->bytes == size);
        const auto mask = (std::uint64_t{1} << (8 * sample.number_bytes)) - 1;
        CHECK(header->number_low == (sample.number & mask));
        for (std::size_t cut = 0; cut < size; ++cut) {
            CHECK_FALSE(transport::decode_packet_header(std::span{sample.bytes}.first(cut)));
        }
    }
}

TEST_CASE("Whatever the bytes a packet header is read whole or not at all") {
    sim::Random random{1};
    std::size_t read = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto bytes = random.bytes(random.below(12));
        const auto header = transport::decode_packet_header(bytes);
        if (!header) continue;
        ++read;
        REQUIRE(header->bytes <= bytes.size());
        std::array<std::byte, transport::packet_header_bytes_max> again{};
        const auto size =
            transport::encode_packet_header(again.data(), header->key_phase, header->destination,
                                            header->number_low, header->number_bytes);
        REQUIRE(size == header->bytes);
        REQUIRE(std::equal(again.begin(), again.begin() + static_cast<std::ptrdiff_t>(size),
                           bytes.begin()));
    }
    CHECK(read > 500);
}

TEST_CASE("Flags that mean nothing yet make no packet") {
    for (unsigned low = 1; low < 8; ++low) {
        CHECK_FALSE(transport::decode_packet_header(bytes_of({0x80 | low, 1, 2, 3, 4, 5, 6})));
    }
    CHECK_FALSE(transport::decode_packet_header(bytes_of({0x40, 1, 2, 3, 4, 5, 6})));
}

TEST_CASE("Packet numbers are cut and made whole as in the examples of RFC 9000") {
    CHECK(transport::packet_number_bytes(0xac5c02, 0xabe8b3) == 2);
    CHECK(transport::packet_number_bytes(0xace8fe, 0xabe8b3) == 3);
    CHECK(transport::expand_packet_number(0x9b32, 2, 0xa82f30ea) == 0xa82f9b32);
}

TEST_CASE("The bytes of a packet number follow how many are not acknowledged") {
    const std::uint64_t acked = 1'000'000;
    CHECK(transport::packet_number_bytes(acked + 1, acked) == 1);
    CHECK(transport::packet_number_bytes(acked + 128, acked) == 1);
    CHECK(transport::packet_number_bytes(acked + 129, acked) == 2);
    CHECK(transport::packet_number_bytes(acked + (1u << 15), acked) == 2);
    CHECK(transport::packet_number_bytes(acked + (1u << 15) + 1, acked) == 3);
    CHECK(transport::packet_number_bytes(acked + (1u << 23) + 1, acked) == 4);
    CHECK(transport::packet_number_bytes(acked + (std::uint64_t{1} << 40), acked) == 4);
    CHECK(transport::packet_number_bytes(0, std::nullopt) == 1);
    CHECK(transport::packet_number_bytes(65'535, std::nullopt) == 3);
}

TEST_CASE("A packet number is made whole from what the peer must know") {
    sim::Random random{2};
    for (int i = 0; i < 50'000; ++i) {
        const auto acked = random.magnitude(std::uint64_t{1} << 61);
        const auto number = acked + 1 + random.magnitude((std::uint64_t{1} << 31) - 1);
        const auto bytes = transport::packet_number_bytes(number, acked);
        const auto low =
            static_cast<std::uint32_t>(number & ((std::uint64_t{1} << (8 * bytes)) - 1));
        // The peer has what was acknowledged, and perhaps more, but not this one.
        const auto largest = random.between(acked, number - 1);
        CAPTURE(acked, number, bytes, largest);
        REQUIRE(transport::expand_packet_number(low, bytes, largest) == number);
        // Nor does it matter that newer ones came first, up to half of what the bytes tell.
        const auto newer = number + random.below((std::uint64_t{1} << (8 * bytes - 1)) - 1);
        REQUIRE(transport::expand_packet_number(low, bytes, newer) == number);
    }
}

TEST_CASE("The number made whole is the nearest one with these low bits") {
    // By trial: from all numbers with one low byte, the nearest to the one that is expected.
    for (std::uint64_t largest = 0; largest < 1200; ++largest) {
        for (std::uint32_t low = 0; low < 256; ++low) {
            const auto expected = static_cast<std::int64_t>(largest) + 1;
            std::int64_t best = low;
            for (std::int64_t number = low; number < 2000; number += 256) {
                // Of two that are as near the newer one.
                if (std::abs(number - expected) <= std::abs(best - expected)) best = number;
            }
            CAPTURE(largest, low);
            REQUIRE(transport::expand_packet_number(low, 1, largest) ==
                    static_cast<std::uint64_t>(best));
        }
    }
}

TEST_CASE("No packet number is beyond 62 bits") {
    const auto last = (std::uint64_t{1} << 62) - 1;
    CHECK(transport::expand_packet_number(0, 1, last - 1) == last - 255);
    CHECK(transport::expand_packet_number(0xff, 1, last - 1) == last);
}

TEST_CASE("The associated data has the connection id in any case") {
    const auto data = transport::packet_associated_data(std::byte{0x80}, 0x04030201);
    CHECK(std::vector(data.begin(), data.end()) == bytes_of({0x80, 1, 2, 3, 4}));
    CHECK(transport::packet_associated_data(std::byte{0xc0}, 0x04030201) != data);
    CHECK(transport::packet_associated_data(std::byte{0x80}, 0x04030202) != data);
}
