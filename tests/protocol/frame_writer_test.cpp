#include "protocol/frame_writer.hpp"

#include "catch.hpp"
#include "protocol/frame_sample.hpp"

#include <algorithm>

using namespace braid::protocol;

namespace {

constexpr std::byte untouched{0x5a};

struct Counted {
    Counted() { block.recycle = sample::recycle_nothing; }
    Block block;
    BlockReference keeper{block};
};

}  // namespace

TEST_CASE("A frame that does not fit leaves the buffer as it was") {
    Counted counted;
    for (const auto type : sample::frame_types) {
        if (type == FrameType::padding) continue;
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            CAPTURE(static_cast<int>(type), seed);
            sim::Random random{seed};
            const auto made = sample::make(random, type);
            for (std::size_t size = 0; size < 600; size = size < 80 ? size + 1 : size * 2) {
                std::vector<std::byte> buffer(size + 16, untouched);
                FrameWriter writer{std::span{buffer}.first(size)};
                const bool fits = sample::write(writer, made, counted.block);
                REQUIRE(fits == (writer.written() > 0));
                REQUIRE(writer.written() <= size);
                REQUIRE(writer.room() == size - writer.written());
                for (auto i = writer.written(); fits && i < buffer.size(); ++i) {
                    REQUIRE(buffer[i] == untouched);
                }
            }
        }
    }
}

TEST_CASE("The size of a head is told before it is written") {
    Counted counted;
    sim::Random random{9};
    for (int i = 0; i < 5'000; ++i) {
        const auto type = random.chance(0.5) ? FrameType::message : FrameType::message_long;
        const auto made = sample::make(random, type);
        std::vector<std::byte> buffer(4'096);
        FrameWriter writer{buffer};
        MessageHead head;
        head.slot = made.frame.slot;
        head.number = made.frame.number;
        head.offset = made.frame.offset;
        head.total = made.frame.total;
        head.fragment = made.frame.fragment;
        head.has_total = made.frame.has_total;
        head.numbering = type == FrameType::message_long ? Numbering::whole : Numbering::low;
        writer.message(head, made.payload, counted.block);
        const auto bytes = FrameWriter::head_bytes(head, made.payload.size());
        REQUIRE(writer.written() == bytes + made.payload.size());
        REQUIRE(bytes <= frame_header_bytes_max);
    }
}

TEST_CASE("A message of 64 bytes costs two bytes on a byte stream") {
    CHECK(FrameWriter::head_bytes(MessageHead{.slot = 3, .number = 500'000}, 64) == 2);
}

TEST_CASE("Large payloads towards a byte stream are referred to, and keep their block") {
    Counted counted;
    counted.block.references += 0;
    std::vector<FrameWriter::Reference> references;
    std::vector<std::byte> buffer(1'000, untouched);
    const std::vector<std::byte> large(FrameWriter::reference_bytes_min, std::byte{1});
    const std::vector<std::byte> small(100, std::byte{2});
    FrameWriter writer{buffer, 20'000, references};
    CHECK(writer.room() == 1'000);
    writer.message({.slot = 1}, small, counted.block);
    const auto before = writer.copied();
    writer.message({.slot = 1}, large, counted.block);
    CHECK(writer.copied() < before + 20);
    CHECK(writer.written() == writer.copied() + large.size());
    REQUIRE(references.size() == 1);
    CHECK(references[0].position == writer.copied());
    CHECK(references[0].bytes.data() == large.data());
    CHECK(counted.block.references == 2);
    writer.message({.slot = 1}, small, counted.block);
    CHECK(counted.block.references == 2);
    references.clear();
    CHECK(counted.block.references == 1);
}

TEST_CASE("A budget smaller than the buffer holds, and what exceeds it leaves no room") {
    std::vector<FrameWriter::Reference> references;
    std::vector<std::byte> buffer(1'000);
    FrameWriter writer{buffer, 10, references};
    CHECK(writer.room() == 10);
    CHECK(writer.max_data(~std::uint64_t{0}));
    CHECK(writer.room() == 0);
    CHECK_FALSE(writer.ping());
}

TEST_CASE("A stream_ack names as many ranges as there is room for") {
    IntervalSet above;
    for (std::uint64_t i = 0; i < 200; ++i) above.insert(10 + 4 * i, 12 + 4 * i);
    std::uint64_t most = 0;
    for (std::size_t size = 20; size < 2'000; size += 7) {
        std::vector<std::byte> buffer(size);
        FrameWriter writer{buffer};
        if (!writer.stream_ack(3, 5, true, above)) continue;
        std::span<const std::byte> in{buffer.data(), writer.written()};
        Frame frame;
        REQUIRE(decode(in, Framing::unit, frame) == FrameStatus::complete);
        REQUIRE(in.empty());
        CHECK(frame.range_count >= most);
        CHECK(frame.range_count <= stream_ack_ranges_max);
        most = frame.range_count;
    }
    CHECK(most == stream_ack_ranges_max);
}

TEST_CASE("The text of a close is cut to its bound") {
    std::vector<std::byte> buffer(1'000);
    FrameWriter writer{buffer};
    REQUIRE(writer.close(7, std::string(5'000, 'x')));
    std::span<const std::byte> in{buffer.data(), writer.written()};
    Frame frame;
    REQUIRE(decode(in, Framing::unit, frame) == FrameStatus::complete);
    CHECK(frame.text == std::string(close_text_bytes_max, 'x'));
    CHECK(in.empty());
}

TEST_CASE("The last message of a datagram does not say its length") {
    Counted counted;
    sim::Random random{4};
    for (int i = 0; i < 2'000; ++i) {
        CAPTURE(i);
        std::vector<std::byte> buffer(14'000, untouched);
        FrameWriter writer{buffer};
        const auto count = random.between(1, 4);
        std::vector<sample::Sample> made;
        std::size_t with_lengths = 0;
        for (std::uint64_t n = 0; n < count; ++n) {
            made.push_back(sample::make(
                random, random.chance(0.5) ? FrameType::message : FrameType::message_long));
            REQUIRE(sample::write(writer, made.back(), counted.block));
            with_lengths = writer.written();
        }
        const auto length_bytes = prefix_varint_bytes(made.back().payload.size());
        writer.finish();
        CHECK(writer.written() == with_lengths - length_bytes);
        CHECK(writer.room() == 0);
        std::span<const std::byte> in{std::span{buffer}.first(writer.written())};
        for (const auto& each : made) {
            Frame frame;
            REQUIRE(decode(in, Framing::unit, frame) == FrameStatus::complete);
            CHECK(std::ranges::equal(frame.payload, each.payload));
            CHECK(frame.numbered == each.frame.numbered);
            CHECK(frame.offset == each.frame.offset);
        }
        CHECK(in.empty());
    }
}

TEST_CASE("A datagram that ends with a control frame keeps all lengths") {
    Counted counted;
    std::vector<std::byte> buffer(100);
    FrameWriter writer{buffer};
    const std::vector<std::byte> payload(10, std::byte{1});
    writer.message({.slot = 1}, payload, counted.block);
    writer.ping();
    writer.finish();
    CHECK(writer.written() == 13);
    CHECK(writer.room() == 0);
}

TEST_CASE("A message that fits a datagram only without its length has none") {
    Counted counted;
    const std::vector<std::byte> payload(64, std::byte{1});
    const MessageHead head{.slot = 1};
    std::vector<std::byte> buffer(65);
    FrameWriter writer{buffer};
    CHECK(writer.small_message(1, payload) == 0);
    REQUIRE(writer.least_head_bytes(head, payload.size()) == 1);
    writer.message(head, payload, counted.block);
    CHECK(writer.written() == 65);
    CHECK(writer.room() == 0);
    writer.finish();
    CHECK(writer.written() == 65);
    std::span<const std::byte> in{buffer};
    Frame frame;
    REQUIRE(decode(in, Framing::unit, frame) == FrameStatus::complete);
    CHECK(frame.payload.size() == 64);
    CHECK(in.empty());
}

TEST_CASE("A datagram has only as many frames as its reader takes") {
    std::vector<std::byte> buffer(9'000);
    FrameWriter writer{buffer};
    const std::vector<std::byte> payload(1, std::byte{1});
    std::size_t frames = 0;
    while (frames % 2 == 0 ? writer.small_message(1, payload) != 0 : writer.ping()) ++frames;
    CHECK(frames == unit_frames_max);
    CHECK(writer.room() == 0);
    CHECK(writer.written() < buffer.size() / 2);
}
