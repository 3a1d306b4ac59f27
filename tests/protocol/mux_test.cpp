// What a hostile peer can send: each breach ends the channel with its named error, at no cost.

#include "protocol/mux.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <array>
#include <functional>
#include <vector>

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::errc;
using braid::Promises;
using braid::StreamId;

namespace {

constexpr Time now{1'000s};
constexpr auto reliable =
    static_cast<std::uint8_t>(Promises::guaranteed_delivery | Promises::ordered);

MuxOptions options() {
    MuxOptions made;
    made.even_ids = true;
    made.limits.peer_streams = 4;
    made.limits.message_bytes = 1u << 20;
    made.limits.stream_receive_window_bytes = 10'000;
    made.limits.participant_receive_window_bytes = 40'000;
    made.peer = {.stream_credit = 10'000,
                 .participant_credit = 40'000,
                 .streams = 4,
                 .message_bytes_max = 1u << 20,
                 .idle = 15s};
    return made;
}

/// A mux that dialled, and a peer that writes whatever it likes.
struct Victim {
    explicit Victim(bool lossless = true)
        : port{mux.attach({lossless, lossless, false}, true, now)}, is_lossless{lossless} {
        block.recycle = [](Block&) {};
    }

    std::error_code hear(const std::function<void(FrameWriter&)>& say) {
        std::vector<std::byte> buffer(70'000);
        FrameWriter writer{buffer};
        say(writer);
        return hear(std::span{buffer}.first(writer.copied()));
    }
    std::error_code hear(std::span<const std::byte> bytes) {
        return port.receive(bytes, is_lossless ? Framing::stream : Framing::unit, now).error;
    }

    std::error_code open(std::uint64_t slot, std::uint64_t id, std::uint8_t priority = 3,
                         std::uint8_t promises = reliable) {
        return hear([&](FrameWriter& out) {
            out.open(slot, StreamId{id}, priority, promises, 0, 10'000, 0);
        });
    }

    std::error_code message(const MessageHead& head, std::size_t size) {
        return hear(
            [&](FrameWriter& out) { out.message(head, std::span{payload}.first(size), block); });
    }

    std::vector<std::byte> payload = std::vector<std::byte>(65'536);
    Block block;
    BlockReference keeper{block};
    Mux mux{options()};
    MuxPort& port;
    bool is_lossless;
};

MessageHead numbered(std::uint64_t slot, std::uint64_t number) {
    return {.slot = slot, .number = number, .numbering = Numbering::low};
}

MessageHead fragment(std::uint64_t slot, std::uint64_t number, std::uint64_t offset,
                     std::uint64_t total) {
    return {.slot = slot,
            .number = number,
            .offset = offset,
            .total = total,
            .numbering = Numbering::low,
            .fragment = true,
            .has_total = true};
}

}  // namespace

TEST_CASE("An OPEN that may not be ends the channel") {
    CHECK_FALSE(Victim{}.open(1, 1));
    CHECK(Victim{}.open(0, 1) == errc::protocol_violation);  // our parity of slot
    CHECK(Victim{}.open(1, 0) == errc::protocol_violation);  // our parity of id
    CHECK(Victim{}.open(1, 1, 255) == errc::protocol_violation);
    CHECK(Victim{}.open(1, 1, 8) == errc::protocol_violation);
    CHECK(Victim{}.open(1, 1, 3, 0xff) == errc::protocol_violation);
    CHECK(Victim{}.open(1, 1, 3, 0x20) == errc::protocol_violation);
    CHECK(Victim{}.open(100'001, 1) == errc::protocol_violation);
    CHECK(Victim{}.open((std::uint64_t{1} << 62) + 1, 1) == errc::protocol_violation);
    CHECK(Victim{}.open(1, ~std::uint64_t{0}) == errc::protocol_violation);
    Victim twice;
    CHECK_FALSE(twice.open(1, 1));
    CHECK(twice.open(1, 1) == errc::protocol_violation);
    Victim other;
    CHECK_FALSE(other.open(1, 1));
    CHECK(other.open(1, 3) == errc::protocol_violation);
    Victim many;
    for (std::uint64_t i = 0; i < 4; ++i) CHECK_FALSE(many.open(2 * i + 1, 2 * i + 1));
    CHECK(many.open(9, 9) == errc::stream_limit_violation);
    CHECK(many.mux.stream_count() == 4);
}

TEST_CASE("Data for a slot that nobody opened ends a lossless channel, and waits on another") {
    CHECK(Victim{}.message(numbered(1, 0), 10) == errc::protocol_violation);
    CHECK(Victim{}.message(numbered(0, 0), 10) == errc::protocol_violation);
    Victim lossy{false};
    CHECK_FALSE(lossy.message(numbered(1, 0), 10));
    CHECK(lossy.message(numbered(std::uint64_t{1} << 40, 0), 10) == errc::protocol_violation);
    std::uint64_t stored = 0;
    for (std::uint64_t i = 1; i < 1'000; ++i) {
        std::vector<std::byte> buffer(2'000);
        FrameWriter writer{buffer};
        writer.message(numbered(1, i), std::span{lossy.payload}.first(1'000), lossy.block);
        const auto receipt =
            lossy.port.receive(std::span{buffer}.first(writer.copied()), Framing::unit, now);
        CHECK_FALSE(receipt.error);
        stored += receipt.stored ? 1 : 0;
    }
    CHECK(stored <= 65);
}

TEST_CASE("Frames about a stream that is not there") {
    using Say = std::function<void(FrameWriter&)>;
    const std::vector<Say> words{
        [](FrameWriter& out) { out.close_stream(1, 0); },
        [](FrameWriter& out) { out.reset_stream(1, 0, 0, 0); },
        [](FrameWriter& out) { out.stop(1, 0); },
        [](FrameWriter& out) { out.refuse_stream(1, 0); },
        [](FrameWriter& out) { out.max_stream_data(1, 5); },
        [](FrameWriter& out) { out.blocked(2, 5); },
        [](FrameWriter& out) { out.stream_ack(1, 0, false, {}); },
    };
    for (const auto& say : words) {
        CHECK(Victim{}.hear(say) == errc::protocol_violation);
        // On a lossy channel its OPEN may still come: the unit is to come again.
        std::vector<std::byte> buffer(100);
        FrameWriter writer{buffer};
        say(writer);
        Victim lossy{false};
        const auto receipt =
            lossy.port.receive(std::span{buffer}.first(writer.copied()), Framing::unit, now);
        CHECK_FALSE(receipt.error);
        CHECK_FALSE(receipt.stored);
        CHECK(lossy.mux.counters().frames_received == 0);
    }
}

TEST_CASE("Data that breaks its bounds ends the channel") {
    const auto opened = [](const std::function<std::error_code(Victim&)>& act) {
        Victim victim;
        REQUIRE_FALSE(victim.open(1, 1));
        return act(victim);
    };
    CHECK(opened([](Victim& v) { return v.message(numbered(1, 0), 10'000); }) ==
          errc::flow_control_violation);
    CHECK(opened([](Victim& v) { return v.message(fragment(1, 0, 0, 1'000), 1); }) ==
          errc::protocol_violation);
    CHECK(opened([](Victim& v) {
              return v.message(fragment(1, 0, 0, std::uint64_t{1} << 62), 200);
          }) == errc::message_too_large);
    CHECK(opened([](Victim& v) {
              REQUIRE_FALSE(v.message(fragment(1, 0, 0, 1'000), 200));
              return v.message(fragment(1, 0, 200, 900), 200);
          }) == errc::protocol_violation);
    CHECK(opened([](Victim& v) { return v.message(numbered(1, 5'000), 10); }) ==
          errc::protocol_violation);
    CHECK(opened([](Victim& v) { return v.message({.slot = 1}, 10); }) == errc::protocol_violation);
    CHECK(opened([](Victim& v) {
              REQUIRE_FALSE(v.hear([](FrameWriter& out) { out.close_stream(1, 2); }));
              return v.message(numbered(1, 2), 10);
          }) == errc::protocol_violation);
    CHECK(opened([](Victim& v) {
              return v.hear([](FrameWriter& out) { out.close_stream(1, 1'000'000); });
          }) == errc::protocol_violation);
}

TEST_CASE("Confirmation of what was never sent ends the channel") {
    const auto ack = [](std::uint64_t below, bool ended, const IntervalSet& above) {
        Victim victim;
        auto* const stream = victim.mux.open({}, now);
        REQUIRE(stream != nullptr);
        Block block;
        std::byte byte{};
        block.data = &byte;
        block.recycle = [](Block&) {};
        BlockReference keeper{block};
        victim.mux.enqueue(*stream, block, {0, 1}, now);
        std::vector<std::byte> buffer(1'000);
        FrameWriter writer{buffer};
        victim.port.fill(writer, now);
        const auto error =
            victim.hear([&](FrameWriter& out) { out.stream_ack(0, below, ended, above); });
        victim.mux.reset(*stream, 0, now);
        return error;
    };
    CHECK_FALSE(ack(1, false, {}));
    CHECK(ack(2, false, {}) == errc::protocol_violation);
    CHECK(ack(std::uint64_t{1} << 62, false, {}) == errc::protocol_violation);
    CHECK(ack(1, true, {}) == errc::protocol_violation);  // we have not finished
    IntervalSet above;
    above.insert(5, 6);
    CHECK(ack(0, false, above) == errc::protocol_violation);
    above.insert(5, std::uint64_t{1} << 61);
    CHECK(ack(0, false, above) == errc::protocol_violation);
}

TEST_CASE("Nothing comes after CLOSE") {
    Victim victim;
    REQUIRE_FALSE(victim.hear([](FrameWriter& out) { out.close(7, "bye"); }));
    REQUIRE(victim.mux.peer_close().has_value());
    CHECK(victim.mux.peer_close()->code() == 7);
    CHECK(victim.mux.peer_close()->text() == "bye");
    CHECK(victim.hear([](FrameWriter& out) { out.ping(); }) == errc::protocol_violation);
}

TEST_CASE("What was sent before CLOSE may come after it where packets overtake each other") {
    Victim victim{false};
    REQUIRE_FALSE(victim.hear([](FrameWriter& out) { out.close(7, "bye"); }));
    CHECK_FALSE(victim.hear([](FrameWriter& out) { out.ping(); }));
    CHECK_FALSE(victim.hear([](FrameWriter& out) { out.close(8, "again"); }));
    CHECK_FALSE(
        victim.hear([](FrameWriter& out) { out.open(1, StreamId{1}, 3, reliable, 0, 10'000, 0); }));
    CHECK(victim.mux.peer_close()->code() == 7);
    CHECK(victim.mux.stream_count() == 0);
}

TEST_CASE("A unit that cannot be read takes no effect at all") {
    Victim victim{false};
    std::vector<std::byte> buffer(200);
    FrameWriter writer{buffer};
    writer.open(1, StreamId{1}, 3, reliable, 0, 10'000, 0);
    const auto good = writer.copied();
    buffer[good] = std::byte{0x7e};
    CHECK(victim.hear(std::span{buffer}.first(good + 1)) == errc::protocol_violation);
    buffer[good] = std::byte{0x0d};
    CHECK(victim.hear(std::span{buffer}.first(good + 1)) == errc::frame_malformed);
    CHECK(victim.mux.stream_count() == 0);
    CHECK(victim.mux.counters().frames_received == 0);
}

TEST_CASE("Frames at random end the channel, and nothing else") {
    for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
        sim::Random random{seed};
        Victim victim{random.chance(0.5)};
        victim.mux.open({}, now);
        victim.open(1, 1);
        for (int i = 0; i < 20; ++i) {
            auto bytes = random.bytes(random.between(1, 60));
            constexpr std::array first{0x00, 0x01, 0x06, 0x08, 0x09, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f,
                                       0x10, 0x19, 0x1f, 0x90, 0x91, 0xb1, 0xf1, 0xd1, 0xf0, 0x9f};
            bytes[0] = static_cast<std::byte>(random.pick(first));
            for (std::size_t at = 1; at < bytes.size() && random.chance(0.8); ++at) {
                bytes[at] = static_cast<std::byte>(random.below(4));
            }
            if (victim.hear(bytes)) break;
            std::vector<std::byte> buffer(1'200);
            FrameWriter writer{buffer};
            victim.port.fill(writer, now);
            victim.mux.take_changed();
        }
    }
}
