#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

/// The framing of the controls: the bytes that braid spends on a whole message on TCP, so that both
/// move the same amount. One byte says what follows, a prefix varint of 1 to 4 bytes says how long
/// it is: 2 bytes in front of a message of 64.
namespace bench {

inline constexpr std::size_t coalesced_bytes = 128 * 1024;
inline constexpr std::size_t frame_header_bytes_max = 5;
inline constexpr std::size_t frame_payload_bytes_max = (std::size_t{1} << 28) - 1;
inline constexpr std::byte frame_kind{0x90};

/// Collects frames until about `coalesced_bytes` are there to be written in one call.
class FrameWriter {
public:
    FrameWriter() : buffer_(coalesced_bytes + frame_header_bytes_max) {}

    /// Call only when not full().
    void begin_frame(std::size_t payload_bytes) noexcept {
        std::byte* target = buffer_.data() + size_;
        target[0] = frame_kind;
        if (payload_bytes < 0x80) {
            target[1] = static_cast<std::byte>(payload_bytes);
            size_ += 2;
            return;
        }
        const std::size_t more = payload_bytes < (1U << 14)   ? 1
                                 : payload_bytes < (1U << 21) ? 2
                                                              : 3;
        const unsigned ones = (0xF00U >> more) & 0xFFU;
        target[1] = static_cast<std::byte>(ones | (payload_bytes >> (8 * more)));
        for (std::size_t index = 0; index < more; ++index) {
            target[2 + index] = static_cast<std::byte>(payload_bytes >> (8 * (more - 1 - index)));
        }
        size_ += 2 + more;
    }

    /// Copies what there is room for, and returns how much that was.
    std::size_t append(std::span<const std::byte> payload) noexcept {
        const std::size_t count =
            std::min(payload.size(), coalesced_bytes - std::min(size_, coalesced_bytes));
        std::memcpy(buffer_.data() + size_, payload.data(), count);
        size_ += count;
        return count;
    }

    bool full() const noexcept { return size_ >= coalesced_bytes; }
    std::span<const std::byte> bytes() const noexcept { return {buffer_.data(), size_}; }
    void clear() noexcept { size_ = 0; }

private:
    std::vector<std::byte> buffer_;
    std::size_t size_ = 0;
};

/// Finds whole messages in what was read. Each lies in one piece, as an application wants it.
class FrameReader {
public:
    explicit FrameReader(std::size_t payload_bytes_max)
        : buffer_(2 * coalesced_bytes + frame_header_bytes_max + payload_bytes_max) {}

    /// Where the next bytes read may go; never empty.
    std::span<std::byte> room() noexcept {
        if (begin_ == end_) {
            begin_ = end_ = 0;
        } else if (buffer_.size() - end_ < coalesced_bytes) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        return std::span(buffer_).subspan(end_,
                                          std::min(2 * coalesced_bytes, buffer_.size() - end_));
    }

    void read(std::size_t count) noexcept { end_ += count; }

    /// The next whole message, until the next call of room(). Throws on anything but a frame.
    std::optional<std::span<const std::byte>> next() {
        const std::size_t there = end_ - begin_;
        if (there < 2) {
            return std::nullopt;
        }
        const std::byte* start = buffer_.data() + begin_;
        const auto first = static_cast<std::size_t>(start[1]);
        std::size_t header_bytes = 2;
        std::size_t length = first;
        if (first >= 0x80) {
            const std::size_t more = first < 0xC0 ? 1 : first < 0xE0 ? 2 : 3;
            header_bytes += more;
            if (there < header_bytes) {
                return std::nullopt;
            }
            length = first & (0x7FU >> more);
            for (std::size_t index = 0; index < more; ++index) {
                length = length << 8 | static_cast<std::size_t>(start[2 + index]);
            }
        }
        if (start[0] != frame_kind || header_bytes + length > buffer_.size()) {
            throw std::runtime_error("the control received something that is no frame");
        }
        if (there < header_bytes + length) {
            return std::nullopt;
        }
        begin_ += header_bytes + length;
        return std::span<const std::byte>(start + header_bytes, length);
    }

private:
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

/// The sequence number at the start of a message, and its inverse.
inline std::uint64_t sequence_of(std::span<const std::byte> message) {
    if (message.size() < sizeof(std::uint64_t)) {
        throw std::runtime_error("a message is too short for its sequence number");
    }
    std::uint64_t sequence = 0;
    std::memcpy(&sequence, message.data(), sizeof sequence);
    return sequence;
}

inline void stamp(std::span<std::byte> message, std::uint64_t sequence) noexcept {
    std::memcpy(message.data(), &sequence, sizeof sequence);
}

}  // namespace bench
