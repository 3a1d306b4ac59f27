#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace braid::protocol {

/// Protects the packets of one direction of a channel: authenticates them, or encrypts them too.
/// Every packet has a number of its own, which is the nonce: none is sealed with the same one
/// twice.
class PacketCipher {
public:
    virtual ~PacketCipher() = default;

    /// How many bytes a packet grows.
    virtual std::size_t tag_bytes() const noexcept = 0;

    /// Encrypts `payload` in place and writes tag_bytes() to `tag`, which covers `header` too.
    virtual void seal(std::uint64_t number, std::span<const std::byte> header,
                      std::span<std::byte> payload, std::byte* tag) noexcept = 0;

    /// The inverse, in place. False, and `payload` is worth nothing, if the tag is not right.
    virtual bool open(std::uint64_t number, std::span<const std::byte> header,
                      std::span<std::byte> payload, const std::byte* tag) noexcept = 0;
};

}  // namespace braid::protocol
