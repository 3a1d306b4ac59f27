// What strangers say instead of a hello, through all layers: the connection is closed, a counter
// goes up, nothing is allocated for what they claim, and a client that is there does not notice.

#include "api/hostile.hpp"
#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using braid::errc;
using hostile::Arena;
using hostile::Bytes;
using hostile::MemoryWatch;
using hostile::Peer;

namespace protocol = braid::protocol;

namespace {

// Short, since tests wait for it to pass.
braid::Limits impatient() {
    braid::Limits limits;
    limits.handshake = 400ms;
    return limits;
}

void check_unharmed(Arena& arena, const MemoryWatch& memory) {
    CHECK(arena.client_lives());
    CHECK(arena.stats().participants == 1);
    CHECK(memory.peak_growth() < hostile::claim_bytes_max);
}

bool failed(Arena& arena, std::uint64_t count) {
    return arena.eventually([=](const auto& stats) { return stats.handshakes_failed == count; });
}

bool refused(Arena& arena, std::uint64_t count) {
    return arena.eventually([=](const auto& stats) { return stats.handshakes_refused == count; });
}

/// What the accepting side answers by, if it is a refusal or the versions it speaks.
protocol::Refusal answer_in(std::span<const std::byte> bytes) {
    protocol::HandshakeReader reader{protocol::HandshakeSide::accepting};
    REQUIRE(reader.read(bytes) == protocol::HandshakeStatus::refused);
    CHECK(bytes.empty());
    return reader.refusal();
}

/// A hello with one byte of its head replaced.
Bytes hello_with(std::size_t position, unsigned value) {
    const auto hello = Peer::encoded(Peer::hello());
    return Bytes{}.add(hello.first(position)).u8(value).add(hello.view().subspan(position + 1));
}

constexpr std::size_t head_bytes = 11;

/// A hello of which the numbers are written by `numbers`; all else is in order.
template <typename Numbers>
Bytes hello_of_numbers(Numbers numbers) {
    Bytes body;
    body.add(Peer::encoded(Peer::hello()).view().subspan(head_bytes, 32));
    body.number(5).text("arena").number(1).text("1");
    numbers(body);
    return Bytes{}
        .text("BRAID")
        .u8(1)
        .u8(1)
        .u8(0)
        .u8(0)
        .u16(static_cast<unsigned>(body.size()))
        .add(body);
}

Bytes random_bytes(std::size_t count) {
    std::mt19937 random{20240101};
    Bytes bytes;
    for (std::size_t i = 0; i < count; ++i) bytes.u8(random() & 0xffu);
    return bytes;
}

struct Garbage {
    const char* name;
    Bytes bytes;
};

std::vector<Garbage> garbage() {
    // A ClientHello's record and handshake headers, then its version, random and so on.
    const auto tls =
        Bytes{}.u8(0x16).u8(3).u8(1).u8(2).u8(0).u8(1).u8(0).u8(1).u8(0xfc).u8(3).u8(3).add(
            random_bytes(501));
    return {
        {"random bytes", random_bytes(65'536)},
        {"an HTTP request", Bytes{}.text("GET / HTTP/1.1\r\nHost: game.example\r\n\r\n")},
        {"a TLS client hello", tls},
        {"zeros", Bytes{}.fill(4096)},
        {"ones", Bytes{}.fill(4096, 0xff)},
        {"one wrong byte", Bytes{}.u8('X')},
        {"the magic with its last letter wrong", hello_with(4, 'T')},
        {"an accepting side's hello", hello_with(5, 2)},
        {"a refusal", Bytes{}.add(protocol::encode_refusal({}))},
        {"a kind that does not exist", hello_with(5, 9)},
        {"a length of 0", hello_with(9, 0)},
        {"a length of more than 4096", hello_with(10, 0xff)},
    };
}

}  // namespace

TEST_CASE("hostile handshake: garbage is closed without an answer") {
    for (const auto& each : garbage()) {
        DYNAMIC_SECTION(each.name) {
            Arena arena;
            const MemoryWatch memory;
            Peer peer{arena};
            peer.send(each.bytes);
            CHECK(peer.read_to_end().empty());
            CHECK(failed(arena, 1));
            check_unharmed(arena, memory);
        }
    }
}

TEST_CASE("hostile handshake: cut off after any byte, then the end") {
    Arena arena;
    const MemoryWatch memory;
    const auto hello = Peer::encoded(Peer::hello());
    for (std::size_t size = 0; size < hello.size(); ++size) {
        INFO("after " << size << " bytes");
        Peer peer{arena};
        peer.send(hello.first(size));
        peer.finish();
        CHECK(peer.read_to_end().empty());
        CHECK(failed(arena, size + 1));
    }
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: cut off after any byte, then a reset") {
    Arena arena;
    const MemoryWatch memory;
    const auto hello = Peer::encoded(Peer::hello());
    for (std::size_t size = 0; size < hello.size(); ++size) {
        INFO("after " << size << " bytes");
        Peer peer{arena};
        peer.send(hello.first(size));
        peer.reset();
        CHECK(failed(arena, size + 1));
    }
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: cut off after any byte, then silence") {
    Arena arena{impatient()};
    const MemoryWatch memory;
    const auto hello = Peer::encoded(Peer::hello());
    std::vector<Peer> peers;
    for (std::size_t size = 0; size < hello.size(); ++size) {
        peers.emplace_back(arena).send(hello.first(size));
    }
    for (auto& each : peers) CHECK(each.read_to_end().empty());
    CHECK(failed(arena, hello.size()));
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: a hello and then no frame") {
    Arena arena{impatient()};
    const MemoryWatch memory;
    Peer peer{arena};
    peer.shake_hands(Peer::hello());
    CHECK(peer.sees_end());
    CHECK(failed(arena, 1));
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: a hello and half a frame") {
    Arena arena{impatient()};
    const MemoryWatch memory;
    Peer peer{arena};
    peer.shake_hands(Peer::hello());
    peer.send(hostile::open().first(5));
    CHECK(peer.sees_end());
    CHECK(failed(arena, 1));
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: one byte at a time, too slowly") {
    Arena arena{impatient()};
    const MemoryWatch memory;
    Peer peer{arena};
    const auto hello = Peer::encoded(Peer::hello());
    // All of it takes longer than a handshake may.
    const auto pace = impatient().handshake * 2 / hello.size();
    std::size_t sent = 0;
    while (sent < hello.size() && peer.send(hello.view().subspan(sent, 1))) {
        ++sent;
        if (peer.readable(pace)) break;
    }
    CHECK(sent < hello.size());
    CHECK(peer.read_to_end().empty());
    CHECK(failed(arena, 1));
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: one byte at a time, but in time, is no offence") {
    Arena arena;
    Peer peer{arena};
    const auto bytes = Peer::encoded(Peer::hello()).add(hostile::ping());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        REQUIRE(peer.send(bytes.view().subspan(i, 1)));
    }
    CHECK(arena.eventually([](const auto& stats) { return stats.participants == 2; }));
    CHECK(arena.stats().handshakes_failed == 0);
    CHECK(arena.client_lives());
}

TEST_CASE("hostile handshake: another major version is told which ones are spoken") {
    Arena arena;
    const MemoryWatch memory;
    for (const unsigned major : {0u, 2u, 255u}) {
        Peer peer{arena};
        peer.send(hello_with(6, major));
        const auto answer = peer.read_to_end();
        CHECK(answer_in(answer).reason == errc::handshake_version);
    }
    CHECK(failed(arena, 3));
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: an unknown security pattern is refused by name") {
    Arena arena;
    const MemoryWatch memory;
    for (const unsigned pattern : {1u, 7u, 255u}) {
        Peer peer{arena};
        peer.send(hello_with(8, pattern));
        const auto answer = peer.read_to_end();
        CHECK(answer_in(answer).reason == errc::handshake_security);
    }
    CHECK(failed(arena, 3));
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: another application is refused by name") {
    Arena arena;
    const MemoryWatch memory;
    auto other = Peer::hello();
    SECTION("another name") { other.application_name = "stadium"; }
    SECTION("another version") { other.application_version = "stadium"; }
    Peer peer{arena};
    peer.send(Peer::encoded(other));
    const auto answer = peer.read_to_end();
    const auto refusal = answer_in(answer);
    CHECK(refusal.reason == errc::handshake_application);
    CHECK(refusal.text.find("stadium") != std::string::npos);
    CHECK(refusal.text.find("arena") != std::string::npos);
    CHECK(refused(arena, 1));
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: another's Pid does not get his place") {
    Arena arena;
    const MemoryWatch memory;
    auto thief = Peer::hello();
    auto expected = errc::already_connected;
    SECTION("the client's") { thief.pid = Arena::client_pid(); }
    SECTION("the server's own") {
        thief.pid = Arena::server_pid();
        expected = errc::self_connect;
    }
    Peer peer{arena};
    peer.send(Peer::encoded(thief));
    const auto answer = peer.read_to_end();
    CHECK(answer_in(answer).reason == expected);
    CHECK(refused(arena, 1));
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: numbers that are too large") {
    for (int wrong = 0; wrong < 5; ++wrong) {
        for (const auto value :
             {protocol::hello_number_max + 1, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
            DYNAMIC_SECTION("number " << wrong << " is " << value) {
                Arena arena;
                const MemoryWatch memory;
                Peer peer{arena};
                peer.send(hello_of_numbers([&](Bytes& body) {
                    for (int i = 0; i < 5; ++i) body.number(i == wrong ? value : 1000);
                }));
                CHECK(peer.read_to_end().empty());
                CHECK(failed(arena, 1));
                check_unharmed(arena, memory);
            }
        }
    }
}

TEST_CASE("hostile handshake: numbers and texts that are not well-formed") {
    struct Case {
        const char* name;
        Bytes numbers;
    };
    const std::vector<Case> cases{
        {"not the shortest form", Bytes{}.long_number(1).number(1).number(1).number(1).number(1)},
        {"a number missing", Bytes{}.number(1).number(1).number(1).number(1)},
        {"no idle time", Bytes{}.number(1).number(1).number(1).number(1).number(0)},
    };
    for (const auto& each : cases) {
        DYNAMIC_SECTION(each.name) {
            Arena arena;
            const MemoryWatch memory;
            Peer peer{arena};
            peer.send(hello_of_numbers([&](Bytes& body) { body.add(each.numbers); }));
            CHECK(peer.read_to_end().empty());
            CHECK(failed(arena, 1));
            check_unharmed(arena, memory);
        }
    }
}

TEST_CASE("hostile handshake: the largest and smallest numbers that are legal") {
    Arena arena;
    const MemoryWatch memory;
    auto said = Peer::hello();
    SECTION("all large") {
        said.stream_credit = said.participant_credit = protocol::hello_number_max;
        said.streams = said.message_bytes_max = said.idle_ms = protocol::hello_number_max;
        Peer peer{arena};
        peer.shake_hands(said);
        peer.send(hostile::ping());
        CHECK(arena.eventually([](const auto& stats) { return stats.participants == 2; }));
        peer.reset();
        CHECK(arena.next_end().error == errc::participant_lost);
    }
    SECTION("no credit, no streams, and a millisecond of idle time") {
        said.stream_credit = said.participant_credit = said.streams = said.message_bytes_max = 0;
        said.idle_ms = 1;
        Peer peer{arena};
        peer.send(Peer::encoded(said).add(hostile::ping()));
        CHECK(peer.sees_end());
        CHECK(arena.next_end().error == errc::idle_timeout);
    }
    check_unharmed(arena, memory);
}

TEST_CASE("hostile handshake: only so many may be half open") {
    auto limits = impatient();
    limits.half_open = 8;
    Arena arena{limits};
    const MemoryWatch memory;
    const bool after_hello = GENERATE(false, true);
    INFO((after_hello ? "each said hello" : "none said a word"));

    std::vector<Peer> silent;
    for (unsigned i = 0; i < limits.half_open; ++i) {
        silent.emplace_back(arena);
        if (after_hello) silent.back().shake_hands(Peer::hello());
    }
    Peer late{arena};
    CHECK(late.read_to_end().empty());
    CHECK(refused(arena, 1));
    CHECK(arena.client_lives());

    for (auto& each : silent) CHECK(each.sees_end());
    CHECK(failed(arena, limits.half_open));
    Peer next{arena};
    next.join();
    CHECK(arena.eventually([](const auto& stats) { return stats.participants == 2; }));
    next.reset();
    CHECK(arena.next_end().error == errc::participant_lost);
    check_unharmed(arena, memory);
}
