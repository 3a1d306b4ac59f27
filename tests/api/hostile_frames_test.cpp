// Frames that are no frames, or that nobody may send there, through all layers: the participant
// ends with an error that names what its peer did, a counter goes up, and nobody else notices.

#include "api/hostile.hpp"
#include "catch.hpp"

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using braid::errc;
using hostile::Arena;
using hostile::Bytes;
using hostile::fragment;
using hostile::MemoryWatch;
using hostile::message;
using hostile::Open;
using hostile::open;
using hostile::Peer;

namespace {

constexpr auto huge = std::uint64_t{1} << 62;

struct Case {
    std::string name;
    Bytes bytes;
    errc error = errc::protocol_violation;
};

bool violated(Arena& arena, std::uint64_t count) {
    return arena.eventually(
        [=](const auto& stats) { return stats.violations == count && stats.participants == 1; });
}

/// Somebody joins, says that, and is thrown out for it.
void check_ends(Arena& arena, const Case& each, std::uint64_t violations = 1) {
    INFO(each.name);
    const MemoryWatch memory;
    Peer peer{arena};
    peer.join();
    peer.send(each.bytes);
    CHECK(peer.sees_end());
    const auto end = arena.next_end();
    CHECK(end.error == each.error);
    CHECK_FALSE(end.reason);
    CHECK(violated(arena, violations));
    CHECK(arena.client_lives());
    CHECK(memory.peak_growth() < hostile::claim_bytes_max);
}

void check_each(const std::vector<Case>& cases) {
    for (const auto& each : cases) {
        DYNAMIC_SECTION(each.name) {
            Arena arena;
            check_ends(arena, each);
        }
    }
}

Bytes random_bytes(unsigned seed, std::size_t count) {
    std::mt19937 random{seed};
    Bytes bytes;
    for (std::size_t i = 0; i < count; ++i) bytes.u8(random() & 0xffu);
    return bytes;
}

/// How a frame is put together: its numbers one by one, between them bytes as they are.
struct Form {
    struct Part {
        Bytes fixed;
        bool is_number = false;
        std::uint64_t value = 0;
    };

    std::string name;
    std::vector<Part> parts;

    Form& raw(Bytes bytes) {
        parts.push_back({std::move(bytes)});
        return *this;
    }
    Form& number(std::uint64_t value) {
        parts.push_back({{}, true, value});
        return *this;
    }
    Form& numbers(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) number(0);
        return *this;
    }

    /// The frame, of which the number at `wrong` has not the shortest form.
    Bytes with_long_number(std::size_t wrong) const {
        Bytes bytes;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            const auto& part = parts[i];
            if (!part.is_number) {
                bytes.add(part.fixed);
            } else if (i == wrong) {
                bytes.long_number(part.value);
            } else {
                bytes.number(part.value);
            }
        }
        return bytes;
    }
};

Form control(const char* name, unsigned type, std::size_t numbers) {
    return Form{name, {}}.raw(Bytes{}.u8(type)).numbers(numbers);
}

std::vector<Form> forms() {
    return {
        Form{"OPEN", {}}.raw(Bytes{}.u8(0x06)).number(0).raw(Bytes{}.u64(0).u8(4).u8(7)).numbers(4),
        control("REFUSE_STREAM", 0x08, 2),
        control("CLOSE_STREAM", 0x09, 2),
        control("RESET_STREAM", 0x0a, 4),
        control("STOP", 0x0b, 2),
        control("MAX_DATA", 0x0d, 1),
        control("MAX_STREAM_DATA", 0x0e, 2),
        control("MAX_STREAMS", 0x0f, 1),
        control("BLOCKED", 0x10, 2),
        control("CLOSE", 0x15, 2),
        Form{"STREAM_ACK", {}}.raw(Bytes{}.u8(0x19)).numbers(2).number(1).numbers(2),
        Form{"MESSAGE_LONG", {}}.raw(Bytes{}.u8(0x1f).u8(0x10)).numbers(3),
        Form{"fragment MESSAGE_LONG", {}}
            .raw(Bytes{}.u8(0x1f).u8(0x50))
            .numbers(2)
            .number(1)
            .numbers(2),
        Form{"message", {}}.raw(Bytes{}.u8(0x90)).number(0),
        Form{"message of a named slot", {}}.raw(Bytes{}.u8(0x9f)).number(15).number(0),
        Form{"fragment", {}}.raw(Bytes{}.u8(0xf0).u16(0)).number(1).numbers(2),
    };
}

const std::set<unsigned> known_types{0x00, 0x01, 0x06, 0x08, 0x09, 0x0a, 0x0b,
                                     0x0d, 0x0e, 0x0f, 0x10, 0x15, 0x19, 0x1f};

}  // namespace

TEST_CASE("hostile frames: every type that does not exist") {
    Arena arena;
    std::uint64_t violations = 0;
    for (unsigned type = 0x02; type < 0x80; ++type) {
        if (known_types.contains(type)) continue;
        const Case each{"type " + std::to_string(type), Bytes{}.u8(type).fill(16)};
        check_ends(arena, each, ++violations);
    }
    CHECK(violations == 128 - known_types.size());
}

TEST_CASE("hostile frames: numbers that have not the shortest form") {
    Arena arena;
    std::uint64_t violations = 0;
    for (const auto& form : forms()) {
        for (std::size_t i = 0; i < form.parts.size(); ++i) {
            if (!form.parts[i].is_number) continue;
            const Case each{form.name + ", part " + std::to_string(i), form.with_long_number(i),
                            errc::frame_malformed};
            check_ends(arena, each, ++violations);
        }
    }
}

TEST_CASE("hostile frames: garbage as the first words") {
    Arena arena;
    const MemoryWatch memory;
    for (unsigned seed = 1; seed <= 32; ++seed) {
        INFO("seed " << seed);
        Peer peer{arena};
        peer.shake_hands(Peer::hello());
        peer.send(Bytes{}.u8(0x7f).add(random_bytes(seed, 4096)));
        CHECK(peer.sees_end());
        CHECK(violated(arena, seed));
    }
    CHECK(arena.client_lives());
    CHECK(memory.peak_growth() < hostile::claim_bytes_max);
}

TEST_CASE("hostile frames: garbage from one who has opened streams") {
    Arena arena;
    const MemoryWatch memory;
    for (unsigned seed = 1; seed <= 64; ++seed) {
        INFO("seed " << seed);
        Peer peer{arena};
        peer.join();
        Bytes opens;
        for (std::uint64_t i = 0; i < 8; ++i) {
            Open fields;
            fields.slot = fields.id = 2 * i;
            fields.promises = static_cast<unsigned>(i * 2 + 1) & 0x0fu;
            opens.add(open(fields));
        }
        peer.send(opens);
        peer.send(random_bytes(seed, 16'384));
        // It may end in the middle of a frame, or by chance with a farewell.
        peer.finish();
        CHECK(peer.sees_end());
        CHECK(arena.next_end().error);
    }
    CHECK(arena.eventually([](const auto& stats) { return stats.participants == 1; }));
    CHECK(memory.peak_growth() < 2 * hostile::claim_bytes_max);
}

TEST_CASE("hostile frames: lengths") {
    check_each({
        {"a message of 65537 bytes", Bytes{}.u8(0xb0).u16(0).number(65'537), errc::frame_malformed},
        {"a message of 2^62 bytes", Bytes{}.u8(0xb0).u16(0).number(huge), errc::frame_malformed},
        {"a message of 2^64 - 1 bytes", Bytes{}.u8(0xb0).u16(0).number(~std::uint64_t{0}),
         errc::frame_malformed},
        {"a long-numbered message of 2^62 bytes",
         Bytes{}.u8(0x1f).u8(0x10).number(0).number(0).number(huge), errc::frame_malformed},
        {"a long-numbered message of unknown bits",
         Bytes{}.u8(0x1f).u8(0xff).number(0).number(0).number(0), errc::frame_malformed},
        {"no length on a byte stream", Bytes{}.u8(0xa0).u16(0), errc::frame_malformed},
        {"a farewell of 257 bytes", Bytes{}.u8(0x15).number(0).number(257).fill(257, 'x'),
         errc::frame_malformed},
        {"a farewell of 2^62 bytes", Bytes{}.u8(0x15).number(0).number(huge),
         errc::frame_malformed},
        {"65 acknowledged ranges", Bytes{}.u8(0x19).number(0).number(0).number(65),
         errc::frame_malformed},
        {"2^62 acknowledged ranges", Bytes{}.u8(0x19).number(0).number(0).number(huge),
         errc::frame_malformed},
        {"an acknowledged range that wraps",
         Bytes{}.u8(0x19).number(0).number(0).number(1).number(huge).number(~std::uint64_t{0}),
         errc::frame_malformed},
        {"a fragment beyond its total", open().add(fragment(0, 0, 100, 99, 0)),
         errc::frame_malformed},
        {"a fragment longer than its total", open().add(fragment(0, 0, 0, 100, 101)),
         errc::frame_malformed},
    });
}

TEST_CASE("hostile frames: totals of fragments") {
    const auto limit = std::uint64_t{braid::Limits{}.message_bytes};
    check_each({
        {"2^62", open().add(fragment(0, 0, 0, huge, 200)), errc::message_too_large},
        {"2^64 - 1", open().add(fragment(0, 0, 0, ~std::uint64_t{0}, 200)),
         errc::message_too_large},
        {"more than Limits::message_bytes", open().add(fragment(0, 0, 0, limit + 100, 200)),
         errc::message_too_large},
        {"another one than before",
         open().add(fragment(0, 0, 0, 1000, 200)).add(fragment(0, 0, 200, 1001, 200))},
        {"less than what was there",
         open().add(fragment(0, 0, 400, 0, 200)).add(fragment(0, 0, 0, 500, 200))},
        {"none, but an offset of 2^62", open().add(fragment(0, 0, huge, 0, 200))},
    });
}

TEST_CASE("hostile frames: slots that nobody has opened") {
    std::vector<Case> cases{
        {"a message", message(0, 0, 8)},
        {"a message before its OPEN", message(0, 0, 8).add(open())},
        {"a message in a slot of the other side", message(1, 0, 8)},
        {"a message in slot 2^62", Bytes{}.u8(0xbf).number(huge).u16(0).number(0)},
        {"a long-numbered message", Bytes{}.u8(0x1f).u8(0x10).number(0).number(huge).number(0)},
        {"BLOCKED in slot 2^62", Bytes{}.u8(0x10).number(huge).number(0)},
    };
    for (const auto& form : forms()) {
        if (form.name.find("STREAM") == std::string::npos || form.name == "MAX_STREAMS") {
            if (form.name != "STOP") continue;
        }
        cases.push_back({form.name, form.with_long_number(~std::size_t{0})});
    }
    CHECK(cases.size() == 6 + 6);
    check_each(cases);
}

TEST_CASE("hostile frames: OPEN") {
    Open other_slot;
    other_slot.slot = 2;
    Open other_id;
    other_id.id = 2;
    Open odd_slot;
    odd_slot.slot = 1;
    Open far_slot;
    far_slot.slot = huge;
    Open distant_slot;
    distant_slot.slot = 4096;
    Open odd_id;
    odd_id.id = 1;
    Open far_id;
    far_id.id = huge;
    Open priority_8;
    priority_8.priority = 8;
    Open priority_255;
    priority_255.priority = 255;
    Open unknown_promise;
    unknown_promise.promises = 0x20;
    Open all_promises;
    all_promises.promises = 0xff;
    Open changed = other_slot;
    changed.promises = hostile::guaranteed;
    check_each({
        {"twice", open().add(open())},
        {"another stream in a slot that is taken", open().add(open(other_id))},
        {"a stream again, with other promises", open().add(open(changed))},
        {"a slot of the other side", open(odd_slot)},
        {"slot 2^62", open(far_slot)},
        {"slot 4096 as the first", open(distant_slot)},
        {"an id of the other side", open(odd_id)},
        {"id 2^62", open(far_id)},
        {"priority 8", open(priority_8)},
        {"priority 255", open(priority_255)},
        {"a promise that does not exist", open(unknown_promise)},
        {"promises ff", open(all_promises)},
    });
}

TEST_CASE("hostile frames: words about a stream that contradict what happened") {
    const auto ack = [](std::uint64_t count) { return Bytes{}.u8(0x19).number(0).number(count); };
    const auto close_stream = [](std::uint64_t count) {
        return Bytes{}.u8(0x09).number(0).number(count);
    };
    check_each({
        {"STREAM_ACK of a message that was not sent", open().add(ack(1 * 2).number(0))},
        {"STREAM_ACK of 2^62 messages", open().add(ack(huge).number(0))},
        {"STREAM_ACK of a range that was not sent",
         open().add(ack(0).number(1).number(5).number(huge))},
        {"STREAM_ACK of an end that was not said", open().add(ack(1).number(0))},
        {"CLOSE_STREAM after fewer messages than came",
         open().add(message(0, 0, 8)).add(message(0, 1, 8)).add(close_stream(1))},
        {"CLOSE_STREAM after 2^62 messages", open().add(close_stream(huge))},
        {"CLOSE_STREAM twice, with another count",
         open().add(close_stream(2)).add(close_stream(3))},
        {"a message after the last", open().add(close_stream(1)).add(message(0, 1, 8))},
        {"a first message without a number", open().add(Bytes{}.u8(0x90).number(1).u8(0))},
        {"a message far ahead", open().add(message(0, 0x7fff, 8))},
        {"a message with the last number there is",
         open().add(Bytes{}.u8(0x1f).u8(0x10).number(0).number(~std::uint64_t{0}).number(0))},
    });
}

TEST_CASE("hostile frames: nothing counts after the farewell") {
    Arena arena;
    const MemoryWatch memory;
    Peer peer{arena};
    peer.join();
    auto bytes = Bytes{}.u8(0x15).number(42).number(3).text("bye");
    peer.send(bytes.add(open()).add(message(0, 0, 8)).u8(0x7f));
    CHECK(peer.sees_end());
    const auto end = arena.next_end();
    CHECK(end.error == errc::participant_disconnected);
    REQUIRE(end.reason);
    CHECK(end.reason->code() == 42);
    CHECK(end.reason->text() == "bye");
    CHECK(arena.eventually([](const auto& stats) { return stats.participants == 1; }));
    CHECK(arena.streams_seen() == 0);
    CHECK(arena.client_lives());
    CHECK(memory.peak_growth() < hostile::claim_bytes_max);
}

TEST_CASE("hostile frames: the largest numbers that are legal") {
    Arena arena;
    const MemoryWatch memory;
    Open fields;
    fields.bandwidth = fields.credit = ~std::uint64_t{0};
    fields.use = hostile::Use::read;
    const auto most = ~std::uint64_t{0};
    Peer peer{arena};
    peer.join();
    peer.send(open(fields));
    peer.send(Bytes{}.u8(0x0d).number(most).u8(0x0e).number(0).number(most));
    peer.send(Bytes{}.u8(0x0f).number(most).u8(0x10).number(0).number(most));
    peer.send(Bytes{}.u8(0x10).number(1).number(most).u8(0x0b).number(0).number(most));
    peer.send(Bytes{}.u8(0x0a).number(0).number(most).number(most).number(most));
    CHECK(arena.next_stream_end() == errc::stream_reset);
    CHECK(arena.client_lives());
    CHECK(arena.stats().violations == 0);
    peer.reset();
    CHECK(arena.next_end().error == errc::participant_lost);
    CHECK(memory.peak_growth() < hostile::claim_bytes_max);
}
