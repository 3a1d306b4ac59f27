#include "runtime/entropy.hpp"

#include "catch.hpp"

#include <array>
#include <cstddef>

TEST_CASE("chance fills all of what it is given") {
    braid::runtime::SystemEntropy entropy;
    std::array<std::byte, 37> sum{};
    for (int i = 0; i < 64; ++i) {
        std::array<std::byte, 37> bytes{};
        entropy.fill(bytes);
        for (std::size_t j = 0; j < bytes.size(); ++j) sum[j] |= bytes[j];
    }
    // Each bit is missing with a chance of 2^-64.
    for (const auto byte : sum) CHECK(byte == std::byte{0xff});
    entropy.fill({});
}
