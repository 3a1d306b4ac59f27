#include "protocol/frame_writer.hpp"

#include "protocol/interval_set.hpp"

namespace braid::protocol {

void FrameWriter::finish() noexcept {
    if (framing_ != Framing::unit) return;
    if (message_end_ != 0 && message_end_ == copied_) {
        auto* const begin = buffer_.data() + message_begin_;
        const bool long_form = static_cast<FrameType>(*begin) == FrameType::message_long;
        begin[long_form ? 1 : 0] &= ~std::byte{0x10};
        auto* const payload = buffer_.data() + copied_ - message_payload_bytes_;
        const auto length_bytes = prefix_varint_bytes(message_payload_bytes_);
        if (message_payload_bytes_ != 0) {
            std::memmove(payload - length_bytes, payload, message_payload_bytes_);
        }
        copied_ -= length_bytes;
    }
    seal();
}

bool FrameWriter::control(FrameType type, std::initializer_list<std::uint64_t> values) {
    std::size_t size = 1;
    for (const auto value : values) size += prefix_varint_bytes(value);
    if (size > room()) return false;
    ++frames_;
    auto* at = buffer_.data() + copied_;
    *at++ = static_cast<std::byte>(type);
    for (const auto value : values) at += encode_prefix_varint(value, at);
    copied_ += size;
    return true;
}

bool FrameWriter::open(std::uint64_t slot, StreamId id, std::uint8_t priority,
                       std::uint8_t promises, std::uint64_t bandwidth, std::uint64_t credit,
                       std::uint64_t tag, std::uint64_t reorder_wait_ms) {
    if (room() < 11 + 5 * prefix_varint_bytes_max) return false;
    ++frames_;
    auto* const start = buffer_.data() + copied_;
    auto* at = start;
    *at++ = static_cast<std::byte>(FrameType::open);
    at += encode_prefix_varint(slot, at);
    for (int shift = 0; shift < 64; shift += 8) {
        *at++ = static_cast<std::byte>(static_cast<std::uint64_t>(id) >> shift);
    }
    *at++ = static_cast<std::byte>(priority);
    *at++ = static_cast<std::byte>(promises);
    for (const auto value : {bandwidth, credit, tag, reorder_wait_ms})
        at += encode_prefix_varint(value, at);
    copied_ += static_cast<std::size_t>(at - start);
    return true;
}

bool FrameWriter::close(std::uint64_t code, std::string_view text) {
    text = text.substr(0, close_text_bytes_max);
    if (room() < 1 + 2 * prefix_varint_bytes_max + text.size()) return false;
    control(FrameType::close, {code, text.size()});
    if (!text.empty()) std::memcpy(buffer_.data() + copied_, text.data(), text.size());
    copied_ += text.size();
    return true;
}

bool FrameWriter::stream_ack(std::uint64_t slot, std::uint64_t count, bool ended,
                             const IntervalSet& above) {
    constexpr std::size_t head = 1 + 3 * prefix_varint_bytes_max;
    constexpr std::size_t range = 2 * prefix_varint_bytes_max;
    if (room() < head) return false;
    const auto ranges = std::min({above.size(), stream_ack_ranges_max, (room() - head) / range});
    control(FrameType::stream_ack, {slot, count * 2 + (ended ? 1 : 0), ranges});
    auto* const start = buffer_.data() + copied_;
    auto* at = start;
    std::uint64_t end = count;
    std::size_t left = ranges;
    for (const auto& interval : above) {
        if (left-- == 0) break;
        at += encode_prefix_varint(interval.begin - end, at);
        at += encode_prefix_varint(interval.end - interval.begin - 1, at);
        end = interval.end;
    }
    copied_ += static_cast<std::size_t>(at - start);
    return true;
}

}  // namespace braid::protocol
