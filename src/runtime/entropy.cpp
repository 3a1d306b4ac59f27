#include "runtime/entropy.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace braid::runtime {

void SystemEntropy::fill(std::span<std::byte> bytes) {
    std::random_device device;
    while (!bytes.empty()) {
        const std::random_device::result_type word = device();
        const auto size = std::min(sizeof word, bytes.size());
        std::memcpy(bytes.data(), &word, size);
        bytes = bytes.subspan(size);
    }
}

}  // namespace braid::runtime
