#pragma once

#include "protocol/prefix_varint.hpp"

#include <braid/error.hpp>
#include <braid/message.hpp>
#include <braid/promises.hpp>

#include <cstddef>
#include <optional>
#include <span>

// What stands in front of a message's payload on streams that promise compression or consistency
// (docs/wire.md):
//
//     flags       1 byte: bit 0 compressed, bit 1 checksum; the others are zero
//     checksum    4 bytes, if flagged: the low 32 bits of XXH3-64 over the raw bytes
//     raw size    prefix varint, if compressed; then the payload is one LZ4 block
//
// The home of lz4 and xxhash.
namespace braid::protocol {

inline constexpr std::size_t envelope_checksum_bytes = 4;

/// Messages below this are not worth compressing.
inline constexpr std::size_t compressed_bytes_min = 256;

/// Whether the messages of such a stream have an envelope at all.
constexpr bool has_envelope(Promises promises) noexcept {
    return covers(promises, Promises::compressed) || covers(promises, Promises::consistency);
}

/// The envelope of a message that is not compressed.
constexpr std::size_t plain_envelope_bytes(bool checksum) noexcept {
    return checksum ? 1 + envelope_checksum_bytes : 1;
}

/// The longest envelope on such a stream. `checksum_needed` is false where the channel
/// authenticates its bytes anyway.
constexpr std::size_t envelope_bytes_max(Promises promises, bool checksum_needed) noexcept {
    if (!has_envelope(promises)) return 0;
    const bool checksum = checksum_needed && covers(promises, Promises::consistency);
    const bool compressed = covers(promises, Promises::compressed);
    return plain_envelope_bytes(checksum) + (compressed ? prefix_varint_bytes_max : 0);
}

/// What seal() shall do; compression only happens where it pays.
struct Sealing {
    bool compress = false;
    bool checksum = false;
};

/// What a message of `raw_bytes` can take when sealed.
constexpr std::size_t sealed_bytes_max(std::size_t raw_bytes) noexcept {
    return 1 + envelope_checksum_bytes + prefix_varint_bytes_max + raw_bytes;
}

/// Writes the envelope of a message that is not compressed right in front of its payload, which
/// lies where it is: plain_envelope_bytes(checksum) bytes before `payload.data()` are written, so
/// `payload` must not be empty-by-nullptr.
void seal_in_place(std::span<std::byte> payload, bool checksum) noexcept;

/// Writes envelope and payload to `out`, which has sealed_bytes_max(raw.size()) bytes and does not
/// overlap `raw`.
/// @returns the bytes written
std::size_t seal(std::span<const std::byte> raw, Sealing wanted, std::span<std::byte> out) noexcept;

/// A message out of its envelope, or why there is none.
struct Opened {
    std::optional<errc> failure;
    std::span<const std::byte> bytes;  ///< within the sealed bytes or the buffer given
    bool decompressed = false;         ///< the bytes are all that the buffer holds
    bool checksummed = false;
};

/// Whether what seal() wrote is compressed.
bool is_compressed(std::span<const std::byte> sealed) noexcept;

/// The inverse of seal(). `buffer` is filled only if the message is compressed; it should be
/// empty. Nothing larger than `message_bytes_max`, or than what the block can expand to, is ever
/// allocated.
///
/// Failures: message_too_large; compression_malformed; checksum_mismatch; frame_malformed for
/// flags that do not exist or that the stream does not promise.
Opened open(std::span<const std::byte> sealed, Promises promises, std::size_t message_bytes_max,
            detail::MessageBuffer& buffer);

/// The hot path of open(): a message that is well and not compressed, which begins after
/// `envelope_bytes`. False for anything else, of which open() tells more.
bool open_plain(std::span<const std::byte> sealed, Promises promises, std::size_t message_bytes_max,
                std::size_t& envelope_bytes) noexcept;

}  // namespace braid::protocol
