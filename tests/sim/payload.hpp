#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace sim {

/// The bytes of the `index`-th message with this key: whoever knows both can check them. From
/// eight bytes on they begin with the index itself.
inline void write_payload(std::uint64_t key, std::uint64_t index, bool compressible,
                          std::span<std::byte> out) {
    auto word = index;
    for (std::size_t at = 0; at < out.size(); at += 8) {
        std::memcpy(out.data() + at, &word, std::min<std::size_t>(8, out.size() - at));
        const auto place = compressible ? at / 512 : at;
        word = (key + index * 0x9e3779b97f4a7c15u + place) * 0xbf58476d1ce4e5b9u;
        word ^= word >> 31;
    }
}

inline std::uint64_t index_of(std::span<const std::byte> payload) {
    std::uint64_t index = 0;
    std::memcpy(&index, payload.data(), 8);
    return index;
}

}  // namespace sim
