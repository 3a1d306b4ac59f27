#include "catch.hpp"
#include "protocol/frame.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/interval_set.hpp"

#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace braid::protocol;

namespace {

struct Example {
    std::vector<std::byte> bytes;
    std::string text;
};

std::vector<std::byte> from_hex(const std::string& line) {
    std::vector<std::byte> bytes;
    std::istringstream words{line};
    for (std::string word; words >> word;) {
        unsigned value = 0;
        const auto result = std::from_chars(word.data(), word.data() + word.size(), value, 16);
        REQUIRE(result.ec == std::errc{});
        bytes.push_back(static_cast<std::byte>(value));
    }
    return bytes;
}

std::string to_hex(std::span<const std::byte> bytes) {
    if (bytes.empty()) return "-";
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const auto byte : bytes) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

std::vector<Example> examples_of_page() {
    std::ifstream page{std::string{BRAID_SOURCE_DIR} + "/docs/wire.md"};
    REQUIRE(page);
    std::vector<Example> examples;
    for (std::string line; std::getline(page, line);) {
        if (line != "```frame") continue;
        std::string hex;
        std::string text;
        std::getline(page, hex);
        std::getline(page, text);
        examples.push_back({from_hex(hex), text});
    }
    return examples;
}

std::string message_text(const Frame& frame, const char* name) {
    std::ostringstream out;
    out << name << " slot " << frame.slot;
    if (frame.numbered) out << " number " << frame.number;
    if (frame.fragment) out << " offset " << frame.offset;
    if (frame.has_total) out << " total " << frame.total;
    out << " payload " << to_hex(frame.payload);
    return out.str();
}

std::string to_text(const Frame& frame) {
    std::ostringstream out;
    switch (frame.type) {
        case FrameType::message: return message_text(frame, "message");
        case FrameType::message_long: return message_text(frame, "message_long");
        case FrameType::open:
            out << "open slot " << frame.slot << " id " << static_cast<std::uint64_t>(frame.id)
                << " priority " << unsigned{frame.priority} << " promises "
                << unsigned{frame.promises} << " bandwidth " << frame.bandwidth << " credit "
                << frame.credit << " tag " << frame.tag << " wait " << frame.reorder_wait_ms;
            break;
        case FrameType::refuse_stream:
            out << "refuse_stream slot " << frame.slot << " code " << frame.code;
            break;
        case FrameType::close_stream:
            out << "close_stream slot " << frame.slot << " count " << frame.number;
            break;
        case FrameType::reset_stream:
            out << "reset_stream slot " << frame.slot << " code " << frame.code << " count "
                << frame.number << " credit " << frame.value;
            break;
        case FrameType::blocked:
            out << "blocked slot " << frame.slot << " limit " << frame.value;
            break;
        case FrameType::close: out << "close code " << frame.code << " text " << frame.text; break;
        case FrameType::stream_ack: {
            out << "stream_ack slot " << frame.slot << " below " << frame.number << " ranges";
            auto ranges = frame.ranges;
            auto first = frame.number;
            for (std::uint64_t i = 0; i < frame.range_count; ++i) {
                std::uint64_t count = 0;
                next_range(ranges, first, count);
                out << ' ' << first << '-' << first + count - 1;
                first += count;
            }
            break;
        }
        default: FAIL("no example of this frame is known"); break;
    }
    return out.str();
}

void write_message(FrameWriter& writer, const Frame& frame) {
    MessageHead head;
    head.slot = frame.slot;
    head.number = frame.number;
    head.numbering = !frame.numbered                         ? Numbering::implied
                     : frame.type == FrameType::message_long ? Numbering::whole
                                                             : Numbering::low;
    head.fragment = frame.fragment;
    head.offset = frame.offset;
    head.has_total = frame.has_total;
    head.total = frame.total;
    Block block;
    block.references = 1;
    writer.message(head, frame.payload, block);
}

std::vector<std::byte> encode_again(const Frame& frame) {
    std::vector<std::byte> buffer(512);
    FrameWriter writer{buffer};
    switch (frame.type) {
        case FrameType::message:
        case FrameType::message_long: write_message(writer, frame); break;
        case FrameType::open:
            writer.open(frame.slot, frame.id, frame.priority, frame.promises, frame.bandwidth,
                        frame.credit, frame.tag, frame.reorder_wait_ms);
            break;
        case FrameType::refuse_stream: writer.refuse_stream(frame.slot, frame.code); break;
        case FrameType::close_stream: writer.close_stream(frame.slot, frame.number); break;
        case FrameType::reset_stream:
            writer.reset_stream(frame.slot, frame.code, frame.number, frame.value);
            break;
        case FrameType::blocked: writer.blocked(frame.slot, frame.value); break;
        case FrameType::close: writer.close(frame.code, frame.text); break;
        case FrameType::stream_ack: {
            IntervalSet above;
            auto ranges = frame.ranges;
            auto first = frame.number;
            for (std::uint64_t i = 0; i < frame.range_count; ++i) {
                std::uint64_t count = 0;
                next_range(ranges, first, count);
                above.insert(first, first + count);
                first += count;
            }
            writer.stream_ack(frame.slot, frame.number, frame.ended, above);
            break;
        }
        default: break;
    }
    buffer.resize(writer.written());
    return buffer;
}

}  // namespace

TEST_CASE("the examples of docs/wire.md are what the code reads and writes") {
    const auto examples = examples_of_page();
    REQUIRE(examples.size() >= 11);
    for (const auto& example : examples) {
        INFO(example.text);
        std::span<const std::byte> in{example.bytes};
        Frame frame;
        REQUIRE(decode(in, Framing::stream, frame) == FrameStatus::complete);
        CHECK(in.empty());
        CHECK(to_text(frame) == example.text);
        CHECK(to_hex(encode_again(frame)) == to_hex(example.bytes));
    }
}

TEST_CASE("the numbers of docs/wire.md are encoded as it says") {
    const std::pair<std::uint64_t, const char*> rows[] = {
        {0, "00"},       {127, "7f"},       {128, "8080"},
        {16383, "bfff"}, {16384, "c04000"}, {~std::uint64_t{0}, "ffffffffffffffffff"},
    };
    for (const auto& [value, hex] : rows) {
        std::array<std::byte, prefix_varint_bytes_max> bytes;
        const auto size = encode_prefix_varint(value, bytes.data());
        CHECK(to_hex(std::span{bytes}.first(size)) == hex);
    }
}
