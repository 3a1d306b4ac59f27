#include "transport/udp/path_validation.hpp"

#include "catch.hpp"

#include <set>

using namespace braid;
using namespace braid::transport;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t seed = 99;
constexpr std::size_t probe_bytes = 24;
constexpr protocol::Duration probe_timeout = 400ms;

SocketAddress address(std::uint8_t host, std::uint16_t port = 1000) {
    SocketAddress result;
    result.ip = {10, 0, 0, host};
    result.port = port;
    return result;
}

protocol::Time at(protocol::Duration since) { return protocol::Time{1h + since}; }

const auto home = address(1);

struct Server {
    PathValidation paths{home, true, 0, seed};

    PathChange packet(const SocketAddress& from, protocol::Duration when, std::size_t bytes = 100,
                      bool newest = true) {
        return paths.on_packet(from, bytes, newest, at(when), probe_timeout);
    }

    /// Everything that is to be sent now, with as much padding as may be.
    std::vector<PathValidation::Probe> probes(protocol::Duration when) {
        std::vector<PathValidation::Probe> all;
        while (const auto probe = paths.probe(at(when), probe_bytes)) {
            all.push_back(*probe);
            paths.probe_sent(*probe, probe->bytes, at(when));
            REQUIRE(all.size() < 100);
        }
        return all;
    }

    /// The challenge that goes there now.
    PathData challenge_to(const SocketAddress& to, protocol::Duration when) {
        for (const auto& probe : probes(when)) {
            if (probe.to == to && !probe.response) return probe.data;
        }
        FAIL("no challenge");
        return {};
    }
};

}  // namespace

TEST_CASE("a peer that stays where it is costs nothing") {
    Server server;
    CHECK(server.packet(home, 0ms) == PathChange::none);
    CHECK(server.probes(0ms).empty());
    CHECK(server.paths.peer() == home);
    CHECK(server.paths.may_send(1u << 30));
    CHECK(server.paths.deadline(probe_bytes) == protocol::never);
    CHECK(server.paths.advance(at(1h)) == PathChange::none);
}

TEST_CASE("packets follow a peer whose port changed and what was measured holds") {
    Server server;
    const auto moved = address(1, 2000);
    CHECK(server.packet(moved, 0ms) == PathChange::candidate);
    CHECK(server.paths.peer() == moved);
    CHECK_FALSE(server.paths.proven());
    const auto data = server.challenge_to(moved, 0ms);
    server.packet(moved, 50ms);
    CHECK(server.paths.on_response(data) == PathChange::port);
    CHECK(server.paths.proven());
    CHECK(server.paths.may_send(1u << 30));
    CHECK(server.paths.deadline(probe_bytes) == protocol::never);
    CHECK(server.probes(10s).empty());
    // The answer comes twice when the challenge was sent twice.
    CHECK(server.paths.on_response(data) == PathChange::none);
}

TEST_CASE("a proven change of host is told apart") {
    Server server;
    const auto moved = address(2);
    CHECK(server.packet(moved, 0ms) == PathChange::candidate);
    const auto data = server.challenge_to(moved, 0ms);
    CHECK(server.paths.on_response(data) == PathChange::host);
    CHECK(server.paths.peer() == moved);
}

TEST_CASE("an older packet from elsewhere moves nothing") {
    Server server;
    CHECK(server.packet(address(2), 0ms, 1200, false) == PathChange::none);
    CHECK(server.paths.peer() == home);
    CHECK(server.paths.allowance(address(2)) == 0);
    CHECK(server.probes(0ms).empty());
}

TEST_CASE("an unproven address gets three times what came from it and both are challenged") {
    Server server;
    const auto moved = address(2);
    server.packet(moved, 0ms, 100);
    CHECK(server.paths.allowance(moved) == 300);
    const auto probes = server.probes(0ms);
    REQUIRE(probes.size() == 2);
    CHECK(probes[0].to == moved);
    CHECK(probes[0].bytes == probe_bytes);
    CHECK(probes[1].to == home);
    CHECK(probes[1].bytes == packet_bytes_base);
    CHECK(probes[0].data != probes[1].data);
    CHECK(server.paths.allowance(moved) == 300 - probe_bytes);
    // What comes from there by and by, old or new, counts.
    server.packet(moved, 10ms, 1200, false);
    CHECK(server.paths.allowance(moved) == 3900 - probe_bytes);
    server.paths.charge(3876);
    CHECK_FALSE(server.paths.may_send(1));
    // A challenge has to be as long as a full packet where it may.
    Server other;
    other.packet(moved, 0ms, 400);
    CHECK(other.probes(0ms)[0].bytes == packet_bytes_base);
    CHECK_FALSE(other.paths.may_send(1));
}

TEST_CASE("challenges are repeated and then given up") {
    Server server;
    const auto moved = address(2);
    server.packet(moved, 0ms, 1200);
    std::size_t challenges = 0;
    std::set<PathData> different;
    protocol::Duration now = 0ms;
    for (int i = 0; i < 10 && server.paths.deadline(probe_bytes) != protocol::never; ++i) {
        now = std::max(now, server.paths.deadline(probe_bytes) - at(0ms));
        for (const auto& probe : server.probes(now)) {
            if (probe.to != moved) continue;
            ++challenges;
            different.insert(probe.data);
        }
        const auto change = server.paths.advance(at(now));
        CHECK(change == (now < 3 * probe_timeout ? PathChange::none : PathChange::returned));
    }
    CHECK(challenges == PathValidation::challenges_max);
    CHECK(different.size() == 1);
    CHECK(now == 3 * probe_timeout);
    CHECK(server.paths.peer() == home);
    CHECK(server.paths.may_send(1u << 30));
}

TEST_CASE("an answer that is too late or wrong or from elsewhere proves nothing") {
    Server server;
    const auto moved = address(2);
    server.packet(moved, 0ms);
    // None was sent yet: whatever is guessed is wrong.
    CHECK(server.paths.on_response(PathData{}) == PathChange::none);
    const auto data = server.challenge_to(moved, 0ms);
    auto wrong = data;
    wrong[7] ^= std::byte{1};
    server.packet(moved, 10ms);
    CHECK(server.paths.on_response(wrong) == PathChange::none);
    server.packet(address(3), 20ms, 100, false);
    CHECK(server.paths.on_response(data) == PathChange::none);
    CHECK_FALSE(server.paths.proven());
    CHECK(server.paths.advance(at(3 * probe_timeout)) == PathChange::returned);
    server.packet(moved, 3 * probe_timeout, 100, false);
    CHECK(server.paths.on_response(data) == PathChange::none);
    CHECK(server.paths.peer() == home);
}

TEST_CASE("hostile 37: who copies packets from elsewhere loses to the original") {
    Server server;
    const auto thief = address(66);
    // Each packet's copy comes first; sometimes the original wins the race.
    CHECK(server.packet(thief, 0ms) == PathChange::candidate);
    server.packet(home, 1ms, 100, false);
    CHECK(server.paths.peer() == thief);
    server.probes(1ms);
    CHECK(server.paths.allowance(thief) < 300);
    CHECK(server.packet(home, 20ms) == PathChange::returned);
    CHECK(server.paths.peer() == home);
    CHECK(server.paths.proven());
    CHECK(server.paths.deadline(probe_bytes) == protocol::never);
    CHECK(server.paths.allowance(thief) == 0);
}

TEST_CASE("hostile 38: of a hundred changes a second four in ten seconds are followed") {
    Server server;
    int followed = 0;
    std::set<SocketAddress> places;
    for (int i = 0; i < 900; ++i) {
        const auto from = address(2, static_cast<std::uint16_t>(i + 1));
        const auto change = server.packet(from, i * 10ms);
        if (change == PathChange::candidate) {
            ++followed;
            CHECK(server.paths.peer() == from);
        } else {
            CHECK(change == PathChange::ignored);
        }
        server.paths.advance(at(i * 10ms));
        for (const auto& probe : server.probes(i * 10ms)) places.insert(probe.to);
    }
    CHECK(followed == 4);
    CHECK(places.size() == 5);
    CHECK(server.paths.peer() == home);
    // A real move is followed after that.
    CHECK(server.packet(address(3), 10s) == PathChange::ignored);
    CHECK(server.packet(address(3), 11s) == PathChange::candidate);
}

TEST_CASE("hostile 39: a forged address gets three times what came in its name and silence then") {
    Server server;
    const auto victim = address(77);
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    for (int i = 0; i < 300; ++i) {
        const auto when = i * 100ms;
        received += 60;
        server.packet(victim, when, 60);
        for (const auto& probe : server.probes(when)) {
            if (probe.to == victim) sent += probe.bytes;
        }
        if (server.paths.peer() == victim) {
            while (server.paths.may_send(50)) {
                server.paths.charge(50);
                sent += 50;
            }
        }
        server.paths.advance(at(when));
        REQUIRE(sent <= 3 * received);
    }
    CHECK(sent > 0);
    server.paths.advance(at(1h));
    CHECK(server.paths.peer() == home);
}

TEST_CASE("hostile 36: a thousand challenges in a packet are answered once") {
    Server server;
    const auto ask = [&](std::byte last) {
        for (int i = 0; i < 1000; ++i) server.paths.on_challenge(PathData{std::byte{1}});
        server.paths.on_challenge(PathData{last});
    };
    server.packet(home, 0ms, packet_bytes_base);
    ask(std::byte{7});
    CHECK(server.paths.deadline(probe_bytes) == protocol::Time::min());
    const auto answers = server.probes(0ms);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].response);
    CHECK(answers[0].to == home);
    CHECK(answers[0].data == PathData{std::byte{7}});
    CHECK(answers[0].bytes == packet_bytes_base);
    // Nor do packets that ask pile up when nothing can be sent.
    for (int i = 0; i < 1000; ++i) {
        server.packet(home, 1ms);
        ask(static_cast<std::byte>(i % 256));
    }
    const auto more = server.probes(1ms);
    REQUIRE(more.size() == PathValidation::responses_max);
    // Nor is an answer longer than what asked for it.
    CHECK(more.back().bytes == probe_bytes);
    CHECK(more.back().data == PathData{static_cast<std::byte>(999 % 256)});
    CHECK(server.paths.deadline(probe_bytes) == protocol::never);
}

TEST_CASE("a challenge is answered where it came from and no longer than it was") {
    Server server;
    const auto elsewhere = address(9);
    server.packet(elsewhere, 0ms, 30, false);
    server.paths.on_challenge(PathData{std::byte{5}});
    const auto answers = server.probes(0ms);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].to == elsewhere);
    CHECK(answers[0].bytes == probe_bytes);
    // One that could not even be answered in its own length is not, and nothing waits for it.
    server.packet(elsewhere, 1ms, probe_bytes - 1, false);
    server.paths.on_challenge(PathData{std::byte{6}});
    CHECK(server.probes(1ms).empty());
    CHECK(server.paths.deadline(probe_bytes) == protocol::never);
}

TEST_CASE("before its first packet a peer gets three times its handshake") {
    PathValidation paths{home, false, 1200, seed};
    CHECK_FALSE(paths.proven());
    CHECK(paths.may_send(3600));
    CHECK_FALSE(paths.may_send(3601));
    paths.charge(3600);
    CHECK_FALSE(paths.may_send(1));
    CHECK(paths.on_packet(home, 50, true, at(0ms), probe_timeout) == PathChange::none);
    CHECK(paths.proven());
    CHECK(paths.may_send(1u << 30));
}

TEST_CASE("a first packet from elsewhere is no proof for either place") {
    PathValidation paths{home, false, 1200, seed};
    const auto moved = address(1, 2000);
    CHECK(paths.on_packet(moved, 50, true, at(0ms), probe_timeout) == PathChange::candidate);
    CHECK_FALSE(paths.proven());
    CHECK(paths.allowance(moved) == 150);
    CHECK(paths.allowance(home) == 3600);
    CHECK(paths.advance(at(2h)) == PathChange::returned);
    CHECK_FALSE(paths.proven());
}

TEST_CASE("a candidate gives way to the next one") {
    Server server;
    server.packet(address(2), 0ms);
    const auto first = server.challenge_to(address(2), 0ms);
    CHECK(server.packet(address(3), 10ms) == PathChange::candidate);
    CHECK(server.paths.allowance(address(2)) == 0);
    const auto second = server.challenge_to(address(3), 10ms);
    // Whoever has seen one challenge can tell nothing of the next.
    CHECK(first != second);
    server.packet(address(2), 20ms, 100, false);
    CHECK(server.paths.on_response(first) == PathChange::none);
    server.packet(address(3), 20ms);
    CHECK(server.paths.on_response(second) == PathChange::host);
    CHECK(server.paths.peer() == address(3));
}
