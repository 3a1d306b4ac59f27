#pragma once

#include "protocol/frame_writer.hpp"
#include "protocol/interval_set.hpp"
#include "sim/random.hpp"

#include <array>
#include <string>
#include <vector>

// Random frames of every type, as values, so that what was written can be compared with what is
// read back.
namespace sample {

using namespace braid::protocol;

inline constexpr std::array frame_types{
    FrameType::padding,       FrameType::ping,         FrameType::open,
    FrameType::refuse_stream, FrameType::close_stream, FrameType::reset_stream,
    FrameType::stop,          FrameType::max_data,     FrameType::max_stream_data,
    FrameType::max_streams,   FrameType::blocked,      FrameType::close,
    FrameType::stream_ack,    FrameType::message_long, FrameType::message};

/// A frame and all that its views point to.
struct Sample {
    Frame frame;
    std::vector<std::byte> payload;
    std::string text;
    IntervalSet above;
};

inline void recycle_nothing(Block&) {}

inline std::uint64_t any(sim::Random& random) { return random.magnitude(~std::uint64_t{0}); }

inline void fill_message(sim::Random& random, Sample& made) {
    auto& frame = made.frame;
    const bool whole_number = frame.type == FrameType::message_long;
    made.payload = random.bytes(random.magnitude(3'000));
    frame.fragment = random.chance(0.5);
    frame.numbered = whole_number || random.chance(0.5);
    if (frame.numbered) frame.number = whole_number ? any(random) : random.below(0x10000);
    if (!frame.fragment) return;
    frame.offset = random.magnitude(std::uint64_t{1} << 40);
    frame.has_total = random.chance(0.5);
    if (frame.has_total) {
        frame.total = frame.offset + made.payload.size() + random.magnitude(1u << 20);
    }
}

inline Sample make(sim::Random& random, FrameType type) {
    Sample made;
    auto& frame = made.frame;
    frame.type = type;
    frame.slot = any(random);
    frame.code = any(random);
    frame.number = any(random);
    frame.value = any(random);
    switch (type) {
        case FrameType::open:
            frame.id = braid::StreamId{any(random)};
            frame.priority = static_cast<std::uint8_t>(any(random));
            frame.promises = static_cast<std::uint8_t>(any(random));
            frame.bandwidth = any(random);
            frame.credit = any(random);
            frame.tag = any(random);
            frame.reorder_wait_ms = any(random);
            break;
        case FrameType::close:
            for (auto n = random.below(close_text_bytes_max + 1); n > 0; --n) {
                made.text.push_back(static_cast<char>(random.between(32, 126)));
            }
            break;
        case FrameType::stream_ack: {
            frame.number = any(random) >> 2;
            frame.ended = random.chance(0.5);
            auto at = frame.number;
            for (auto n = random.below(stream_ack_ranges_max + 1); n > 0; --n) {
                const auto begin = at + random.between(1, 1'000);
                at = begin + random.between(1, 1'000);
                made.above.insert(begin, at);
            }
            break;
        }
        case FrameType::message:
        case FrameType::message_long: fill_message(random, made); break;
        default: break;
    }
    return made;
}

inline bool write_message(FrameWriter& writer, const Sample& made, Block& block) {
    MessageHead head;
    head.slot = made.frame.slot;
    head.number = made.frame.number;
    head.offset = made.frame.offset;
    head.total = made.frame.total;
    head.fragment = made.frame.fragment;
    head.has_total = made.frame.has_total;
    head.numbering = made.frame.type == FrameType::message_long ? Numbering::whole
                     : made.frame.numbered                      ? Numbering::low
                                                                : Numbering::implied;
    const auto bytes = FrameWriter::head_bytes(head, made.payload.size()) + made.payload.size();
    if (bytes > writer.room()) return false;
    writer.message(head, made.payload, block);
    return true;
}

/// @returns false if there was no room
inline bool write(FrameWriter& writer, const Sample& made, Block& block) {
    const auto& frame = made.frame;
    switch (frame.type) {
        case FrameType::ping: return writer.ping();
        case FrameType::open:
            return writer.open(frame.slot, frame.id, frame.priority, frame.promises,
                               frame.bandwidth, frame.credit, frame.tag, frame.reorder_wait_ms);
        case FrameType::refuse_stream: return writer.refuse_stream(frame.slot, frame.code);
        case FrameType::close_stream: return writer.close_stream(frame.slot, frame.number);
        case FrameType::reset_stream:
            return writer.reset_stream(frame.slot, frame.code, frame.number, frame.value);
        case FrameType::stop: return writer.stop(frame.slot, frame.code);
        case FrameType::max_data: return writer.max_data(frame.value);
        case FrameType::max_stream_data: return writer.max_stream_data(frame.slot, frame.value);
        case FrameType::max_streams: return writer.max_streams(frame.value);
        case FrameType::blocked: return writer.blocked(frame.slot, frame.value);
        case FrameType::close: return writer.close(frame.code, made.text);
        case FrameType::stream_ack:
            return writer.stream_ack(frame.slot, frame.number, frame.ended, made.above);
        case FrameType::message:
        case FrameType::message_long: return write_message(writer, made, block);
        case FrameType::padding: break;  // nobody writes it
    }
    return true;
}

}  // namespace sample
