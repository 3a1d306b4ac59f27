#include "transport/tcp/link.hpp"

#include "catch.hpp"
#include "transport/scripted.hpp"
#include "transport/tcp/rate_meter.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <vector>

using namespace braid;
using namespace braid::test;
using protocol::Time;
using transport::RateMeter;
using transport::TcpLink;

namespace {

using Segments = std::array<std::span<const std::byte>, 64>;

/// Takes all that is pending, `step` bytes at a time.
Bytes send_all(TcpLink& link, std::size_t step = 1u << 20) {
    Bytes wire;
    Segments segments;
    while (link.has_pending()) {
        const auto count = link.pending(segments);
        REQUIRE(count > 0);
        std::size_t left = step;
        for (std::size_t i = 0; i < count && left > 0; ++i) {
            REQUIRE(!segments[i].empty());
            const auto part = segments[i].first(std::min(left, segments[i].size()));
            wire.insert(wire.end(), part.begin(), part.end());
            left -= part.size();
        }
        link.sent(std::min(step, step - left));
    }
    return wire;
}

/// The wire bytes of these messages.
Bytes encoded(const std::vector<Bytes>& messages) {
    TcpLink link;
    ScriptedSource source;
    for (const auto& message : messages) source.push(message);
    Bytes wire;
    while (source.pending(Time{})) {
        link.fill(source, Time{});
        const auto part = send_all(link);
        wire.insert(wire.end(), part.begin(), part.end());
    }
    return wire;
}

/// Memory as a driver provides it: with room for the link in front.
class Arrival {
public:
    explicit Arrival(std::span<const std::byte> bytes)
        : memory_(TcpLink::leftover_bytes_max + bytes.size()) {
        std::copy(bytes.begin(), bytes.end(), memory_.begin() + TcpLink::leftover_bytes_max);
    }
    std::span<std::byte> bytes() { return std::span{memory_}.subspan(TcpLink::leftover_bytes_max); }

private:
    Bytes memory_;
};

void arrive(TcpLink& link, ScriptedSink& sink, std::span<const std::byte> bytes) {
    Arrival arrival{bytes};
    link.input(arrival.bytes());
    CHECK(link.has_input() == !bytes.empty());
    link.drain(sink, Time{});
    CHECK_FALSE(link.has_input());
}

}  // namespace

TEST_CASE("a TCP link is ordered and lossless and has nothing to do in time") {
    TcpLink link;
    CHECK(link.traits().ordered);
    CHECK(link.traits().lossless);
    CHECK_FALSE(link.traits().encrypted);
    CHECK(link.deadline() == protocol::never);
    CHECK_FALSE(link.failure());
}

TEST_CASE("frames come out of a TCP link in whatever pieces they arrive") {
    const std::vector<Bytes> messages{payload(0, 1), payload(1, 2), payload(200, 3), payload(64, 4),
                                      payload(300, 5)};
    const auto wire = encoded(messages);

    SECTION("in two, split at every byte") {
        for (std::size_t split = 0; split <= wire.size(); ++split) {
            TcpLink link;
            ScriptedSink sink;
            arrive(link, sink, std::span{wire}.first(split));
            arrive(link, sink, std::span{wire}.subspan(split));
            REQUIRE(sink.messages == messages);
            REQUIRE_FALSE(link.failure());
        }
    }
    SECTION("in three, the first of them the handshake's leftover") {
        for (std::size_t first = 1; first < 20; ++first) {
            for (std::size_t second = first; second <= wire.size(); second += 3) {
                TcpLink link{std::span{wire}.first(first)};
                ScriptedSink sink;
                REQUIRE(link.has_input());
                link.drain(sink, Time{});
                REQUIRE_FALSE(link.has_input());
                arrive(link, sink, std::span{wire}.subspan(first, second - first));
                arrive(link, sink, std::span{wire}.subspan(second));
                REQUIRE(sink.messages == messages);
            }
        }
    }
    SECTION("byte by byte") {
        TcpLink link;
        ScriptedSink sink;
        for (std::size_t i = 0; i < wire.size(); ++i) {
            arrive(link, sink, std::span{wire}.subspan(i, 1));
        }
        CHECK(sink.messages == messages);
    }
}

TEST_CASE("the longest frame is put together from small pieces") {
    const std::vector<Bytes> messages{payload(protocol::frame_payload_bytes_max - 100, 1),
                                      payload(10, 2)};
    ScriptedSource source;
    TcpLink sender;
    sender.measured({}, 1u << 30);  // for a budget that the frame fits
    for (const auto& message : messages) source.push(message);
    sender.fill(source, Time{});
    const auto wire = send_all(sender);
    for (const std::size_t step : {100u, 1448u, 40'000u}) {
        TcpLink link;
        ScriptedSink sink;
        for (std::size_t i = 0; i < wire.size(); i += step) {
            arrive(link, sink, std::span{wire}.subspan(i, std::min(step, wire.size() - i)));
        }
        CHECK(sink.messages == messages);
        CHECK_FALSE(link.failure());
    }
}

TEST_CASE("the gather list of a TCP link holds copied bytes and payloads referred to, in order") {
    const std::vector<Bytes> messages{payload(100, 1),    payload(9000, 2), payload(0, 3),
                                      payload(20'000, 4), payload(8192, 5), payload(77, 6)};
    for (const std::size_t step : {1u, 7u, 4096u, 9500u, 1u << 20}) {
        TcpLink link;
        ScriptedSource source;
        for (const auto& message : messages) source.push(message);
        link.measured({}, 1u << 30);
        link.fill(source, Time{});
        CHECK(source.fills == 1);
        CHECK(source.taken.size() == messages.size());
        CHECK(source.referenced() == 3);

        const auto wire = send_all(link, step);
        CHECK(wire.size() == source.written);
        CHECK_FALSE(link.has_pending());
        CHECK(source.referenced() == 0);

        ScriptedSink sink;
        TcpLink other;
        arrive(other, sink, wire);
        CHECK(sink.messages == messages);
    }
}

TEST_CASE("payloads are released one by one, as they are through") {
    ScriptedSource source;
    auto link = std::make_unique<TcpLink>();
    link->measured({}, 1u << 30);
    source.push(payload(9000, 1));
    source.push(payload(9000, 2));
    link->fill(source, Time{});
    CHECK(source.referenced() == 2);
    link->sent(source.written / 2 + 10);
    CHECK(source.referenced() == 1);

    SECTION("the last when all is through") {
        link->sent(source.written - source.written / 2 - 10);
        CHECK_FALSE(link->has_pending());
        CHECK(source.referenced() == 0);
    }
    SECTION("the rest when the link fails") {
        link->fail(errc::participant_lost);
        CHECK_FALSE(link->has_pending());
        CHECK(source.referenced() == 0);
    }
    SECTION("the rest when the link goes") {
        link.reset();
        CHECK(source.referenced() == 0);
    }
}

TEST_CASE("a gather list longer than the driver asks for is continued") {
    std::vector<Bytes> messages;
    for (unsigned i = 0; i < 20; ++i) messages.push_back(payload(8192, i));
    TcpLink link;
    ScriptedSource source;
    link.measured({}, 1u << 30);
    for (const auto& message : messages) source.push(message);
    link.fill(source, Time{});
    Bytes wire;
    while (link.has_pending()) {
        std::array<std::span<const std::byte>, 5> segments;
        const auto count = link.pending(segments);
        REQUIRE(count > 0);
        std::size_t size = 0;
        for (std::size_t i = 0; i < count; ++i) {
            wire.insert(wire.end(), segments[i].begin(), segments[i].end());
            size += segments[i].size();
        }
        link.sent(size);
    }
    ScriptedSink sink;
    TcpLink other;
    arrive(other, sink, wire);
    CHECK(sink.messages == messages);
}

TEST_CASE("a TCP link asks its source once for a budget that follows the rate") {
    TcpLink link;
    ScriptedSource source;
    for (int i = 0; i < 20'000; ++i) source.push(payload(100, 1));

    link.fill(source, Time{});
    CHECK(source.fills == 1);
    CHECK(source.written <= TcpLink::budget_bytes_min);
    CHECK(source.written > TcpLink::budget_bytes_min - 200);
    link.fill(source, Time{});
    CHECK(source.fills == 1);  // not before the first is sent
    send_all(link);

    protocol::LinkPath path;
    path.rate_bytes_per_second = 25'000'000;  // 100 kB in 4 ms
    link.measured(path, 0);
    link.fill(source, Time{});
    CHECK(source.written <= 100'000);
    CHECK(source.written > 99'800);
    send_all(link);

    link.measured({}, 1u << 30);
    link.fill(source, Time{std::chrono::seconds{1}});
    CHECK(source.written > TcpLink::budget_bytes_max - 200);
    CHECK(link.time() == Time{std::chrono::seconds{1}});
    CHECK(link.path().rate_bytes_per_second == 0);
}

TEST_CASE("a TCP link with nothing to send does not ask") {
    TcpLink link;
    ScriptedSource source;
    link.fill(source, Time{});
    CHECK(source.fills == 0);
    CHECK_FALSE(link.has_pending());
}

TEST_CASE("a TCP link fails with the first error") {
    TcpLink link;
    ScriptedSink sink;
    SECTION("the end of the stream") {
        link.end();
        CHECK(link.failure() == errc::participant_lost);
        link.fail(std::make_error_code(std::errc::connection_reset));
        CHECK(link.failure() == errc::participant_lost);
    }
    SECTION("the system's") {
        link.fail(std::make_error_code(std::errc::connection_reset));
        CHECK(link.failure() == std::errc::connection_reset);
    }
    SECTION("a frame that is none") {
        const Bytes bad{std::byte{0x90 | 2}, std::byte{0xff}};
        arrive(link, sink, bad);
        CHECK_FALSE(link.failure());  // it may go on as the longest of lengths
        const Bytes worse(8, std::byte{0xff});
        arrive(link, sink, worse);
        CHECK(link.failure() == errc::frame_malformed);
    }
    SECTION("what arrived before is still handed over") {
        const auto wire = encoded({payload(5, 1)});
        Arrival arrival{wire};
        link.input(arrival.bytes());
        link.fail(std::make_error_code(std::errc::connection_reset));
        link.drain(sink, Time{});
        CHECK(sink.messages.size() == 1);
    }
    SECTION("it asks for nothing any more") {
        link.end();
        ScriptedSource source;
        source.push(payload(5, 1));
        link.fill(source, Time{});
        CHECK(source.fills == 0);
    }
}

TEST_CASE("a sink that takes nothing cannot make a link hold more than a frame") {
    class Stuck final : public protocol::FrameSink {
    public:
        Receipt receive(std::span<const std::byte>, protocol::Framing, Time) override { return {}; }
        Receipt receive(std::span<const std::byte>, std::span<Message>, Time) override {
            return {};
        }
        void acked(protocol::FrameToken, Time) override {}
        void lost(protocol::FrameToken, Time) override {}
    } sink;
    TcpLink link;
    const Bytes bytes(TcpLink::leftover_bytes_max, std::byte{0});
    Arrival first{bytes};
    link.input(first.bytes());
    link.drain(sink, Time{});
    CHECK_FALSE(link.failure());
    Arrival second{std::span{bytes}.first(1)};
    link.input(second.bytes());
    link.drain(sink, Time{});
    CHECK(link.failure() == errc::frame_malformed);
}

TEST_CASE("a rate is known once the path was saturated") {
    const auto at = [](int ms) { return Time{std::chrono::milliseconds{ms}}; };
    RateMeter meter;
    meter.accepted(0, false, at(0));
    meter.accepted(100'000, false, at(100));
    CHECK(meter.bytes_per_second() == 0);
    CHECK(meter.bytes_per_second_min() == 1'000'000);
    meter.accepted(50'000, true, at(200));
    CHECK(meter.bytes_per_second() == 500'000);
    CHECK(meter.bytes_per_second_min() == 500'000);
    meter.accepted(5'000, false, at(300));
    CHECK(meter.bytes_per_second() == 500'000);
    meter.sampled(700'000, false);
    CHECK(meter.bytes_per_second() == 700'000);
    meter.sampled(200'000, true);
    CHECK(meter.bytes_per_second() == 200'000);
}
