#include "transport/simulated/link.hpp"

#include "catch.hpp"
#include "transport/simulated/within.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using braid::LinkSimulation;
using braid::protocol::Duration;
using braid::protocol::never;
using braid::protocol::Time;
using braid::test::Bytes;
using braid::test::frames_of;
using braid::test::payload;
using braid::test::ScriptedSink;
using braid::test::ScriptedSource;
using braid::test::WithinLink;
using braid::transport::SimulatedLine;
using braid::transport::SimulatedLink;
using braid::transport::SimulatedPath;

namespace {

constexpr Time start{1h};

LinkSimulation outgoing(Duration latency, std::uint64_t rate = 0) {
    LinkSimulation simulation;
    simulation.outgoing.latency = latency;
    simulation.outgoing.rate_bytes_per_second = rate;
    return simulation;
}

LinkSimulation incoming(Duration latency, std::uint64_t rate = 0) {
    LinkSimulation simulation;
    simulation.incoming.latency = latency;
    simulation.incoming.rate_bytes_per_second = rate;
    return simulation;
}

/// A simulated link, what is above it and what is within it.
struct Stage {
    explicit Stage(const LinkSimulation& simulation, std::uint64_t seed = 1) {
        auto inner = std::make_unique<WithinLink>();
        within = inner.get();
        link = std::make_unique<SimulatedLink>(std::move(inner), simulation, seed);
    }

    /// As the runtime does at a time when something happens.
    void turn(Time now) {
        if (now >= link->deadline()) link->advance(now);
        link->drain(sink, now);
        do {
            link->fill(source, now);
            sent.insert(sent.end(), within->output.begin(), within->output.end());
            if (!within->output.empty()) last_sent = now;
            within->output.clear();
        } while (link->would_fill(source, now));
    }

    /// Goes from deadline to deadline; ends when none is left.
    Time run(Time now) {
        for (turn(now); link->deadline() != never; turn(now)) {
            REQUIRE(link->deadline() > now);
            now = link->deadline();
        }
        return now;
    }

    ScriptedSource source;
    ScriptedSink sink;
    WithinLink* within = nullptr;
    std::unique_ptr<SimulatedLink> link;
    Bytes sent;
    Time last_sent{};
};

}  // namespace

TEST_CASE("a simulated link sends exactly its latency later") {
    Stage stage{outgoing(60ms)};
    stage.source.push(payload(100, 1));
    stage.turn(start);
    CHECK(stage.source.queue.empty());
    CHECK(stage.sent.empty());
    CHECK(stage.link->deadline() == start + 60ms);
    stage.turn(start + 60ms - 1ns);
    CHECK(stage.sent.empty());
    stage.turn(start + 60ms);
    CHECK(stage.sent == frames_of({payload(100, 1)}));
    CHECK(stage.link->deadline() == never);
    CHECK(stage.link->outgoing_empty());
}

TEST_CASE("a simulated link delivers exactly its latency later") {
    Stage stage{incoming(60ms)};
    stage.within->input = frames_of({payload(100, 1)});
    stage.turn(start);
    CHECK(stage.sink.frames == 0);
    CHECK(stage.link->deadline() == start + 60ms);
    stage.turn(start + 60ms - 1ns);
    CHECK(stage.sink.frames == 0);
    stage.turn(start + 60ms);
    CHECK(stage.sink.messages == std::vector<Bytes>{payload(100, 1)});
    CHECK(stage.link->deadline() == never);
}

TEST_CASE("a link without any values sends and delivers within the call") {
    Stage stage{LinkSimulation{}};
    stage.source.push(payload(100, 1));
    stage.within->input = frames_of({payload(50, 2)});
    stage.turn(start);
    CHECK(stage.sent == frames_of({payload(100, 1)}));
    CHECK(stage.sink.frames == 1);
    CHECK(stage.link->deadline() == never);
}

TEST_CASE("the rate is kept to within a unit and nothing is pulled ahead of it") {
    constexpr std::uint64_t rate = 250'000;
    Stage stage{outgoing(20ms, rate)};
    for (unsigned i = 0; i < 500; ++i) stage.source.push(payload(500, i));
    std::size_t pulled = 0;
    auto now = start;
    for (stage.turn(now); stage.link->deadline() != never; stage.turn(now)) {
        pulled = 0;
        for (const auto& item : stage.source.taken) pulled += item.bytes.size();
        const std::chrono::duration<double> passed = now - start;
        const auto allowed = static_cast<std::size_t>(passed.count() * rate);
        REQUIRE(pulled <= allowed + SimulatedPath::packet_bytes);
        now = stage.link->deadline();
    }
    CHECK(stage.source.queue.empty());
    const std::chrono::duration<double> took = stage.last_sent - start;
    const auto expected = static_cast<double>(stage.sent.size()) / rate + 0.020;
    CHECK(took.count() > expected - 1e-5);
    CHECK(took.count() < expected + 1e-5);
}

TEST_CASE("whoever rings late does not slow the line down") {
    constexpr std::uint64_t rate = 250'000;
    Stage stage{outgoing(20ms, rate)};
    for (unsigned i = 0; i < 500; ++i) stage.source.push(payload(500, i));
    auto now = start;
    for (stage.turn(now); stage.link->deadline() != never; stage.turn(now)) {
        now = stage.link->deadline() + 3ms;
    }
    const std::chrono::duration<double> took = stage.last_sent - start;
    const auto expected = static_cast<double>(stage.sent.size()) / rate + 0.020;
    CHECK(took.count() < expected + 0.010);
}

TEST_CASE("a paced link asks for no more before its time") {
    Stage stage{outgoing(0ms, 250'000)};
    for (unsigned i = 0; i < 10; ++i) stage.source.push(payload(1'000, i));
    stage.link->fill(stage.source, start);
    CHECK(stage.source.taken.size() == 1);
    CHECK_FALSE(stage.link->would_fill(stage.source, start));
    CHECK(stage.link->deadline() > start);
    CHECK(stage.link->deadline() < start + 5ms);
}

TEST_CASE("incoming bytes come at the rate") {
    constexpr std::uint64_t rate = 250'000;
    Stage stage{incoming(20ms, rate)};
    std::vector<Bytes> messages;
    for (unsigned i = 0; i < 100; ++i) messages.push_back(payload(1'000, i));
    stage.within->input = frames_of(messages);
    const auto size = static_cast<double>(stage.within->input.size());
    const std::chrono::duration<double> took = stage.run(start) - start;
    CHECK(stage.sink.messages == messages);
    CHECK(took.count() > size / rate + 0.020 - 1e-4);
    CHECK(took.count() < size / rate + 0.020 + 1e-4);
}

TEST_CASE("everything arrives in order over a link that loses and doubles") {
    LinkSimulation simulation;
    simulation.outgoing.latency = simulation.incoming.latency = 30ms;
    simulation.outgoing.jitter = simulation.incoming.jitter = 40ms;
    simulation.outgoing.loss = simulation.incoming.loss = 0.2;
    simulation.outgoing.duplication = simulation.incoming.duplication = 0.2;
    Stage stage{simulation, 77};
    std::vector<Bytes> messages;
    for (unsigned i = 0; i < 300; ++i) {
        messages.push_back(payload(1 + i, i));
        stage.source.push(messages.back());
        const auto bytes = frames_of({messages.back()});
        // Cut where no frame ends.
        const auto half = bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2);
        stage.within->input.assign(bytes.begin(), half);
        stage.turn(start + i * 2ms);
        stage.within->input.assign(half, bytes.end());
        stage.turn(start + i * 2ms + 1ms);
    }
    const auto end = stage.run(start + 600ms);
    CHECK(stage.sent == frames_of(messages));
    CHECK(stage.sink.messages == messages);
    CHECK(end > start + 900ms);
    CHECK(stage.link->outgoing().counters().losses > 30);
    CHECK(stage.link->incoming().counters().losses > 60);
    CHECK(stage.link->incoming().counters().duplicates > 60);
}

TEST_CASE("payloads that are referred to are copied and given back") {
    Stage stage{outgoing(10ms)};
    stage.source.push(payload(40'000, 1));
    stage.turn(start);
    CHECK(stage.source.referenced() == 0);
    stage.within->room = 7'000;
    stage.run(start);
    CHECK(stage.sent == frames_of({payload(40'000, 1)}));
}

TEST_CASE("what the link within has no room for waits for it and not for a time") {
    Stage stage{outgoing(10ms)};
    stage.source.push(payload(100, 1));
    stage.link->fill(stage.source, start);
    stage.within->output = payload(1, 9);
    stage.link->advance(start + 10ms);
    stage.link->fill(stage.source, start + 10ms);
    CHECK(stage.link->deadline() == never);
    CHECK(stage.link->would_fill(stage.source, start + 10ms));
    // Nor is more pulled meanwhile, so that the mux decides late.
    stage.source.push(payload(100, 2));
    stage.link->fill(stage.source, start + 11ms);
    CHECK(stage.source.queue.size() == 1);
    stage.within->output.clear();
    stage.turn(start + 12ms);
    CHECK(stage.sent == frames_of({payload(100, 1)}));
    CHECK(stage.source.queue.empty());
}

TEST_CASE("what goes through memory goes in parts that fit a batch whole") {
    Stage stage{outgoing(10ms)};
    stage.within->in_memory = true;
    stage.within->room = SimulatedLink::batch_bytes_min;
    CHECK_FALSE(stage.link->traits().in_memory);
    std::vector<Bytes> messages;
    for (unsigned i = 0; i < 200; ++i) {
        messages.push_back(payload(3'000, i));
        stage.source.push(messages.back());
    }
    stage.link->fill(stage.source, start);
    stage.link->advance(start + 10ms);
    std::vector<Bytes> received;
    while (stage.link->would_fill(stage.source, start + 10ms)) {
        stage.link->fill(stage.source, start + 10ms);
        REQUIRE_FALSE(stage.within->output.empty());
        ScriptedSink peer;
        REQUIRE_FALSE(peer.receive(stage.within->output, {}, start).error);
        received.insert(received.end(), peer.messages.begin(), peer.messages.end());
        stage.within->output.clear();
        if (!stage.link->outgoing_empty()) continue;
        stage.link->advance(start + 10ms);
    }
    CHECK(received == messages);
}

TEST_CASE("what came through memory is held with what was beside it") {
    Stage stage{incoming(60ms, 1'000'000)};
    stage.within->in_memory = true;
    stage.within->input.resize(100);
    std::vector<braid::Message> beside;
    braid::protocol::FrameWriter writer{stage.within->input, 1u << 20, beside};
    braid::protocol::MessageHead head;
    head.slot = 2;
    const auto large = payload(100'000, 1);
    writer.message_beside(head, braid::Message{std::span{large}});
    stage.within->input.resize(writer.copied());
    stage.within->beside = beside;
    stage.turn(start);
    CHECK(stage.sink.frames == 0);
    // The rate counts it as if it were among the frames.
    stage.turn(start + 159ms);
    CHECK(stage.sink.frames == 0);
    stage.turn(start + 161ms);
    CHECK(stage.sink.messages == std::vector<Bytes>{large});
    CHECK(stage.sink.messages_beside.size() == 1);
    CHECK_FALSE(stage.link->failure());
}

TEST_CASE("a line without a rate takes no more than it has room for") {
    Stage stage{outgoing(10ms)};
    constexpr std::size_t bytes = 60'000;
    for (unsigned i = 0; i < 400; ++i) stage.source.push(payload(bytes, i));
    stage.turn(start);
    CHECK(stage.source.taken.size() > SimulatedLine::held_bytes_max / bytes - 3);
    CHECK(stage.source.taken.size() <= SimulatedLine::held_bytes_max / bytes + 1);
    CHECK_FALSE(stage.link->would_fill(stage.source, start));
    stage.run(start);
    CHECK(stage.source.queue.empty());
}

TEST_CASE("a link that holds enough has no more read") {
    Stage stage{incoming(100ms, 250'000)};
    CHECK_FALSE(stage.link->reading_paused());
    std::vector<Bytes> messages;
    for (unsigned i = 0; i < 60; ++i) messages.push_back(payload(1'000, i));
    stage.within->input = frames_of(messages);
    stage.turn(start);
    CHECK(stage.link->reading_paused());
    stage.turn(start + 200ms);
    CHECK_FALSE(stage.link->reading_paused());
    stage.run(start + 200ms);
    CHECK(stage.sink.messages == messages);
}

TEST_CASE("the end comes behind what was held") {
    Stage stage{incoming(50ms)};
    stage.within->input = frames_of({payload(10, 1)});
    stage.turn(start);
    stage.within->error = braid::errc::participant_lost;
    CHECK(stage.link->failed_unnoticed());
    stage.turn(start + 20ms);
    CHECK_FALSE(stage.link->failed_unnoticed());
    CHECK_FALSE(stage.link->failure());
    CHECK(stage.link->reading_paused());
    stage.turn(start + 50ms);
    CHECK(stage.sink.frames == 1);
    CHECK_FALSE(stage.link->failure());
    stage.turn(start + 70ms);
    CHECK(stage.link->failure() == braid::errc::participant_lost);
    CHECK_FALSE(stage.link->reading_paused());
    CHECK(stage.link->deadline() == never);
}

TEST_CASE("whoever closes waits for nothing") {
    auto simulation = incoming(50ms);
    simulation.outgoing.latency = 50ms;
    Stage stage{simulation};
    stage.within->input = frames_of({payload(10, 1)});
    stage.source.push(payload(10, 1));
    stage.turn(start);
    stage.link->close();
    stage.within->error = braid::errc::participant_closed;
    CHECK(stage.link->failure() == braid::errc::participant_closed);
    CHECK(stage.link->deadline() == never);
    CHECK_FALSE(stage.link->reading_paused());
}

TEST_CASE("bytes that are no frames fail the link when they are delivered") {
    Stage stage{incoming(50ms)};
    SECTION("malformed") { stage.within->input.assign(200, std::byte{0xff}); }
    SECTION("a frame that never ends") {
        // A message of 64 KiB and what cannot belong to it.
        class Deaf final : public braid::protocol::FrameSink {
        public:
            Receipt receive(std::span<const std::byte>, braid::protocol::Framing, Time) override {
                return {};
            }
            Receipt receive(std::span<const std::byte>, std::span<braid::Message>, Time) override {
                return {};
            }
            void acked(braid::protocol::FrameToken, Time) override {}
            void lost(braid::protocol::FrameToken, Time) override {}
        };
        Deaf deaf;
        stage.within->input.assign(70'000, std::byte{0});
        stage.link->drain(deaf, start);
        stage.link->drain(deaf, start + 50ms);
        CHECK(stage.link->failure() == braid::errc::frame_malformed);
        return;
    }
    stage.turn(start);
    CHECK_FALSE(stage.link->failure());
    stage.turn(start + 50ms);
    CHECK(stage.link->failure() == braid::errc::frame_malformed);
    CHECK(stage.link->deadline() == never);
}

TEST_CASE("the path is that of both links") {
    LinkSimulation simulation;
    simulation.outgoing.latency = 30ms;
    simulation.outgoing.jitter = 10ms;
    simulation.incoming.latency = 50ms;
    simulation.outgoing.rate_bytes_per_second = 1'000'000;
    simulation.incoming.rate_bytes_per_second = 9'000'000;
    Stage stage{simulation};
    CHECK(stage.link->path().round_trip_time == 85ms);
    CHECK(stage.link->path().rate_bytes_per_second == 1'000'000);
    stage.within->known = {500'000, 7ms};
    CHECK(stage.link->path().round_trip_time == 92ms);
    CHECK(stage.link->path().rate_bytes_per_second == 500'000);
    stage.within->known = {50'000'000, 7ms};
    CHECK(stage.link->path().rate_bytes_per_second == 1'000'000);
    Stage endless{outgoing(5ms)};
    endless.within->known = {50'000'000, 7ms};
    CHECK(endless.link->path().rate_bytes_per_second == 50'000'000);
}

TEST_CASE("the same seed and the same calls give the same delays") {
    const auto trace = [](std::uint64_t seed) {
        LinkSimulation simulation;
        simulation.outgoing.latency = simulation.incoming.latency = 30ms;
        simulation.outgoing.jitter = simulation.incoming.jitter = 40ms;
        simulation.outgoing.loss = simulation.incoming.loss = 0.1;
        Stage stage{simulation, seed};
        std::vector<Duration> deadlines;
        for (unsigned i = 0; i < 100; ++i) {
            stage.source.push(payload(100, i));
            stage.within->input = frames_of({payload(100, i)});
            stage.turn(start + i * 10ms);
            deadlines.push_back(stage.link->deadline() - start);
        }
        return deadlines;
    };
    CHECK(trace(1) == trace(1));
    CHECK(trace(1) != trace(2));
}
