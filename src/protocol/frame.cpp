#include "protocol/frame.hpp"

#include <initializer_list>

namespace braid::protocol {

namespace {

constexpr std::uint8_t fragment_bit = 0x40;
constexpr std::uint8_t numbered_bit = 0x20;
constexpr std::uint8_t length_bit = 0x10;
constexpr std::uint8_t slot_bits = 0x0f;

FrameStatus status_of(DecodeStatus status) noexcept {
    switch (status) {
        case DecodeStatus::complete: return FrameStatus::complete;
        case DecodeStatus::incomplete: return FrameStatus::incomplete;
        case DecodeStatus::malformed: break;
    }
    return FrameStatus::malformed;
}

FrameStatus varints(std::span<const std::byte>& in,
                    std::initializer_list<std::uint64_t*> values) noexcept {
    for (auto* value : values) {
        const auto status = decode_prefix_varint(in, *value);
        if (status != DecodeStatus::complete) return status_of(status);
    }
    return FrameStatus::complete;
}

FrameStatus fixed(std::span<const std::byte>& in, std::size_t bytes, std::uint64_t& out) noexcept {
    if (in.size() < bytes) return FrameStatus::incomplete;
    out = 0;
    for (std::size_t i = bytes; i-- > 0;) out = out << 8 | std::to_integer<unsigned>(in[i]);
    in = in.subspan(bytes);
    return FrameStatus::complete;
}

FrameStatus decode_fragment(std::span<const std::byte>& in, Frame& out) noexcept {
    std::uint64_t place = 0;
    auto status = varints(in, {&place});
    if (status != FrameStatus::complete) return status;
    out.offset = place >> 1;
    out.has_total = (place & 1) != 0;
    if (!out.has_total) return FrameStatus::complete;
    status = varints(in, {&out.total});
    if (status == FrameStatus::complete && out.offset > out.total) return FrameStatus::malformed;
    return status;
}

FrameStatus decode_payload(std::span<const std::byte>& in, Framing framing, bool has_length,
                           Frame& out) noexcept {
    std::uint64_t length = in.size();
    if (!has_length && framing == Framing::memory) {
        out.beside = true;
        return out.fragment ? FrameStatus::malformed : FrameStatus::complete;
    }
    if (has_length) {
        const auto status = varints(in, {&length});
        if (status != FrameStatus::complete) return status;
    } else if (framing == Framing::stream) {
        return FrameStatus::malformed;
    }
    if (length > frame_payload_bytes_max) return FrameStatus::malformed;
    if (length > in.size()) return FrameStatus::incomplete;
    if (out.has_total && length > out.total - out.offset) return FrameStatus::malformed;
    out.payload = in.first(length);
    in = in.subspan(length);
    return FrameStatus::complete;
}

FrameStatus decode_message(std::span<const std::byte>& in, Framing framing, std::uint8_t first,
                           Frame& out) noexcept {
    out.type = FrameType::message;
    out.fragment = (first & fragment_bit) != 0;
    out.numbered = (first & numbered_bit) != 0;
    out.slot = first & slot_bits;
    auto status = FrameStatus::complete;
    if (out.slot == slot_bits) {
        status = varints(in, {&out.slot});
        // One name for one slot: the long form is for the slots that the short one cannot say.
        if (status == FrameStatus::complete && out.slot < slot_bits) return FrameStatus::malformed;
    }
    if (status == FrameStatus::complete && out.numbered) status = fixed(in, 2, out.number);
    if (status == FrameStatus::complete && out.fragment) status = decode_fragment(in, out);
    if (status != FrameStatus::complete) return status;
    return decode_payload(in, framing, (first & length_bit) != 0, out);
}

FrameStatus decode_message_long(std::span<const std::byte>& in, Framing framing,
                                Frame& out) noexcept {
    out.type = FrameType::message_long;
    out.numbered = true;
    std::uint64_t bits = 0;
    auto status = fixed(in, 1, bits);
    if (status != FrameStatus::complete) return status;
    if ((bits & ~std::uint64_t{fragment_bit | length_bit}) != 0) return FrameStatus::malformed;
    out.fragment = (bits & fragment_bit) != 0;
    status = varints(in, {&out.slot, &out.number});
    if (status == FrameStatus::complete && out.fragment) status = decode_fragment(in, out);
    if (status != FrameStatus::complete) return status;
    return decode_payload(in, framing, (bits & length_bit) != 0, out);
}

FrameStatus decode_open(std::span<const std::byte>& in, Frame& out) noexcept {
    std::uint64_t id = 0;
    std::uint64_t priority = 0;
    std::uint64_t promises = 0;
    auto status = varints(in, {&out.slot});
    if (status == FrameStatus::complete) status = fixed(in, 8, id);
    if (status == FrameStatus::complete) status = fixed(in, 1, priority);
    if (status == FrameStatus::complete) status = fixed(in, 1, promises);
    if (status == FrameStatus::complete) {
        status = varints(in, {&out.bandwidth, &out.credit, &out.tag, &out.reorder_wait_ms});
    }
    out.id = StreamId{id};
    out.priority = static_cast<std::uint8_t>(priority);
    out.promises = static_cast<std::uint8_t>(promises);
    return status;
}

FrameStatus decode_close(std::span<const std::byte>& in, Frame& out) noexcept {
    std::uint64_t length = 0;
    const auto status = varints(in, {&out.code, &length});
    if (status != FrameStatus::complete) return status;
    if (length > close_text_bytes_max) return FrameStatus::malformed;
    if (length > in.size()) return FrameStatus::incomplete;
    out.text = {reinterpret_cast<const char*>(in.data()), static_cast<std::size_t>(length)};
    in = in.subspan(length);
    return FrameStatus::complete;
}

FrameStatus decode_stream_ack(std::span<const std::byte>& in, Frame& out) noexcept {
    std::uint64_t count = 0;
    auto status = varints(in, {&out.slot, &count, &out.range_count});
    if (status != FrameStatus::complete) return status;
    out.number = count >> 1;
    out.ended = (count & 1) != 0;
    if (out.range_count > stream_ack_ranges_max) return FrameStatus::malformed;
    const auto start = in;
    std::uint64_t end = out.number;
    for (std::uint64_t i = 0; i < out.range_count; ++i) {
        std::uint64_t gap = 0;
        std::uint64_t more = 0;
        status = varints(in, {&gap, &more});
        if (status != FrameStatus::complete) return status;
        // A range that wraps would make every walk over it endless.
        if (gap > ~end || more >= ~(end + gap)) return FrameStatus::malformed;
        end += gap + more + 1;
    }
    out.ranges = start.first(start.size() - in.size());
    return FrameStatus::complete;
}

FrameStatus decode_control(std::span<const std::byte>& in, std::uint8_t first, Framing framing,
                           Frame& out) noexcept {
    out.type = static_cast<FrameType>(first);
    switch (out.type) {
        case FrameType::padding:
        case FrameType::ping: return FrameStatus::complete;
        case FrameType::open: return decode_open(in, out);
        case FrameType::refuse_stream:
        case FrameType::stop: return varints(in, {&out.slot, &out.code});
        case FrameType::close_stream: return varints(in, {&out.slot, &out.number});
        case FrameType::reset_stream:
            return varints(in, {&out.slot, &out.code, &out.number, &out.value});
        case FrameType::max_data:
        case FrameType::max_streams: return varints(in, {&out.value});
        case FrameType::max_stream_data:
        case FrameType::blocked: return varints(in, {&out.slot, &out.value});
        case FrameType::close: return decode_close(in, out);
        case FrameType::stream_ack: return decode_stream_ack(in, out);
        case FrameType::message_long: return decode_message_long(in, framing, out);
        case FrameType::message: break;
    }
    return FrameStatus::unknown_type;
}

}  // namespace

FrameStatus decode(std::span<const std::byte>& in, Framing framing, Frame& out) noexcept {
    if (in.empty()) return FrameStatus::incomplete;
    const auto* const begin = in.data();
    const auto size = in.size();
    const auto first = std::to_integer<std::uint8_t>(*begin);
    in = in.subspan(1);
    out = Frame{};
    auto status = (first & 0x80) != 0 ? decode_message(in, framing, first, out)
                                      : decode_control(in, first, framing, out);
    if (status == FrameStatus::complete) return status;
    in = {begin, size};
    // Nothing follows a datagram or a batch: what is cut off there stays cut off.
    if (status == FrameStatus::incomplete && framing != Framing::stream) {
        status = FrameStatus::malformed;
    }
    return status;
}

void next_range(std::span<const std::byte>& ranges, std::uint64_t& first, std::uint64_t& count) {
    std::uint64_t gap = 0;
    decode_prefix_varint(ranges, gap);
    decode_prefix_varint(ranges, count);
    first += gap;
    ++count;
}

}  // namespace braid::protocol
