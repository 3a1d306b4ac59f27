#include "protocol/envelope.hpp"

#include "catch.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

using namespace braid::protocol;
using braid::errc;
using braid::Promises;
using braid::detail::MessageBuffer;

namespace {

using Bytes = std::vector<std::byte>;

constexpr Promises both = Promises::compressed | Promises::consistency;
constexpr std::size_t limit = 1u << 20;

Bytes bytes_of(std::initializer_list<unsigned> values) {
    Bytes bytes;
    for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

Bytes text_bytes(std::string_view text) {
    const auto bytes = std::as_bytes(std::span{text});
    return {bytes.begin(), bytes.end()};
}

Bytes random_bytes(std::size_t size) {
    Bytes bytes(size);
    std::uint64_t state = 1;
    for (auto& byte : bytes) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        byte = static_cast<std::byte>(state >> 56);
    }
    return bytes;
}

Bytes sealed_bytes(std::span<const std::byte> raw, Sealing wanted) {
    Bytes out(sealed_bytes_max(raw.size()));
    out.resize(seal(raw, wanted, out));
    return out;
}

// A compressed envelope as a peer may write it.
Bytes compressed_bytes(std::uint64_t raw_size, std::initializer_list<unsigned> block) {
    Bytes bytes(1 + prefix_varint_bytes_max);
    bytes[0] = std::byte{1};
    bytes.resize(1 + encode_prefix_varint(raw_size, &bytes[1]));
    const Bytes tail = bytes_of(block);
    bytes.insert(bytes.end(), tail.begin(), tail.end());
    return bytes;
}

std::optional<errc> failure_of(std::span<const std::byte> sealed, Promises promises = both,
                               std::size_t bytes_max = limit) {
    MessageBuffer buffer{bytes_max};
    const Opened opened = open(sealed, promises, bytes_max, buffer);
    if (opened.failure) CHECK(buffer.size() == 0);
    return opened.failure;
}

void check_round_trip(std::span<const std::byte> raw, Sealing wanted) {
    const Bytes sealed = sealed_bytes(raw, wanted);
    MessageBuffer buffer{limit};
    const Opened opened = open(sealed, both, limit, buffer);
    REQUIRE_FALSE(opened.failure);
    CHECK(std::ranges::equal(opened.bytes, raw));
    CHECK(opened.decompressed == ((sealed[0] & std::byte{1}) != std::byte{0}));
    if (opened.decompressed) {
        CHECK(std::ranges::equal(std::move(buffer).freeze().bytes(), raw));
    } else {
        CHECK(buffer.size() == 0);
        CHECK(opened.bytes.data() == sealed.data() + plain_envelope_bytes(wanted.checksum));
    }
}

}  // namespace

TEST_CASE("streams have an envelope only if their promises need one") {
    CHECK_FALSE(has_envelope(Promises::ordered | Promises::guaranteed_delivery));
    CHECK(has_envelope(Promises::reliable));
    CHECK(has_envelope(Promises::compressed));
    CHECK(envelope_bytes_max(Promises::ordered, true) == 0);
    CHECK(envelope_bytes_max(Promises::consistency, true) == 5);
    CHECK(envelope_bytes_max(Promises::consistency, false) == 1);
    CHECK(envelope_bytes_max(Promises::compressed, true) == 10);
    CHECK(envelope_bytes_max(both, true) == 14);
}

TEST_CASE("messages come out of their envelope as they went in") {
    for (const bool checksum : {false, true}) {
        for (const bool compress : {false, true}) {
            const Sealing wanted{.compress = compress, .checksum = checksum};
            for (const std::size_t size : {0u, 1u, 255u, 256u, 257u, 4096u, 100'000u}) {
                check_round_trip(Bytes(size, std::byte{'a'}), wanted);
                check_round_trip(random_bytes(size), wanted);
            }
        }
    }
}

TEST_CASE("messages are compressed where it makes them smaller") {
    const Sealing compress{.compress = true};
    CHECK(sealed_bytes(Bytes(10'000, std::byte{'a'}), compress).size() < 100);
    CHECK(sealed_bytes(Bytes(255, std::byte{'a'}), compress).size() == 1 + 255);
    CHECK(sealed_bytes(random_bytes(10'000), compress).size() == 1 + 10'000);

    // Saves less than a sixteenth: 20 of 1000 bytes.
    Bytes little = random_bytes(1'000);
    std::fill_n(little.begin() + 500, 24, std::byte{0});
    CHECK(sealed_bytes(little, compress)[0] == std::byte{0});
}

TEST_CASE("a message in the send buffer is sealed where it lies") {
    const Bytes raw = text_bytes("Hello World");
    for (const bool checksum : {false, true}) {
        Bytes out(plain_envelope_bytes(checksum));
        out.insert(out.end(), raw.begin(), raw.end());
        seal_in_place(std::span{out}.subspan(plain_envelope_bytes(checksum)), checksum);
        CHECK(out == sealed_bytes(raw, {.checksum = checksum}));
    }
}

TEST_CASE("the checksum is the low half of XXH3-64") {
    // XXH3-64 of nothing is 2d06800538d394c2.
    CHECK(sealed_bytes({}, {.checksum = true}) == bytes_of({2, 0xc2, 0x94, 0xd3, 0x38}));
}

TEST_CASE("LZ4 blocks recorded from other implementations decompress") {
    const auto check = [](std::initializer_list<unsigned> block, const Bytes& expected) {
        const Bytes sealed = compressed_bytes(expected.size(), block);
        MessageBuffer buffer{limit};
        const Opened opened = open(sealed, Promises::compressed, limit, buffer);
        REQUIRE_FALSE(opened.failure);
        CHECK(std::ranges::equal(opened.bytes, expected));
    };
    check({0xb0, 0x03, 0, 0, 0, 0, 0, 0, 0, 0x61, 0x62, 0x63},
          bytes_of({3, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c'}));
    Bytes letters = bytes_of({40, 0, 0, 0, 0, 0, 0, 0});
    letters.resize(48, std::byte{'a'});
    check({0x22, 0x28, 0x00, 0x01, 0x00, 0x1f, 0x61, 0x01, 0x00, 0x0f, 0x50, 0x61, 0x61, 0x61, 0x61,
           0x61},
          letters);
}

TEST_CASE("flags that do not exist or were not promised are malformed") {
    CHECK(failure_of({}) == errc::frame_malformed);
    for (unsigned bit = 2; bit < 8; ++bit) {
        CHECK(failure_of(bytes_of({1u << bit, 0, 0, 0, 0, 0})) == errc::frame_malformed);
    }
    const Bytes raw(1'000, std::byte{'a'});
    CHECK(failure_of(sealed_bytes(raw, {.compress = true}), Promises::consistency) ==
          errc::frame_malformed);
    CHECK(failure_of(sealed_bytes(raw, {.checksum = true}), Promises::compressed) ==
          errc::frame_malformed);
}

TEST_CASE("every cut and every altered bit of a checksummed message is noticed") {
    for (const Bytes& raw : {Bytes(300, std::byte{'a'}), text_bytes("Hello World"), Bytes{}}) {
        Bytes sealed = sealed_bytes(raw, {.compress = true, .checksum = true});
        for (std::size_t size = 0; size < sealed.size(); ++size) {
            INFO("cut to " << size << " of " << sealed.size());
            CHECK(failure_of(std::span{sealed}.first(size)));
        }
        // The flag of the checksum itself is not covered.
        for (std::size_t bit = 8; bit < sealed.size() * 8; ++bit) {
            const auto mask = static_cast<std::byte>(1u << bit % 8);
            sealed[bit / 8] ^= mask;
            MessageBuffer buffer{limit};
            const Opened opened = open(sealed, both, limit, buffer);
            // A block may say the same in other words.
            if (!opened.failure) CHECK(std::ranges::equal(opened.bytes, raw));
            sealed[bit / 8] ^= mask;
        }
        CHECK_FALSE(failure_of(sealed));
    }
    Bytes altered = sealed_bytes(text_bytes("Hello World"), {.checksum = true});
    altered.back() ^= std::byte{1};
    CHECK(failure_of(altered) == errc::checksum_mismatch);
}

TEST_CASE("a compressed message must be what it claims") {
    const auto letters = {0x1fu, 0x61u, 0x01u, 0x00u, 0x0fu, 0x50u,
                          0x61u, 0x61u, 0x61u, 0x61u, 0x61u};
    const std::size_t size = 1 + 4 + 15 + 15 + 5;
    CHECK_FALSE(failure_of(compressed_bytes(size, letters)));
    CHECK(failure_of(compressed_bytes(size + 1, letters)) == errc::compression_malformed);
    CHECK(failure_of(compressed_bytes(size - 1, letters)) == errc::compression_malformed);
    CHECK(failure_of(compressed_bytes(0, {})) == errc::compression_malformed);
    CHECK(failure_of(compressed_bytes(4, {0x00, 0x01, 0x00})) == errc::compression_malformed);
    // A raw size that is not in its shortest form, and one that is cut off.
    CHECK(failure_of(bytes_of({1, 0x80, 0x01, 0x10, 0x61})) == errc::compression_malformed);
    CHECK(failure_of(bytes_of({1, 0x80})) == errc::compression_malformed);
}

TEST_CASE("no message becomes longer than the limit") {
    CHECK(failure_of(sealed_bytes(Bytes(101), {}), both, 100) == errc::message_too_large);
    CHECK_FALSE(failure_of(sealed_bytes(Bytes(100), {}), both, 100));
    CHECK(failure_of(sealed_bytes(Bytes(1'001), {.compress = true}), both, 1'000) ==
          errc::message_too_large);
    CHECK_FALSE(failure_of(sealed_bytes(Bytes(1'000), {.compress = true}), both, 1'000));
    CHECK(failure_of(compressed_bytes(~std::uint64_t{0}, {0})) == errc::message_too_large);
}

TEST_CASE("a small block does not cause a large allocation") {
    MessageBuffer buffer{std::size_t{1} << 40};
    const Bytes sealed = compressed_bytes(std::uint64_t{1} << 30, {0x10, 0x61});
    CHECK(open(sealed, both, std::size_t{1} << 40, buffer).failure == errc::compression_malformed);
    CHECK(buffer.bytes().data() == nullptr);
}
