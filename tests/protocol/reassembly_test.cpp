#include "protocol/reassembly.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <algorithm>

using braid::protocol::Reassembly;

namespace {

constexpr std::size_t message_bytes_max = 4'096;

// What remembering a part beyond a gap may take besides its bytes.
constexpr std::uint64_t part_overhead_bytes = 128;

struct Oracle {
    explicit Oracle(std::size_t size) : bytes(size), here(size) {}

    std::uint64_t missing(std::size_t offset, std::size_t size) const {
        const auto from = here.begin() + static_cast<std::ptrdiff_t>(offset);
        return static_cast<std::uint64_t>(
            std::count(from, from + static_cast<std::ptrdiff_t>(size), false));
    }

    void add(std::size_t offset, std::span<const std::byte> piece) {
        for (std::size_t i = 0; i < piece.size(); ++i) {
            if (here[offset + i]) continue;  // the first one counts
            here[offset + i] = true;
            bytes[offset + i] = piece[i];
        }
    }

    std::vector<std::byte> bytes;
    std::vector<bool> here;
};

}  // namespace

TEST_CASE("Fragments in any cut, order and overlap give what a naive oracle gives") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        const auto size = random.between(1, random.chance(0.5) ? 60 : 3'000);
        Reassembly message{message_bytes_max};
        Oracle oracle{size};
        const bool honest = random.chance(0.5);
        const auto truth = random.bytes(size);
        while (!message.complete()) {
            const auto offset = random.below(size);
            const auto most = std::min<std::uint64_t>(size - offset, size / 3 + 1);
            const auto length = random.between(1, most);
            auto piece = random.bytes(length);
            if (honest) {
                std::copy_n(truth.begin() + static_cast<std::ptrdiff_t>(offset), length,
                            piece.begin());
            }
            if (random.chance(0.3)) REQUIRE(message.set_total(size));
            REQUIRE(message.fits(offset, length));
            REQUIRE(message.missing(offset, length) == oracle.missing(offset, length));
            message.add(offset, piece);
            oracle.add(offset, piece);
            REQUIRE(message.missing(offset, length) == 0);
            REQUIRE(message.held_bytes() >= size - oracle.missing(0, size));
            REQUIRE(message.held_bytes() <=
                    (size - oracle.missing(0, size)) * (1 + part_overhead_bytes));
            if (oracle.missing(0, size) == 0) REQUIRE(message.set_total(size));
        }
        const auto whole = std::move(message).take();
        REQUIRE(std::ranges::equal(whole.bytes(), oracle.bytes));
        if (honest) REQUIRE(std::ranges::equal(whole.bytes(), truth));
    }
}

TEST_CASE("A total that contradicts is refused, and so is what lies beyond") {
    Reassembly message{message_bytes_max};
    const std::vector<std::byte> piece(100);
    CHECK(message.fits(message_bytes_max - 100, 100));
    CHECK_FALSE(message.fits(message_bytes_max - 100, 101));
    CHECK_FALSE(message.fits(~std::uint64_t{0}, 100));
    message.add(500, piece);
    CHECK_FALSE(message.set_total(599));
    CHECK(message.set_total(600));
    CHECK(message.set_total(600));
    CHECK_FALSE(message.set_total(601));
    CHECK_FALSE(message.fits(600, 1));
    CHECK_FALSE(message.fits(~std::uint64_t{0} - 10, 100));
    CHECK_FALSE(message.complete());
}

TEST_CASE("A message of no bytes is complete once its total is known") {
    Reassembly message{message_bytes_max};
    CHECK_FALSE(message.complete());
    CHECK(message.set_total(0));
    CHECK(message.complete());
    CHECK(std::move(message).take().empty());
}

TEST_CASE("Memory follows the bytes that came, not the offsets they claim") {
    Reassembly message{std::size_t{1} << 40};
    const std::vector<std::byte> piece(128);
    CHECK(message.set_total(std::uint64_t{1} << 40));
    for (std::uint64_t i = 1; i <= 100; ++i) message.add(i << 30, piece);
    CHECK(message.held_bytes() <= 100 * (128 + part_overhead_bytes));
}

TEST_CASE("Parts that touch are remembered as one however they were cut") {
    constexpr std::size_t size = 1u << 20;
    const std::vector<std::byte> bytes(128, std::byte{1});  // the shortest fragment allowed
    // Each overlaps the one before but for one byte.
    Reassembly creeping{size};
    for (std::uint64_t i = 0; i < 20'000; ++i) creeping.add(1'000 + i, bytes);
    CHECK(creeping.parts() <= 2);
    CHECK(creeping.held_bytes() < 20'000 + 128 + 2 * part_overhead_bytes);
    // Backwards, and from both sides into a gap.
    Reassembly backwards{size};
    for (std::uint64_t at = 64u << 10; at > 128; at -= 128) backwards.add(at, bytes);
    CHECK(backwards.parts() <= 9);
    Reassembly every_second{size};
    for (std::uint64_t at = 128; at < size; at += 256) every_second.add(at, bytes);
    CHECK(every_second.parts() * (64u << 10) <= size * 512);
    for (std::uint64_t at = 0; at < size; at += 256) every_second.add(at, bytes);
    every_second.set_total(size);
    CHECK(every_second.complete());
    CHECK(every_second.parts() == 0);
}
