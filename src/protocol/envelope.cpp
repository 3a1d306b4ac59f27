#include "protocol/envelope.hpp"

#include <lz4.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace braid::protocol {
namespace {

constexpr std::uint8_t flag_compressed = 1 << 0;
constexpr std::uint8_t flag_checksum = 1 << 1;

// Compression must save at least this part of a message to be kept.
constexpr std::size_t saving_divisor = 16;

// A byte of an LZ4 block stands for at most this many of its output.
constexpr std::size_t expansion_max = 255;

constexpr int acceleration = 1;

std::uint32_t checksum_of(std::span<const std::byte> raw) noexcept {
    return static_cast<std::uint32_t>(XXH3_64bits(raw.data(), raw.size()));
}

// Writes the flags, and the checksum over `raw` if they name it.
std::size_t write_head(std::byte* out, std::uint8_t flags,
                       std::span<const std::byte> raw) noexcept {
    out[0] = std::byte{flags};
    if ((flags & flag_checksum) == 0) return 1;
    const std::uint32_t checksum = checksum_of(raw);
    for (unsigned i = 0; i < envelope_checksum_bytes; ++i) {
        out[1 + i] = static_cast<std::byte>(checksum >> (8 * i));
    }
    return 1 + envelope_checksum_bytes;
}

std::uint32_t read_checksum(std::span<const std::byte> in) noexcept {
    std::uint32_t checksum = 0;
    for (unsigned i = 0; i < envelope_checksum_bytes; ++i) {
        checksum |= std::to_integer<std::uint32_t>(in[i]) << (8 * i);
    }
    return checksum;
}

// The size of the block, or 0 if it would not be small enough to be worth it.
std::size_t compress(std::span<const std::byte> raw, std::byte* out) noexcept {
    if (raw.size() < compressed_bytes_min || raw.size() > LZ4_MAX_INPUT_SIZE) return 0;
    const std::size_t worthwhile = raw.size() - raw.size() / saving_divisor;
    const int size =
        LZ4_compress_fast(reinterpret_cast<const char*>(raw.data()), reinterpret_cast<char*>(out),
                          static_cast<int>(raw.size()), static_cast<int>(worthwhile), acceleration);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
}

Opened failed(errc failure) { return {.failure = failure, .bytes = {}}; }

Opened decompress(std::span<const std::byte> in, std::size_t message_bytes_max,
                  detail::MessageBuffer& buffer) {
    std::uint64_t raw_size = 0;
    if (decode_prefix_varint(in, raw_size) != DecodeStatus::complete) {
        return failed(errc::compression_malformed);
    }
    if (raw_size > message_bytes_max) return failed(errc::message_too_large);
    // Both sides of LZ4 count in int; the second check keeps a small block from a large allocation.
    if (raw_size > LZ4_MAX_INPUT_SIZE || in.size() > LZ4_MAX_INPUT_SIZE ||
        raw_size > in.size() * expansion_max) {
        return failed(errc::compression_malformed);
    }
    const auto size = static_cast<std::size_t>(raw_size);
    std::byte* const out = buffer.extend(size);
    if (out == nullptr) return failed(errc::message_too_large);
    const int written =
        LZ4_decompress_safe(reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(out),
                            static_cast<int>(in.size()), static_cast<int>(size));
    if (written < 0 || static_cast<std::size_t>(written) != size) {
        buffer.truncate(buffer.size() - size);
        return failed(errc::compression_malformed);
    }
    return {.failure = {}, .bytes = {out, size}, .decompressed = true};
}

}  // namespace

void seal_in_place(std::span<std::byte> payload, bool checksum) noexcept {
    write_head(payload.data() - plain_envelope_bytes(checksum), checksum ? flag_checksum : 0,
               payload);
}

std::size_t seal(std::span<const std::byte> raw, Sealing wanted,
                 std::span<std::byte> out) noexcept {
    const std::uint8_t checksum = wanted.checksum ? flag_checksum : 0;
    if (wanted.compress) {
        // The block goes to its final place first: the envelope's size does not depend on it.
        const std::size_t head = plain_envelope_bytes(wanted.checksum);
        const std::size_t prefix = head + prefix_varint_bytes(raw.size());
        const std::size_t size = compress(raw, out.data() + prefix);
        if (size != 0) {
            write_head(out.data(), flag_compressed | checksum, raw);
            encode_prefix_varint(raw.size(), out.data() + head);
            return prefix + size;
        }
    }
    const std::size_t head = write_head(out.data(), checksum, raw);
    std::copy(raw.begin(), raw.end(), out.data() + head);
    return head + raw.size();
}

bool is_compressed(std::span<const std::byte> sealed) noexcept {
    return !sealed.empty() && (std::to_integer<std::uint8_t>(sealed[0]) & flag_compressed) != 0;
}

bool open_plain(std::span<const std::byte> sealed, Promises promises, std::size_t message_bytes_max,
                std::size_t& envelope_bytes) noexcept {
    if (sealed.empty()) return false;
    const auto flags = std::to_integer<std::uint8_t>(sealed[0]);
    const bool checksummed = flags == flag_checksum;
    envelope_bytes = plain_envelope_bytes(checksummed);
    if ((flags != 0 && !checksummed) || sealed.size() < envelope_bytes) return false;
    const auto raw = sealed.subspan(envelope_bytes);
    if (raw.size() > message_bytes_max) return false;
    if (!checksummed) return true;
    return covers(promises, Promises::consistency) &&
           checksum_of(raw) == read_checksum(sealed.subspan(1));
}

Opened open(std::span<const std::byte> sealed, Promises promises, std::size_t message_bytes_max,
            detail::MessageBuffer& buffer) {
    if (sealed.empty()) return failed(errc::frame_malformed);
    std::uint8_t allowed = 0;
    if (covers(promises, Promises::compressed)) allowed |= flag_compressed;
    if (covers(promises, Promises::consistency)) allowed |= flag_checksum;
    const auto flags = std::to_integer<std::uint8_t>(sealed[0]);
    if ((flags & ~allowed) != 0) return failed(errc::frame_malformed);

    const bool checksummed = (flags & flag_checksum) != 0;
    if (sealed.size() < plain_envelope_bytes(checksummed)) return failed(errc::frame_malformed);
    auto payload = sealed.subspan(plain_envelope_bytes(checksummed));

    Opened opened;
    if ((flags & flag_compressed) != 0) {
        opened = decompress(payload, message_bytes_max, buffer);
        if (opened.failure) return opened;
    } else if (payload.size() > message_bytes_max) {
        return failed(errc::message_too_large);
    } else {
        opened.bytes = payload;
    }
    if (checksummed && checksum_of(opened.bytes) != read_checksum(sealed.subspan(1))) {
        return failed(errc::checksum_mismatch);
    }
    opened.checksummed = checksummed;
    return opened;
}

}  // namespace braid::protocol
