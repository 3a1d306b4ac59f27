#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace fuzz {

/// What a fuzzer made up, as the choices of a test, one byte each: zeros once it is used up.
struct Input {
    const std::uint8_t* data;
    std::size_t size;

    std::uint8_t take() {
        if (size == 0) return 0;
        --size;
        return *data++;
    }
    std::chrono::milliseconds milliseconds(int scale) {
        return std::chrono::milliseconds{scale * take()};
    }
};

}  // namespace fuzz
