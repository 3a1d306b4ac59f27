// Frames from any bytes: what decodes is written again, and must read the same.

#include "protocol/frame_writer.hpp"
#include "protocol/interval_set.hpp"

#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

using namespace braid::protocol;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

IntervalSet ranges_of(const Frame& frame) {
    IntervalSet above;
    auto ranges = frame.ranges;
    auto end = frame.number;
    for (std::uint64_t i = 0; i < frame.range_count; ++i) {
        std::uint64_t count = 0;
        next_range(ranges, end, count);
        above.insert(end, end + count);
        end += count;
    }
    require(ranges.empty());
    return above;
}

void write_message(FrameWriter& out, const Frame& frame, Block& block) {
    MessageHead head;
    head.slot = frame.slot;
    head.number = frame.number;
    head.offset = frame.offset;
    head.total = frame.total;
    head.fragment = frame.fragment;
    head.has_total = frame.has_total;
    head.numbering = frame.type == FrameType::message_long ? Numbering::whole
                     : frame.numbered                      ? Numbering::low
                                                           : Numbering::implied;
    out.message(head, frame.payload, block);
}

void write(FrameWriter& out, const Frame& frame, Block& block) {
    switch (frame.type) {
        case FrameType::padding: return;
        case FrameType::ping: require(out.ping()); return;
        case FrameType::open:
            require(out.open(frame.slot, frame.id, frame.priority, frame.promises, frame.bandwidth,
                             frame.credit, frame.tag, frame.reorder_wait_ms));
            return;
        case FrameType::refuse_stream: require(out.refuse_stream(frame.slot, frame.code)); return;
        case FrameType::close_stream: require(out.close_stream(frame.slot, frame.number)); return;
        case FrameType::reset_stream:
            require(out.reset_stream(frame.slot, frame.code, frame.number, frame.value));
            return;
        case FrameType::stop: require(out.stop(frame.slot, frame.code)); return;
        case FrameType::max_data: require(out.max_data(frame.value)); return;
        case FrameType::max_stream_data:
            require(out.max_stream_data(frame.slot, frame.value));
            return;
        case FrameType::max_streams: require(out.max_streams(frame.value)); return;
        case FrameType::blocked: require(out.blocked(frame.slot, frame.value)); return;
        case FrameType::close: require(out.close(frame.code, frame.text)); return;
        case FrameType::stream_ack:
            require(out.stream_ack(frame.slot, frame.number, frame.ended, ranges_of(frame)));
            return;
        case FrameType::message:
        case FrameType::message_long: write_message(out, frame, block); return;
    }
}

bool same(const Frame& left, const Frame& right) {
    return left.type == right.type && left.slot == right.slot && left.fragment == right.fragment &&
           left.numbered == right.numbered && left.has_total == right.has_total &&
           left.number == right.number && left.offset == right.offset &&
           left.total == right.total &&
           std::equal(left.payload.begin(), left.payload.end(), right.payload.begin(),
                      right.payload.end()) &&
           left.code == right.code && left.value == right.value && left.text == right.text &&
           left.id == right.id && left.priority == right.priority &&
           left.promises == right.promises && left.bandwidth == right.bandwidth &&
           left.credit == right.credit && left.tag == right.tag &&
           left.reorder_wait_ms == right.reorder_wait_ms && left.ended == right.ended;
}

/// The frame alone, as a datagram whose last frame need not say its length, and as it is.
void check_again(const Frame& frame, Block& block) {
    static std::vector<std::byte> buffer(70'000);
    for (const bool finished : {false, true}) {
        FrameWriter out{buffer};
        write(out, frame, block);
        const auto before = out.copied();
        if (finished) out.finish();
        require(out.copied() <= before);
        std::span<const std::byte> again{buffer.data(), out.copied()};
        Frame read;
        require(decode(again, Framing::unit, read) == FrameStatus::complete);
        require(again.empty());
        require(same(frame, read));
        if (frame.type != FrameType::stream_ack) continue;
        const auto left = ranges_of(frame);
        const auto right = ranges_of(read);
        require(std::equal(left.begin(), left.end(), right.begin(), right.end()));
    }
}

/// Many frames as one datagram, which says the length of all but the last.
void check_together(const std::vector<Frame>& frames, Block& block) {
    static std::vector<std::byte> buffer(1u << 20);
    FrameWriter out{buffer};
    for (const auto& frame : frames) write(out, frame, block);
    out.finish();
    std::span<const std::byte> again{buffer.data(), out.copied()};
    for (const auto& frame : frames) {
        Frame read;
        require(decode(again, Framing::unit, read) == FrameStatus::complete);
        require(same(frame, read));
    }
    require(again.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    for (const auto framing : {Framing::stream, Framing::unit}) {
        Block block;
        block.recycle = [](Block&) {};
        const BlockReference keeper{block};
        std::vector<Frame> frames;
        std::span in{reinterpret_cast<const std::byte*>(data), size};
        Frame frame;
        while (!in.empty()) {
            const auto before = in.size();
            if (decode(in, framing, frame) != FrameStatus::complete) {
                require(in.size() == before);
                break;
            }
            require(in.size() < before);
            if (frame.type == FrameType::padding) continue;
            check_again(frame, block);
            if (frames.size() < unit_frames_max) frames.push_back(frame);
        }
        check_together(frames, block);
    }
    return 0;
}
