#include "protocol/prefix_varint.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <array>
#include <vector>

using namespace braid::protocol;

namespace {

std::vector<std::byte> encoded(std::uint64_t value) {
    std::array<std::byte, prefix_varint_bytes_max> out{};
    const auto size = encode_prefix_varint(value, out.data());
    REQUIRE(size == prefix_varint_bytes(value));
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)};
}

void check_round_trip(std::uint64_t value) {
    auto bytes = encoded(value);
    const auto size = bytes.size();
    bytes.push_back(std::byte{0xff});
    std::span<const std::byte> in{bytes};
    std::uint64_t decoded = ~value;
    REQUIRE(decode_prefix_varint(in, decoded) == DecodeStatus::complete);
    REQUIRE(decoded == value);
    REQUIRE(in.size() == 1);
    for (std::size_t cut = 0; cut < size; ++cut) {
        std::span<const std::byte> part{bytes.data(), cut};
        decoded = 77;
        REQUIRE(decode_prefix_varint(part, decoded) == DecodeStatus::incomplete);
        REQUIRE(decoded == 77);
        REQUIRE(part.size() == cut);
    }
}

}  // namespace

TEST_CASE("Every length of prefix varint round-trips and knows when it is cut") {
    for (std::size_t size = 1; size <= prefix_varint_bytes_max; ++size) {
        const auto first = size == 1 ? 0 : std::uint64_t{1} << (7 * (size - 1));
        const auto last = size == 9 ? ~std::uint64_t{0} : (std::uint64_t{1} << (7 * size)) - 1;
        CHECK(prefix_varint_bytes(first) == size);
        CHECK(prefix_varint_bytes(last) == size);
        for (const auto value : {first, first + 1, first + (last - first) / 3, last - 1, last}) {
            check_round_trip(value);
        }
    }
    sim::Random random{1};
    for (int i = 0; i < 5'000; ++i) check_round_trip(random.magnitude(~std::uint64_t{0}));
}

TEST_CASE("A prefix varint looks as the wire page says") {
    const auto is = [](std::uint64_t value, std::vector<int> bytes) {
        const auto found = encoded(value);
        if (found.size() != bytes.size()) return false;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (std::to_integer<int>(found[i]) != bytes[i]) return false;
        }
        return true;
    };
    CHECK(is(0, {0x00}));
    CHECK(is(127, {0x7f}));
    CHECK(is(128, {0x80, 0x80}));
    CHECK(is(16'383, {0xbf, 0xff}));
    CHECK(is(16'384, {0xc0, 0x40, 0x00}));
    CHECK(is(~std::uint64_t{0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
}

TEST_CASE("Only the shortest form of a number is legal") {
    for (std::size_t size = 2; size <= prefix_varint_bytes_max; ++size) {
        const auto largest_too_small = (std::uint64_t{1} << (7 * (size - 1))) - 1;
        for (const auto value : {std::uint64_t{0}, std::uint64_t{1}, largest_too_small}) {
            std::vector<std::byte> bytes(size);
            auto rest = value;
            for (std::size_t i = size; i-- > 1; rest >>= 8) {
                bytes[i] = static_cast<std::byte>(rest);
            }
            const auto prefix = size == 9 ? 0xffu : (0xff00u >> (size - 1)) & 0xffu;
            bytes[0] = static_cast<std::byte>(prefix | static_cast<unsigned>(rest));
            std::span<const std::byte> in{bytes};
            std::uint64_t decoded = 5;
            CHECK(decode_prefix_varint(in, decoded) == DecodeStatus::malformed);
            CHECK(decoded == 5);
            CHECK(in.size() == size);
        }
    }
}
