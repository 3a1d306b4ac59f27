#include "protocol/frame.hpp"

#include "catch.hpp"
#include "protocol/frame_sample.hpp"

#include <algorithm>

using namespace braid::protocol;
using sample::Sample;

namespace {

using Bytes = std::vector<std::byte>;

Bytes written(const Sample& made) {
    Bytes buffer(8'192);
    if (made.frame.type == FrameType::padding) return {std::byte{0}};
    FrameWriter writer{buffer};
    Block block;
    block.recycle = sample::recycle_nothing;
    BlockReference keeper{block};
    REQUIRE(sample::write(writer, made, block));
    buffer.resize(writer.copied());
    return buffer;
}

void check_message(const Frame& read, const Sample& made) {
    CHECK(read.slot == made.frame.slot);
    CHECK(read.fragment == made.frame.fragment);
    CHECK(read.numbered == made.frame.numbered);
    if (read.numbered) CHECK(read.number == made.frame.number);
    CHECK(read.offset == made.frame.offset);
    CHECK(read.has_total == made.frame.has_total);
    CHECK(read.total == made.frame.total);
    CHECK(std::ranges::equal(read.payload, made.payload));
}

void check_stream_ack(const Frame& read, const Sample& made) {
    CHECK(read.slot == made.frame.slot);
    CHECK(read.number == made.frame.number);
    CHECK(read.ended == made.frame.ended);
    REQUIRE(read.range_count == made.above.size());
    auto ranges = read.ranges;
    auto end = read.number;
    for (const auto& interval : made.above) {
        std::uint64_t count = 0;
        next_range(ranges, end, count);
        CHECK(end == interval.begin);
        end += count;
        CHECK(end == interval.end);
    }
    CHECK(ranges.empty());
}

void check_same(const Frame& read, const Sample& made) {
    REQUIRE(read.type == made.frame.type);
    const auto& frame = made.frame;
    switch (read.type) {
        case FrameType::padding:
        case FrameType::ping: break;
        case FrameType::open:
            CHECK(read.slot == frame.slot);
            CHECK(read.id == frame.id);
            CHECK(read.priority == frame.priority);
            CHECK(read.promises == frame.promises);
            CHECK(read.bandwidth == frame.bandwidth);
            CHECK(read.credit == frame.credit);
            CHECK(read.tag == frame.tag);
            CHECK(read.reorder_wait_ms == frame.reorder_wait_ms);
            break;
        case FrameType::reset_stream: CHECK(read.value == frame.value); [[fallthrough]];
        case FrameType::close_stream:
            CHECK(read.number == frame.number);
            CHECK(read.slot == frame.slot);
            if (read.type == FrameType::reset_stream) CHECK(read.code == frame.code);
            break;
        case FrameType::refuse_stream:
        case FrameType::stop:
            CHECK(read.slot == frame.slot);
            CHECK(read.code == frame.code);
            break;
        case FrameType::max_stream_data:
        case FrameType::blocked: CHECK(read.slot == frame.slot); [[fallthrough]];
        case FrameType::max_data:
        case FrameType::max_streams: CHECK(read.value == frame.value); break;
        case FrameType::close:
            CHECK(read.code == frame.code);
            CHECK(read.text == made.text);
            break;
        case FrameType::stream_ack: check_stream_ack(read, made); break;
        case FrameType::message:
        case FrameType::message_long: check_message(read, made); break;
    }
}

Bytes bytes_of(std::initializer_list<int> values) {
    Bytes bytes;
    for (const auto value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

FrameStatus status_of(const Bytes& bytes, Framing framing = Framing::stream) {
    std::span<const std::byte> in{bytes};
    Frame frame;
    const auto status = decode(in, framing, frame);
    CHECK((status == FrameStatus::complete || in.size() == bytes.size()));
    return status;
}

void append_number(Bytes& bytes, std::uint64_t value) {
    std::array<std::byte, prefix_varint_bytes_max> out{};
    const auto size = encode_prefix_varint(value, out.data());
    bytes.insert(bytes.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
}

Bytes control(FrameType type, std::initializer_list<std::uint64_t> numbers) {
    Bytes bytes{static_cast<std::byte>(type)};
    for (const auto number : numbers) append_number(bytes, number);
    return bytes;
}

constexpr std::uint64_t huge = std::uint64_t{1} << 62;
constexpr auto largest = ~std::uint64_t{0};

}  // namespace

TEST_CASE("Every frame is read as it was written, and known to be cut at every byte") {
    for (const auto type : sample::frame_types) {
        for (std::uint64_t seed = 0; seed < 40; ++seed) {
            CAPTURE(static_cast<int>(type), seed);
            sim::Random random{seed};
            const auto made = sample::make(random, type);
            auto bytes = written(made);
            const auto size = bytes.size();
            for (std::size_t cut = 0; cut < size; ++cut) {
                const Bytes part{bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut)};
                REQUIRE(status_of(part) == FrameStatus::incomplete);
                if (cut == 0) continue;
                REQUIRE(status_of(part, Framing::unit) == FrameStatus::malformed);
            }
            bytes.push_back(std::byte{0});
            for (const auto framing : {Framing::stream, Framing::unit}) {
                std::span<const std::byte> in{bytes};
                Frame read;
                REQUIRE(decode(in, framing, read) == FrameStatus::complete);
                REQUIRE(in.size() == 1);
                check_same(read, made);
            }
        }
    }
}

TEST_CASE("The last message of a datagram needs no length") {
    auto bytes = bytes_of({0x83, 'h', 'i'});
    std::span<const std::byte> in{bytes};
    Frame frame;
    REQUIRE(decode(in, Framing::unit, frame) == FrameStatus::complete);
    CHECK(in.empty());
    CHECK(frame.slot == 3);
    CHECK(frame.payload.size() == 2);
    CHECK(status_of(bytes, Framing::stream) == FrameStatus::malformed);
    bytes.resize(1);
    CHECK(status_of(bytes, Framing::unit) == FrameStatus::complete);
}

TEST_CASE("A type that does not exist is named so") {
    for (int type = 0; type < 0x80; ++type) {
        const bool known = std::ranges::any_of(sample::frame_types, [&](FrameType one) {
            return one != FrameType::message && static_cast<int>(one) == type;
        });
        CAPTURE(type);
        const auto status = status_of(bytes_of({type}), Framing::unit);
        CHECK((status == FrameStatus::unknown_type) == !known);
    }
}

TEST_CASE("Numbers in a longer form than needed are malformed in every frame") {
    for (const auto type : sample::frame_types) {
        const bool fixed_start = type == FrameType::message || type == FrameType::message_long;
        if (type == FrameType::padding || type == FrameType::ping || fixed_start) continue;
        CAPTURE(static_cast<int>(type));
        CHECK(status_of(bytes_of({static_cast<int>(type), 0x80, 0x05})) == FrameStatus::malformed);
    }
    CHECK(status_of(bytes_of({0x9f, 0x80, 0x20, 0})) == FrameStatus::malformed);
    CHECK(status_of(bytes_of({0x9f, 0x0e, 0})) == FrameStatus::malformed);  // 14 has a short form
    CHECK(status_of(bytes_of({0x9f, 0x0f, 0})) == FrameStatus::complete);
    CHECK(status_of(bytes_of({0x90, 0x80, 0x01, 'x'})) == FrameStatus::malformed);
    CHECK(status_of(bytes_of({0x1f, 0x20, 0, 0, 0})) == FrameStatus::malformed);  // unknown bit
}

TEST_CASE("What a frame claims is believed up to its bound only") {
    auto message = bytes_of({0x91});
    append_number(message, frame_payload_bytes_max);
    CHECK(status_of(message) == FrameStatus::incomplete);
    message.resize(1);
    append_number(message, frame_payload_bytes_max + 1);
    CHECK(status_of(message) == FrameStatus::malformed);
    for (const auto claim : {huge, largest}) {
        message.resize(1);
        append_number(message, claim);
        CHECK(status_of(message) == FrameStatus::malformed);
        CHECK(status_of(control(FrameType::close, {1, claim})) == FrameStatus::malformed);
        CHECK(status_of(control(FrameType::stream_ack, {1, 2, claim})) == FrameStatus::malformed);
    }
    CHECK(status_of(control(FrameType::close, {1, close_text_bytes_max})) ==
          FrameStatus::incomplete);
    CHECK(status_of(control(FrameType::close, {1, close_text_bytes_max + 1})) ==
          FrameStatus::malformed);
    CHECK(status_of(control(FrameType::stream_ack, {1, 2, stream_ack_ranges_max + 1})) ==
          FrameStatus::malformed);
}

TEST_CASE("A fragment lies within its message") {
    const auto fragment = [](std::uint64_t offset, std::uint64_t total, std::size_t bytes) {
        auto frame = bytes_of({0xd0});
        append_number(frame, offset * 2 + 1);
        append_number(frame, total);
        append_number(frame, bytes);
        frame.resize(frame.size() + bytes);
        return status_of(frame);
    };
    CHECK(fragment(0, 10, 10) == FrameStatus::complete);
    CHECK(fragment(10, 10, 0) == FrameStatus::complete);
    CHECK(fragment(1, 10, 10) == FrameStatus::malformed);
    CHECK(fragment(11, 10, 0) == FrameStatus::malformed);
    CHECK(fragment(largest >> 1, largest, 10) == FrameStatus::complete);
    CHECK(fragment(largest >> 1, largest >> 1, 1) == FrameStatus::malformed);
    CHECK(fragment(huge, huge + 5, 6) == FrameStatus::malformed);
}

TEST_CASE("Ranges of a stream_ack that wrap around are malformed") {
    const auto ack = [](std::uint64_t below, std::uint64_t gap, std::uint64_t more) {
        return status_of(control(FrameType::stream_ack, {0, below * 2, 1, gap, more}));
    };
    CHECK(ack(0, 0, 0) == FrameStatus::complete);
    CHECK(ack(0, huge, huge) == FrameStatus::complete);
    CHECK(ack(0, largest, 0) == FrameStatus::malformed);
    CHECK(ack(0, 0, largest) == FrameStatus::malformed);
    CHECK(ack(1, largest, 0) == FrameStatus::malformed);
    CHECK(ack(1, 0, largest - 1) == FrameStatus::malformed);
    CHECK(ack(huge, huge, 3 * huge - 1) == FrameStatus::malformed);
    CHECK(status_of(control(FrameType::stream_ack, {0, 0, 2, largest - 9, 5, 5, 0})) ==
          FrameStatus::malformed);
}

TEST_CASE("Bytes at random are read or refused, never more") {
    sim::Random random{42};
    for (int i = 0; i < 20'000; ++i) {
        const auto bytes = random.bytes(random.between(1, 40));
        for (const auto framing : {Framing::stream, Framing::unit}) {
            std::span<const std::byte> in{bytes};
            Frame frame;
            while (!in.empty() && decode(in, framing, frame) == FrameStatus::complete) {
                if (frame.type != FrameType::stream_ack) continue;
                auto end = frame.number;
                for (std::uint64_t n = 0; n < frame.range_count; ++n) {
                    std::uint64_t count = 0;
                    const auto before = end;
                    next_range(frame.ranges, end, count);
                    REQUIRE(end >= before);
                    end += count;
                }
            }
        }
    }
}

TEST_CASE("Small messages are read as any frame is, and nothing else is taken for one") {
    sim::Random random{7};
    int small = 0;
    for (int i = 0; i < 50'000; ++i) {
        auto bytes = random.bytes(random.between(1, 140));
        // Mostly what looks like one.
        if (random.chance(0.8)) bytes[0] = std::byte{0x90} | (bytes[0] & std::byte{0x0f});
        std::span<const std::byte> rest{bytes};
        SmallMessage message;
        const auto size = decode_small(rest, message);
        Frame frame;
        const auto status = decode(rest, Framing::stream, frame);
        const bool is_small = status == FrameStatus::complete && frame.type == FrameType::message &&
                              !frame.fragment && !frame.numbered && frame.payload.size() < 0x80;
        REQUIRE((size != 0) == is_small);
        if (!is_small) continue;
        ++small;
        REQUIRE(size == bytes.size() - rest.size());
        REQUIRE(message.slot == frame.slot);
        REQUIRE(message.payload.data() == frame.payload.data());
        REQUIRE(message.payload.size() == frame.payload.size());
    }
    CHECK(small > 5'000);
}
