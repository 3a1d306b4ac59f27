// Peers who speak well and behave badly, through all layers: more than their credit, payloads that
// are not what they say, streams by the thousand, silence, and leaving in the middle.

#include "api/hostile.hpp"
#include "catch.hpp"

#include <braid/close_code.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using braid::errc;
using hostile::Arena;
using hostile::Bytes;
using hostile::fragment;
using hostile::MemoryWatch;
using hostile::message;
using hostile::Open;
using hostile::open;
using hostile::Peer;
using hostile::Use;

namespace {

constexpr std::uint64_t mebibyte = 1u << 20;

/// A stream like this one, in the `index`-th slot.
Bytes open_at(std::uint64_t index, Open fields = {}) {
    fields.slot = fields.id = 2 * index;
    return open(fields);
}

Bytes open_for(Use use, unsigned promises = hostile::reliable) {
    Open fields;
    fields.use = use;
    fields.promises = promises;
    return open(fields);
}

/// What was thrown out for `error` after it said that, on streams that the application reads.
void check_thrown_out(Arena& arena, const Bytes& bytes, errc error,
                      std::size_t memory_bytes_max = hostile::claim_bytes_max) {
    const MemoryWatch memory;
    Peer peer{arena};
    peer.join();
    peer.send(bytes);
    CHECK(peer.sees_end());
    CHECK(arena.next_end().error == error);
    CHECK(arena.eventually(
        [](const auto& stats) { return stats.violations == 1 && stats.participants == 1; }));
    CHECK(arena.client_lives());
    CHECK(memory.peak_growth() < memory_bytes_max);
}

struct Payload {
    const char* name;
    unsigned promises;
    Bytes bytes;
    errc error;
};

std::vector<Payload> payloads() {
    const auto checksummed = hostile::reliable;
    const auto squeezed = hostile::guaranteed | hostile::compressed;
    const auto limit = std::uint64_t{braid::Limits{}.message_bytes};
    return {
        {"a wrong checksum", checksummed, Bytes{}.u8(2).fill(4).text("altered"),
         errc::checksum_mismatch},
        {"half a checksum", checksummed, Bytes{}.u8(2).fill(2), errc::frame_malformed},
        {"nothing at all where an envelope should be", checksummed, {}, errc::frame_malformed},
        {"unknown flags", checksummed, Bytes{}.u8(0x80), errc::frame_malformed},
        {"compression that was not promised", checksummed, Bytes{}.u8(1).number(8).fill(8),
         errc::frame_malformed},
        {"broken LZ4", squeezed, Bytes{}.u8(1).number(1000).fill(64, 0xff),
         errc::compression_malformed},
        {"LZ4 that gives less than it says", squeezed,
         Bytes{}.u8(1).number(1000).u8(0x40).text("abcd"), errc::compression_malformed},
        {"LZ4 that gives more than it says", squeezed,
         Bytes{}.u8(1).number(2).u8(0x40).text("abcd"), errc::compression_malformed},
        {"no size", squeezed, Bytes{}.u8(1), errc::compression_malformed},
        {"a size of 1 GiB", squeezed, Bytes{}.u8(1).number(1u << 30).fill(64),
         errc::message_too_large},
        {"a size of 2^62", squeezed, Bytes{}.u8(1).number(std::uint64_t{1} << 62).fill(64),
         errc::message_too_large},
        {"a size that so short a block can not give", squeezed,
         Bytes{}.u8(1).number(limit).fill(64), errc::compression_malformed},
    };
}

/// Where standard error goes while it lives.
class CapturedLines {
public:
    CapturedLines() : file_{std::tmpfile()}, standard_error_{::dup(STDERR_FILENO)} {
        ::dup2(::fileno(file_), STDERR_FILENO);
    }
    CapturedLines(const CapturedLines&) = delete;
    CapturedLines& operator=(const CapturedLines&) = delete;
    ~CapturedLines() {
        release();
        std::fclose(file_);
    }

    std::vector<std::string> lines() {
        release();
        std::rewind(file_);
        std::vector<std::string> all(1);
        for (int next = std::fgetc(file_); next != EOF; next = std::fgetc(file_)) {
            if (next == '\n') {
                all.emplace_back();
            } else {
                all.back() += static_cast<char>(next);
            }
        }
        all.pop_back();
        return all;
    }

private:
    void release() {
        if (standard_error_ < 0) return;
        ::dup2(standard_error_, STDERR_FILENO);
        ::close(standard_error_);
        standard_error_ = -1;
    }

    std::FILE* file_;
    int standard_error_;
};

}  // namespace

TEST_CASE("hostile streams: payloads that are not what they say") {
    for (const auto& each : payloads()) {
        DYNAMIC_SECTION(each.name) {
            Arena arena;
            const auto bytes =
                open_for(Use::read, each.promises).add(message(0, 0, each.bytes.view()));
            check_thrown_out(arena, bytes, each.error);
            CHECK(arena.next_stream_end() == each.error);
        }
    }
}

TEST_CASE("hostile streams: more data than the stream's credit") {
    const auto window = braid::Limits{}.stream_receive_window_bytes;
    Arena arena;
    auto bytes = open();
    for (unsigned i = 0; i <= window / 65'536; ++i) bytes.add(message(0, i, 65'536));
    check_thrown_out(arena, bytes, errc::flow_control_violation, 2 * mebibyte);
}

TEST_CASE("hostile streams: more empty messages than the stream's credit") {
    const auto window = braid::Limits{}.stream_receive_window_bytes;
    Open fields;
    fields.promises = hostile::guaranteed;
    Arena arena;
    auto bytes = open(fields);
    for (unsigned i = 0; i <= window / 32; ++i) bytes.add(message(0, i, std::size_t{0}));
    check_thrown_out(arena, bytes, errc::flow_control_violation, 2 * mebibyte);
}

TEST_CASE("hostile streams: fragments of more than the stream's credit") {
    const auto window = braid::Limits{}.stream_receive_window_bytes;
    Open fields;
    fields.promises = hostile::guaranteed;
    Arena arena;
    auto bytes = open(fields);
    // Without a total there is nothing to reserve room for.
    for (std::uint64_t at = 0; at <= window; at += 32'768) {
        bytes.add(fragment(0, 0, at, 0, 32'768));
    }
    check_thrown_out(arena, bytes, errc::flow_control_violation, 2 * mebibyte);
}

TEST_CASE("hostile streams: more data than the participant's credit") {
    Open fields;
    fields.promises = hostile::guaranteed;
    Arena arena;
    Bytes bytes;
    for (std::uint64_t stream = 0; stream < 6; ++stream) {
        bytes.add(open_at(stream, fields));
        for (unsigned i = 0; i < 3; ++i) bytes.add(message(2 * stream, i, 65'536));
    }
    check_thrown_out(arena, bytes, errc::flow_control_violation, 4 * mebibyte);
}

TEST_CASE("hostile streams: fragments that are too small") {
    Arena arena;
    auto bytes = open();
    SECTION("one byte") { bytes.add(fragment(0, 0, 0, 1000, 1)); }
    SECTION("127 bytes") { bytes.add(fragment(0, 0, 0, 1000, 127)); }
    SECTION("127 bytes in the middle, without a total") { bytes.add(fragment(0, 0, 500, 0, 127)); }
    SECTION("none at all") { bytes.add(fragment(0, 0, 0, 1000, 0)); }
    check_thrown_out(arena, bytes, errc::protocol_violation);
}

TEST_CASE("hostile streams: what may be lost keeps little memory while it is unfinished") {
    Open fields;
    fields.promises = 0;
    Arena arena;
    const MemoryWatch memory;
    Peer peer{arena};
    peer.join();
    peer.send(open(fields));
    SECTION("sixteen messages that are almost complete") {
        for (std::uint64_t at = 0; at < 250'000; at += 10'000) {
            for (unsigned number = 0; number < 16; ++number) {
                peer.send(fragment(0, number, at, 256'000, 10'000));
            }
        }
    }
    SECTION("single bytes with gaps between them") {
        for (unsigned number = 0; number < 16; ++number) {
            Bytes bytes;
            for (std::uint64_t i = 1; i < 4000; ++i) bytes.add(fragment(0, number, 2 * i, 0, 1));
            peer.send(bytes);
        }
    }
    peer.finish();
    CHECK(peer.sees_end());
    CHECK(arena.next_end().error == errc::participant_lost);
    CHECK(arena.client_lives());
    CHECK(memory.peak_growth() < 2 * mebibyte);
}

TEST_CASE("hostile streams: more streams than MAX_STREAMS allows") {
    Arena arena;
    Bytes bytes;
    SECTION("one more") {
        for (std::uint64_t i = 0; i < 257; ++i) bytes.add(open_at(i));
    }
    SECTION("ten thousand") {
        for (std::uint64_t i = 0; i < 10'000; ++i) bytes.add(open_at(i));
    }
    check_thrown_out(arena, bytes, errc::stream_limit_violation, 2 * mebibyte);
    CHECK(arena.streams_seen() == 256);
}

TEST_CASE("hostile 27: a stream that is to be encrypted is refused on a plain channel") {
    Arena arena;
    Peer peer{arena};
    peer.join();
    Open fields;
    fields.promises = hostile::reliable | static_cast<unsigned>(braid::Promises::encrypted);
    peer.send(open(fields).add(message(0, 0, 100)));
    peer.finish();
    const auto said = peer.read_to_end();
    const auto refusal =
        Bytes{}.u8(0x08).number(0).number(braid::close_code::encryption_unavailable);
    const auto found = std::ranges::search(said, refusal.view());
    CHECK_FALSE(found.empty());
    CHECK(arena.next_end().error == errc::participant_lost);
    CHECK(arena.streams_seen() == 0);
    CHECK(arena.stats().streams_refused == 1);
    CHECK(arena.client_lives());
}

TEST_CASE("hostile streams: 256 streams that are never used") {
    Arena arena;
    const MemoryWatch memory;
    {
        Peer peer{arena};
        peer.join();
        Bytes bytes;
        for (std::uint64_t i = 0; i < 256; ++i) bytes.add(open_at(i));
        peer.send(bytes);
        peer.finish();
        CHECK(peer.sees_end());
    }
    CHECK(arena.next_end().error == errc::participant_lost);
    CHECK(arena.streams_seen() == 256);
    CHECK(arena.eventually([](const auto& stats) { return stats.participants == 1; }));
    CHECK(arena.stats().violations == 0);
    CHECK(arena.client_lives());
    CHECK(memory.peak_growth() < 2 * mebibyte);
}

TEST_CASE("hostile streams: opened and given up again and again") {
    // Streams that the application holds on to count until it lets go.
    Arena arena;
    Bytes bytes;
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        bytes.add(open_at(i));
        bytes.u8(0x0a).number(2 * i).number(0).number(0).number(0);
    }
    check_thrown_out(arena, bytes, errc::stream_limit_violation, 2 * mebibyte);
}

TEST_CASE("hostile streams: a peer that reads nothing while the server sends") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = mebibyte;
    limits.participant_send_queue_bytes = 4 * mebibyte;
    Arena arena{limits};
    const MemoryWatch memory;
    Peer peer{arena};
    auto generous = Peer::hello();
    generous.stream_credit = generous.participant_credit = std::uint64_t{1} << 40;
    Open fields;
    fields.use = Use::flood;
    fields.promises = hostile::guaranteed;
    SECTION("with all the credit there is") { fields.credit = std::uint64_t{1} << 40; }
    SECTION("without any credit") {
        generous.stream_credit = generous.participant_credit = fields.credit = 0;
    }
    peer.shake_hands(generous);
    peer.send(open(fields));
    CHECK(arena.next_stream_end() == errc::send_queue_full);
    CHECK(arena.client_lives());
    CHECK(memory.peak_growth() < 4 * mebibyte);
    peer.reset();
    CHECK(arena.next_end().error == errc::participant_lost);
    CHECK(arena.client_lives());
    CHECK(arena.eventually([](const auto& stats) { return stats.participants == 1; }));
    // Some of it stays with the Network, for the next who sends much.
    CHECK(arena.eventually([&](const auto&) { return memory.growth() < 3 * mebibyte; }));
}

TEST_CASE("hostile streams: a peer that reads nothing of what may be lost") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = mebibyte;
    limits.participant_send_queue_bytes = 4 * mebibyte;
    Arena arena{limits};
    const MemoryWatch memory;
    Peer peer{arena};
    peer.join();
    peer.send(open_for(Use::flood, 0));
    const auto error = arena.next_stream_end();
    CHECK((!error || error == errc::send_queue_full));
    CHECK(arena.client_lives());
    CHECK(memory.peak_growth() < 8 * mebibyte);
    peer.reset();
    CHECK(arena.next_end().error == errc::participant_lost);
    CHECK(arena.client_lives());
}

TEST_CASE("hostile streams: leaving in the middle") {
    const bool by_reset = GENERATE(false, true);
    Arena arena;
    const MemoryWatch memory;
    Peer peer{arena};
    peer.join();
    auto bytes = open_for(Use::read, hostile::guaranteed);
    SECTION("of a frame") { bytes.add(message(0, 0, 1000).first(500)); }
    SECTION("of a message") { bytes.add(fragment(0, 0, 0, 10'000, 5000)); }
    SECTION("of a long message that room was reserved for") {
        bytes.add(fragment(0, 0, 0, 8 * mebibyte, 60'000));
    }
    SECTION("of a stream") { bytes.add(message(0, 0, 1000)); }
    peer.send(bytes);
    if (by_reset) {
        // What a reset overtakes is lost, and with it the stream that is to be seen to end.
        CHECK(arena.client_lives());
        peer.reset();
    } else {
        peer.finish();
        CHECK(peer.sees_end());
        CHECK(arena.next_stream_end() == errc::participant_lost);
    }
    CHECK(arena.next_end().error == errc::participant_lost);
    CHECK(arena.eventually([](const auto& stats) { return stats.participants == 1; }));
    CHECK(arena.stats().violations == 0);
    CHECK(arena.client_lives());
    CHECK(memory.peak_growth() < hostile::claim_bytes_max);
}

TEST_CASE("hostile streams: silence") {
    braid::Limits limits;
    limits.idle = 500ms;
    Arena arena{limits};
    const MemoryWatch memory;
    Peer peer{arena};
    peer.join();
    SECTION("from the start") {}
    SECTION("in the middle of a frame") { peer.send(open().first(6)); }
    CHECK(peer.sees_end());
    CHECK(arena.next_end().error == errc::idle_timeout);
    CHECK(arena.client_lives());
    CHECK(memory.peak_growth() < hostile::claim_bytes_max);
}

TEST_CASE("hostile streams: each offence is one line in the log") {
    CapturedLines captured;
    std::string expected;
    {
        Arena arena{{}, braid::LogLevel::warning};
        Peer peer{arena};
        SECTION("a frame that does not exist") {
            peer.join();
            peer.send(Bytes{}.u8(0x7f));
            expected = make_error_code(errc::protocol_violation).message();
        }
        SECTION("a message that is too large") {
            peer.join();
            peer.send(open().add(fragment(0, 0, 0, std::uint64_t{1} << 62, 200)));
            expected = make_error_code(errc::message_too_large).message();
        }
        SECTION("no hello") {
            peer.send(Bytes{}.text("GET / HTTP/1.1\r\n\r\n"));
            expected = make_error_code(errc::handshake_not_braid).message();
        }
        SECTION("another application") {
            auto other = Peer::hello();
            other.application_name = "stadium";
            peer.send(Peer::encoded(other));
            expected = make_error_code(errc::handshake_application).message();
        }
        peer.sees_end();
        CHECK(arena.eventually([](const auto& stats) {
            return stats.violations + stats.handshakes_failed + stats.handshakes_refused == 1;
        }));
        CHECK(arena.client_lives());
    }
    const auto lines = captured.lines();
    REQUIRE(lines.size() == 1);
    INFO(lines[0]);
    CHECK(lines[0].find("127.0.0.1") != std::string::npos);
    CHECK(lines[0].find(expected) != std::string::npos);
}
