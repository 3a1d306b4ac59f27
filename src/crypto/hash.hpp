#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace braid::crypto {

/// For the eyes of this process only. Drawn from the system's random source by whoever owns it.
using Secret = std::array<std::byte, 32>;

/// BLAKE2b (RFC 7693) over `parts`, one behind the other: fields whose lengths do not vary.
/// @param out 16 to 64 bytes; each length gives bytes of its own
/// @param key at most 64 bytes; may be empty
/// @param purpose at most 16 characters; two purposes never give the same bytes
void hash(std::span<std::byte> out, std::span<const std::byte> key, std::string_view purpose,
          std::initializer_list<std::span<const std::byte>> parts) noexcept;

using ShortKey = std::array<std::byte, 16>;

/// SipHash-2-4, 64 bits: for tables whose keys are chosen by strangers, and for numbers that they
/// shall not guess.
std::uint64_t short_hash(const ShortKey& key, std::span<const std::byte> bytes) noexcept;

/// Takes the same time wherever they differ; both are as long.
bool equal(std::span<const std::byte> one, std::span<const std::byte> other) noexcept;

}  // namespace braid::crypto
