#pragma once

#include "protocol/block.hpp"
#include "protocol/frame.hpp"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace braid::protocol {

class IntervalSet;

/// How a message frame says its number.
enum class Numbering : std::uint8_t {
    implied,  ///< it follows from the frame before
    low,      ///< low 16 bits
    whole,    ///< message_long
};

/// What stands in front of a message frame's payload.
struct MessageHead {
    std::uint64_t slot = 0;
    std::uint64_t number = 0;
    std::uint64_t offset = 0;
    std::uint64_t total = 0;
    Numbering numbering = Numbering::implied;
    bool fragment = false;
    bool has_total = false;
};

/// Writes frames one after another: into a datagram; towards a byte stream, where large payloads
/// are not copied but referred to; or into a batch that stays in memory, where large messages are
/// not cut either.
class FrameWriter {
public:
    /// A payload that follows the first `position` bytes of the buffer.
    struct Reference {
        std::size_t position;
        std::span<const std::byte> bytes;
        BlockReference owner;
    };

    /// Payloads of this size and more are referred to: below, copying costs less than another
    /// entry in a gather list (measured: docs/performance.md).
    static constexpr std::size_t reference_bytes_min = 8u << 10;

    /// A datagram: all is copied into `buffer`.
    explicit FrameWriter(std::span<std::byte> buffer) noexcept
        : framing_{Framing::unit}, buffer_{buffer}, budget_{buffer.size()} {}

    /// A piece of a byte stream: at most `budget` bytes, of which what is copied fits `buffer`.
    FrameWriter(std::span<std::byte> buffer, std::size_t budget,
                std::vector<Reference>& references) noexcept
        : framing_{Framing::stream}, buffer_{buffer}, budget_{budget}, references_{&references} {}

    /// A batch in memory: as above, but large messages go into `beside` and may exceed `budget`.
    FrameWriter(std::span<std::byte> buffer, std::size_t budget,
                std::vector<Message>& beside) noexcept
        : framing_{Framing::memory}, buffer_{buffer}, budget_{budget}, beside_{&beside} {}

    Framing framing() const noexcept { return framing_; }
    std::size_t copied() const noexcept { return copied_; }
    std::size_t written() const noexcept { return copied_ + referred_; }

    /// Bytes that a next frame may have, header and payload, if all of it is copied.
    std::size_t room() const noexcept {
        if (frames_ == unit_frames_max && framing_ == Framing::unit) return 0;
        const auto left = budget_ > written() ? budget_ - written() : 0;
        return std::min(left, buffer_.size() - copied_);
    }

    /// Writes a message frame that fits room(), if need be, in a datagram, as its last frame.
    /// `block` owns `payload`.
    void message(const MessageHead& head, std::span<const std::byte> payload, Block& block) {
        const bool last =
            framing_ == Framing::unit && head_bytes(head, payload.size()) + payload.size() > room();
        begin_message(payload.size());
        copied_ += encode_head(head, last ? no_length : payload.size(), buffer_.data() + copied_);
        if (references_ != nullptr && payload.size() >= reference_bytes_min) {
            references_->push_back({copied_, payload, BlockReference{block}});
            referred_ += payload.size();
            return;
        }
        if (!payload.empty()) std::memcpy(buffer_.data() + copied_, payload.data(), payload.size());
        copied_ += payload.size();
        message_end_ = copied_;
        if (last) seal();
    }

    /// Framing::memory: writes the head of a whole message, which itself goes beside. The head
    /// fits room().
    void message_beside(const MessageHead& head, const Message& message) {
        beside_->push_back(message);
        copied_ += encode_head(head, no_length, buffer_.data() + copied_);
        referred_ += message.size();
    }

    /// The hot path: a whole message whose number is implied, always copied.
    /// @returns the bytes of the frame, or 0, and nothing is written, if it does not fit
    std::size_t small_message(std::uint64_t slot, std::span<const std::byte> payload) noexcept {
        constexpr std::size_t head_max = 1 + 2 * prefix_varint_bytes_max;
        if (head_max + payload.size() > room()) return 0;
        begin_message(payload.size());
        auto* const start = buffer_.data() + copied_;
        auto* at = start;
        *at++ = static_cast<std::byte>(0x90u | (slot < 15 ? slot : 15u));
        if (slot >= 15) at += encode_prefix_varint(slot, at);
        at += encode_prefix_varint(payload.size(), at);
        if (!payload.empty()) std::memcpy(at, payload.data(), payload.size());
        at += payload.size();
        copied_ += static_cast<std::size_t>(at - start);
        message_end_ = copied_;
        return static_cast<std::size_t>(at - start);
    }

    /// A datagram is complete: its end is that of its last message, which need not say its length.
    /// Nothing may follow.
    void finish() noexcept;

    /// Frames that are encoded already: a unit or batch whole or not at all, of a byte stream as
    /// much as fits.
    /// @returns how many bytes were written
    std::size_t encoded(std::span<const std::byte> frames) noexcept {
        if (framing_ != Framing::stream && frames.size() > room()) return 0;
        const auto size = std::min(frames.size(), room());
        if (size != 0) std::memcpy(buffer_.data() + copied_, frames.data(), size);
        copied_ += size;
        return size;
    }

    /// What `head` takes at least before a payload of this size, here: the last message of a
    /// datagram does not say its length.
    std::size_t least_head_bytes(const MessageHead& head,
                                 std::size_t payload_bytes) const noexcept {
        const bool says_length = framing_ != Framing::unit;
        return head_bytes(head, payload_bytes) -
               (says_length ? 0 : prefix_varint_bytes(payload_bytes));
    }

    /// What encoding `head` before a payload of this size takes.
    static std::size_t head_bytes(const MessageHead& head, std::size_t payload_bytes) noexcept {
        std::size_t size = 1 + prefix_varint_bytes(payload_bytes);
        if (head.numbering == Numbering::whole) {
            size += 1 + prefix_varint_bytes(head.slot) + prefix_varint_bytes(head.number);
        } else {
            size += head.slot < 15 ? 0 : prefix_varint_bytes(head.slot);
            size += head.numbering == Numbering::low ? 2 : 0;
        }
        if (head.fragment) {
            size += prefix_varint_bytes(head.offset * 2);
            if (head.has_total) size += prefix_varint_bytes(head.total);
        }
        return size;
    }

    // Control frames: false, and nothing is written, if the frame does not fit.
    bool ping() { return control(FrameType::ping, {}); }
    bool open(std::uint64_t slot, StreamId id, std::uint8_t priority, std::uint8_t promises,
              std::uint64_t bandwidth, std::uint64_t credit, std::uint64_t tag,
              std::uint64_t reorder_wait_ms = 0);
    bool refuse_stream(std::uint64_t slot, std::uint64_t code) {
        return control(FrameType::refuse_stream, {slot, code});
    }
    bool close_stream(std::uint64_t slot, std::uint64_t count) {
        return control(FrameType::close_stream, {slot, count});
    }
    bool reset_stream(std::uint64_t slot, std::uint64_t code, std::uint64_t count,
                      std::uint64_t credit) {
        return control(FrameType::reset_stream, {slot, code, count, credit});
    }
    bool stop(std::uint64_t slot, std::uint64_t code) {
        return control(FrameType::stop, {slot, code});
    }
    bool max_data(std::uint64_t limit) { return control(FrameType::max_data, {limit}); }
    bool max_stream_data(std::uint64_t slot, std::uint64_t limit) {
        return control(FrameType::max_stream_data, {slot, limit});
    }
    bool max_streams(std::uint64_t limit) { return control(FrameType::max_streams, {limit}); }
    bool blocked(std::uint64_t slot_plus_one, std::uint64_t limit) {
        return control(FrameType::blocked, {slot_plus_one, limit});
    }
    bool close(std::uint64_t code, std::string_view text);
    /// Says that all below `count` are here, and as many of the ranges in `above` as fit.
    bool stream_ack(std::uint64_t slot, std::uint64_t count, bool ended, const IntervalSet& above);

private:
    static constexpr auto no_length = static_cast<std::size_t>(-1);

    static std::size_t encode_head(const MessageHead& head, std::size_t payload_bytes,
                                   std::byte* out) noexcept;
    bool control(FrameType type, std::initializer_list<std::uint64_t> values);
    void begin_message(std::size_t payload_bytes) noexcept {
        ++frames_;
        message_begin_ = copied_;
        message_payload_bytes_ = payload_bytes;
    }
    void seal() noexcept {
        budget_ = written();
        message_end_ = 0;
    }

    Framing framing_;
    std::span<std::byte> buffer_;
    std::size_t budget_;
    std::size_t copied_ = 0;
    std::size_t referred_ = 0;
    std::size_t frames_ = 0;
    std::size_t message_begin_ = 0;  // of the last message frame that says its length
    std::size_t message_end_ = 0;
    std::size_t message_payload_bytes_ = 0;
    std::vector<Reference>* references_ = nullptr;
    std::vector<Message>* beside_ = nullptr;
};

inline std::size_t FrameWriter::encode_head(const MessageHead& head, std::size_t payload_bytes,
                                            std::byte* out) noexcept {
    auto* at = out;
    const bool says_length = payload_bytes != no_length;
    if (head.numbering == Numbering::whole) {
        *at++ = static_cast<std::byte>(FrameType::message_long);
        *at++ = static_cast<std::byte>((says_length ? 0x10u : 0u) | (head.fragment ? 0x40u : 0u));
        at += encode_prefix_varint(head.slot, at);
        at += encode_prefix_varint(head.number, at);
    } else {
        const bool low = head.numbering == Numbering::low;
        const auto slot = head.slot < 15 ? static_cast<unsigned>(head.slot) : 15u;
        *at++ = static_cast<std::byte>(0x80u | (says_length ? 0x10u : 0u) |
                                       (head.fragment ? 0x40u : 0u) | (low ? 0x20u : 0u) | slot);
        if (slot == 15) at += encode_prefix_varint(head.slot, at);
        if (low) {
            *at++ = static_cast<std::byte>(head.number);
            *at++ = static_cast<std::byte>(head.number >> 8);
        }
    }
    if (head.fragment) {
        at += encode_prefix_varint(head.offset * 2 + (head.has_total ? 1 : 0), at);
        if (head.has_total) at += encode_prefix_varint(head.total, at);
    }
    if (says_length) at += encode_prefix_varint(payload_bytes, at);
    return static_cast<std::size_t>(at - out);
}

}  // namespace braid::protocol
