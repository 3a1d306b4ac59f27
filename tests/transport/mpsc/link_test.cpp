#include "transport/mpsc/link.hpp"

#include "catch.hpp"
#include "transport/scripted.hpp"

#include <utility>

using namespace braid;
using namespace braid::test;
using namespace braid::transport;
using protocol::Time;

namespace {

/// Moves what one link has filled to the other.
void carry(MpscLink& from, MpscLink& to) {
    to.input().push_back(std::move(from.batch()));
    from.sent();
}

}  // namespace

TEST_CASE("a link within the process loses nothing, changes nothing and shares memory") {
    const MpscLink link;
    CHECK(link.traits().ordered);
    CHECK(link.traits().lossless);
    CHECK(link.traits().intact);
    CHECK(link.traits().in_memory);
    CHECK_FALSE(link.traits().encrypted);
    CHECK(link.deadline() == protocol::never);
    CHECK_FALSE(link.failure());
}

TEST_CASE("frames cross a link within the process in batches") {
    MpscLink left;
    MpscLink right;
    ScriptedSource source;
    ScriptedSink sink;
    left.fill(source, Time{});
    CHECK_FALSE(left.has_output());
    for (unsigned i = 0; i < 1000; ++i) source.push(payload(i % 200, i));
    int batches = 0;
    while (source.pending(Time{})) {
        left.fill(source, Time{});
        REQUIRE(left.has_output());
        const auto fills = source.fills;
        left.fill(source, Time{});  // what is there goes first
        CHECK(source.fills == fills);
        carry(left, right);
        right.drain(sink, Time{});
        right.input().clear();
        ++batches;
    }
    REQUIRE(sink.messages.size() == 1000);
    for (unsigned i = 0; i < 1000; ++i) REQUIRE(sink.messages[i] == payload(i % 200, i));
    CHECK(batches < 100);
}

TEST_CASE("the batches of a link grow while they are filled, and shrink again") {
    MpscLink link;
    ScriptedSource source;
    const auto capacity_after = [&](int messages) {
        for (int i = 0; i < messages; ++i) source.push(payload(100, 0));
        while (source.pending(Time{})) {
            link.fill(source, Time{});
            link.sent();
        }
        return link.batch()->capacity();
    };
    CHECK(capacity_after(1) == MpscLink::batch_bytes_min);
    CHECK(capacity_after(200) == MpscLink::batch_bytes_max);
    link.fill(source, Time{});
    CHECK(link.batch() == nullptr);  // idle
    capacity_after(1);
    link.fill(source, Time{});
    CHECK(capacity_after(1) == MpscLink::batch_bytes_min);
}

TEST_CASE("a message beside a batch is the one that was sent") {
    MpscLink left;
    MpscLink right;
    ScriptedSink sink;
    const Message message{payload(100'000, 1)};
    struct Source final : protocol::FrameSource {
        protocol::FrameToken fill(protocol::FrameWriter& unit, protocol::Time) override {
            protocol::MessageHead head;
            head.slot = 2;
            unit.message_beside(head, *message);
            head.slot = 20;
            head.numbering = protocol::Numbering::whole;
            head.number = 100'000;
            unit.message_beside(head, *message);
            done = true;
            return 0;
        }
        bool pending(protocol::Time) override { return !done; }
        const Message* message = nullptr;
        bool done = false;
    } source;
    source.message = &message;
    left.fill(source, Time{});
    CHECK(left.batch()->weight() >= 200'000);
    CHECK(left.batch()->bytes().size() < 20);
    carry(left, right);
    right.drain(sink, Time{});
    CHECK_FALSE(right.failure());
    REQUIRE(sink.messages_beside.size() == 2);
    CHECK(sink.messages_beside[0].bytes().data() == message.bytes().data());
    CHECK(sink.messages_beside[1].bytes().data() == message.bytes().data());
    CHECK(right.input()[0]->beside().empty());
}

TEST_CASE("a link within the process ends with its sink's error, or as lost") {
    MpscLink link;
    ScriptedSink sink;
    auto batch = std::make_unique<Batch>(1);
    batch->memory()[0] = std::byte{0x90};
    batch->filled(1, 1);
    link.input().push_back(std::move(batch));
    link.drain(sink, Time{});
    CHECK(link.failure() == errc::frame_malformed);
    CHECK(link.input().empty());
    link.end();
    CHECK(link.failure() == errc::frame_malformed);

    MpscLink other;
    other.end();
    CHECK(other.failure() == errc::participant_lost);
    ScriptedSource source;
    source.push(payload(1, 1));
    other.fill(source, Time{});
    CHECK_FALSE(other.has_output());
}
