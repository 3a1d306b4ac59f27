#include "transport/udp/link.hpp"

#include "catch.hpp"
#include "sim/random.hpp"
#include "transport/scripted.hpp"
#include "transport/udp/link_pair.hpp"

#include <braid/close_code.hpp>
#include <braid/error.hpp>

#include <algorithm>
#include <array>

namespace {

using namespace udp_test;
using braid::errc;
using braid::Promises;

constexpr auto reliable = Promises::ordered | Promises::guaranteed_delivery;
constexpr auto lossy = Promises{};

std::size_t total(const std::vector<std::vector<std::byte>>& messages) {
    std::size_t bytes = 0;
    for (const auto& message : messages) bytes += message.size();
    return bytes;
}

}  // namespace

TEST_CASE("udp link: what is sent arrives and is acknowledged") {
    LinkPair pair;
    auto& stream = pair.open(reliable);
    for (std::uint32_t i = 0; i < 10; ++i) pair.send(0, stream, i * 100, 100);
    pair.run_for(30ms);
    auto* const twin = pair.twin(1, stream);
    REQUIRE(twin != nullptr);
    CHECK(pair.take(1, *twin).size() == 10);
    pair.run_for(30ms);
    CHECK(stream.outbound.settled());
    CHECK(pair.end(0).link->recovery().bytes_in_flight() == 0);
    CHECK(pair.end(1).link->confirmed());
    CHECK_FALSE(pair.end(0).link->failure());
}

TEST_CASE("udp link: much arrives whole and in order though packets are lost and late") {
    LinkPair pair;
    sim::Random random{42};
    pair.way = [&](int from, std::vector<std::byte> bytes) {
        if (random.chance(0.1)) return;
        const auto extra = std::chrono::microseconds{random.below(3'000)};
        const auto copies = random.chance(0.05) ? 2 : 1;
        for (int i = 0; i < copies; ++i) {
            pair.deliver(1 - from, bytes, pair.delay + extra, pair.end(from).address);
        }
    };
    auto& memory = pair.end(0).memory;
    for (auto& byte : memory) byte = static_cast<std::byte>(random.below(256));
    auto& stream = pair.open(reliable);
    std::vector<std::byte> received;
    std::uint32_t sent = 0;
    constexpr std::uint32_t message = 5'000;
    for (int i = 0; i < 400 && received.size() < 1'000'000; ++i) {
        while (sent + message <= memory.size() && stream.outbound.bytes_queued() < 100'000) {
            pair.send(0, stream, sent, message);
            sent += message;
        }
        pair.run_for(50ms);
        auto* const twin = pair.twin(1, stream);
        if (twin == nullptr) continue;
        for (const auto& part : pair.take(1, *twin)) {
            received.insert(received.end(), part.begin(), part.end());
        }
    }
    CHECK(received.size() >= 1'000'000);
    CHECK(std::equal(received.begin(), received.end(), memory.begin()));
    CHECK(pair.end(0).link->traffic().packets_lost > 50);
    CHECK_FALSE(pair.end(0).link->failure());
    CHECK_FALSE(pair.end(1).link->failure());
}

TEST_CASE("udp link: the accepting side knows the round trip by the first packet") {
    LinkPair pair;
    CHECK_FALSE(pair.end(1).link->recovery().round_trip_time().known());
    pair.run_for(pair.delay);
    CHECK(pair.end(1).link->recovery().round_trip_time().latest() == 2 * pair.delay);
    // One that came late may have answered an ACCEPT that was sent again.
    LinkPair slow;
    slow.way = [&](int from, std::vector<std::byte> bytes) {
        slow.deliver(1 - from, std::move(bytes), 80ms, address_of(from));
    };
    slow.run_for(80ms);
    CHECK(slow.end(1).link->confirmed());
    CHECK_FALSE(slow.end(1).link->recovery().round_trip_time().known());
}

TEST_CASE("udp link: a lone message that is lost is sent again by the probe timeout") {
    LinkPair pair;
    auto& stream = pair.open(reliable);
    pair.send(0, stream, 0, 100);
    pair.run_for(200ms);
    bool lose = true;
    const auto way = pair.way;
    pair.way = [&](int from, std::vector<std::byte> bytes) {
        if (from == 0 && std::exchange(lose, false)) return;
        way(from, std::move(bytes));
    };
    pair.send(0, stream, 100, 100);
    pair.run_for(300ms);
    CHECK_FALSE(lose);
    CHECK(total(pair.take(1, *pair.twin(1, stream))) == 200);
    CHECK(pair.end(0).link->counters().probe_timeouts == 1);
}

TEST_CASE("udp link: the rate is paced and the queue on the way stays short") {
    LinkPair pair;
    // 2 MB/s with room for 100 ms; 20 ms each way.
    Time free{};
    Duration longest{0};
    pair.way = [&](int from, std::vector<std::byte> bytes) {
        auto wait = Duration{0};
        if (from == 0) {
            free = std::max(free, pair.now) + std::chrono::nanoseconds{500 * bytes.size()};
            wait = free - pair.now;
            if (wait > 100ms) {
                free -= std::chrono::nanoseconds{500 * bytes.size()};
                return;
            }
            if (pair.now > Time{1'002s}) longest = std::max(longest, wait);
        }
        pair.deliver(1 - from, std::move(bytes), pair.delay + wait, pair.end(from).address);
    };
    auto& stream = pair.open(reliable);
    std::size_t received = 0;
    for (int i = 0; i < 500; ++i) {
        while (stream.outbound.bytes_queued() < 200'000) pair.send(0, stream, 0, 8'000);
        pair.run_for(10ms);
        if (auto* const twin = pair.twin(1, stream)) received += total(pair.take(1, *twin));
    }
    CHECK(received > 8'500'000);  // of 10 MB
    CHECK(longest < 40ms);
    CHECK(pair.end(0).link->path().rate_bytes_per_second > 1'500'000);
}

TEST_CASE("udp link: packets grow to what the path carries") {
    LinkPair pair{1472};
    auto& stream = pair.open(reliable);
    for (int i = 0; i < 20; ++i) {
        pair.send(0, stream, 0, 100);
        pair.run_for(200ms);
    }
    CHECK(pair.end(0).link->packet_bytes() == 1472);
}

TEST_CASE("udp link: a path that swallows long packets is found out and nothing is lost") {
    LinkPair pair{1472};
    std::size_t limit = 1472;
    const auto way = pair.way;
    pair.way = [&](int from, std::vector<std::byte> bytes) {
        if (bytes.size() <= limit) way(from, std::move(bytes));
    };
    auto& stream = pair.open(reliable);
    std::size_t received = 0;
    std::size_t sent = 0;
    for (int i = 0; i < 200; ++i) {
        if (i == 50) limit = 1250;
        if (i < 150) {
            pair.send(0, stream, 0, 50'000);
            sent += 50'000;
        }
        pair.run_for(50ms);
        if (auto* const twin = pair.twin(1, stream)) received += total(pair.take(1, *twin));
        if (i == 45) CHECK(pair.end(0).link->packet_bytes() == 1472);
    }
    CHECK(pair.end(0).link->packet_bytes() <= 1250);
    CHECK(received == sent);
}

TEST_CASE("udp link: the peer may change its port and nothing is lost") {
    LinkPair pair;
    auto& stream = pair.open(reliable);
    std::size_t received = 0;
    for (int i = 0; i < 100; ++i) {
        if (i == 50) pair.end(0).address.port = 999;
        pair.send(0, stream, 0, 10'000);
        pair.run_for(20ms);
        if (auto* const twin = pair.twin(1, stream)) received += total(pair.take(1, *twin));
    }
    pair.run_for(1s);
    received += total(pair.take(1, *pair.twin(1, stream)));
    CHECK(received == 1'000'000);
    CHECK(pair.end(1).link->peer() == pair.end(0).address);
    CHECK(pair.end(1).link->counters().path_changes == 1);
}

TEST_CASE("udp link: a forged address gets no more than three times what came from it") {
    LinkPair pair;
    auto& stream = pair.open(reliable);
    pair.run_for(100ms);
    // All that the peer sends comes in the name of one who never answers.
    const auto victim = address_of(7);
    std::size_t received = 0;
    std::size_t sent = 0;
    bool holds = true;
    const auto way = pair.way;
    pair.way = [&](int from, std::vector<std::byte> bytes) {
        if (from == 1) {
            received += bytes.size();
            return pair.deliver(0, std::move(bytes), 0ms, victim);
        }
        if (pair.end(0).link->outgoing()->to != victim) return way(0, std::move(bytes));
        sent += bytes.size();
        holds = holds && sent <= 3 * received;
    };
    for (int i = 0; i < 400; ++i) {
        if (stream.outbound.bytes_queued() < 100'000) pair.send(0, stream, 0, 8'000);
        pair.run_for(50ms);
    }
    CHECK(sent > 0);
    CHECK(holds);
    CHECK_FALSE(pair.end(0).link->failure());
}

TEST_CASE("udp link: an address that is proven gets all the window allows before it is heard of") {
    for (const bool proven : {false, true}) {
        braid::test::ScriptedSource source;
        for (int i = 0; i < 10; ++i) source.push(braid::test::payload(1'000, 1));
        const Time now{1h};
        UdpLinkOptions options;
        options.peer = address_of(0);
        options.peer_proven = proven;
        options.sealing = std::make_unique<OpenCipher>();
        options.opening = std::make_unique<OpenCipher>();
        options.idle = 15s;
        options.handshake_bytes = packet_bytes_base;
        UdpLink link{std::move(options), now};
        const auto sent = bytes_sent(link, source, now, 100ms);
        if (proven) {
            CHECK(sent > 10 * 1'000);
        } else {
            CHECK(sent > packet_bytes_base);
            CHECK(sent <= 3 * packet_bytes_base);
        }
    }
}

TEST_CASE("udp link: copies of packets and foreign ones change nothing") {
    LinkPair pair;
    std::vector<std::vector<std::byte>> seen;
    const auto way = pair.way;
    pair.way = [&](int from, std::vector<std::byte> bytes) {
        if (from == 0) seen.push_back(bytes);
        way(from, std::move(bytes));
    };
    auto& stream = pair.open(lossy);
    for (int i = 0; i < 20; ++i) {
        pair.send(0, stream, 0, 100);
        pair.run_for(10ms);
    }
    pair.run_for(100ms);
    CHECK(pair.take(1, *pair.twin(1, stream)).size() == 20);
    const auto count = seen.size();
    for (std::size_t i = 0; i < count; ++i) pair.deliver(1, seen[i], 1ms, address_of(7));
    auto altered = seen.back();
    altered.back() ^= std::byte{1};
    pair.deliver(1, altered, 1ms, address_of(0));
    pair.deliver(1, {std::byte{0xff}}, 1ms, address_of(0));
    pair.deliver(1, {}, 1ms, address_of(0));
    pair.run_for(100ms);
    const auto& counters = pair.end(1).link->counters();
    CHECK(pair.take(1, *pair.twin(1, stream)).empty());
    CHECK(counters.packets_duplicate >= count);
    CHECK(counters.datagrams_unknown == 2);
    CHECK(pair.end(1).link->peer() == address_of(0));
    CHECK_FALSE(pair.end(1).link->failure());
}

TEST_CASE("udp link: who finishes waits until the goodbye is acknowledged") {
    LinkPair pair;
    pair.run_for(100ms);
    bool lose = true;
    const auto way = pair.way;
    pair.way = [&](int from, std::vector<std::byte> bytes) {
        if (from == 0 && std::exchange(lose, false)) return;
        way(from, std::move(bytes));
    };
    pair.end(0).mux->close({7, "bye"});
    pair.flush(0);
    REQUIRE(pair.end(0).mux->close_sent());
    pair.end(0).link->finish();
    CHECK_FALSE(pair.end(0).link->failure());
    pair.run_for(1s);
    CHECK(pair.end(0).link->failure() == std::errc::connection_aborted);
    REQUIRE(pair.end(1).mux->peer_close());
    CHECK(pair.end(1).mux->peer_close()->text() == "bye");
}

TEST_CASE("udp link: a goodbye that is lost is said again whatever arrived behind it") {
    LinkPair pair{1472};  // there are probes for longer packets
    pair.run_for(pair.delay);
    bool lose = true;
    const auto way = pair.way;
    pair.way = [&](int from, std::vector<std::byte> bytes) {
        if (from == 0 && std::exchange(lose, false)) return;
        way(from, std::move(bytes));
    };
    pair.end(0).mux->close({7, "bye"});
    pair.flush(0);
    REQUIRE(pair.end(0).mux->close_sent());
    const auto goodbye = pair.datagrams[0];
    pair.run_until(pair.now + 1ms);
    pair.end(0).link->finish();
    pair.run_for(1s);
    CHECK(pair.datagrams[0] > goodbye);
    REQUIRE(pair.end(1).mux->peer_close());
    CHECK(pair.end(0).link->failure() == std::errc::connection_aborted);
}

TEST_CASE("udp link: a goodbye that is lost is said again by a process that comes late") {
    LinkPair pair;
    pair.delay = 1ms;
    pair.run_for(100ms);
    const auto way = pair.way;
    pair.way = [](int, std::vector<std::byte>) {};
    auto& end = pair.end(0);
    end.mux->close({7, "bye"});
    pair.flush(0);
    end.link->finish();
    pair.way = way;
    pair.now += 800ms;
    end.link->advance(pair.now);
    CHECK_FALSE(end.link->failure());
    pair.run_for(1s);
    REQUIRE(pair.end(1).mux->peer_close());
}

TEST_CASE("udp link: who finishes does not wait for an answer to its own probes") {
    LinkPair pair{1472};
    pair.run_for(pair.delay);
    pair.end(0).mux->close({});
    pair.flush(0);
    pair.end(0).link->finish();
    // Who has heard the goodbye acknowledges it and is gone.
    const auto way = pair.way;
    pair.way = [&](int from, std::vector<std::byte> bytes) {
        if (from == 0 || !pair.end(1).link->failure()) way(from, std::move(bytes));
    };
    while (!pair.end(1).mux->peer_close()) pair.run_for(1ms);
    pair.end(1).link->last_words(pair.now);
    const auto batch = pair.end(1).link->outgoing();
    REQUIRE(batch);
    const auto words = batch->bytes.first(batch->segment_bytes);
    pair.deliver(0, {words.begin(), words.end()}, pair.delay, address_of(1));
    pair.end(1).link->fail(std::make_error_code(std::errc::connection_aborted));
    pair.run_for(5s);
    CHECK(pair.end(0).link->failure() == std::errc::connection_aborted);
}

TEST_CASE("udp link: who finishes does not wait for ever") {
    LinkPair pair;
    pair.run_for(100ms);
    pair.way = [](int, std::vector<std::byte>) {};
    pair.end(0).mux->close({});
    pair.flush(0);
    pair.end(0).link->finish();
    pair.run_for(2s);
    CHECK(pair.end(0).link->failure() == std::errc::timed_out);
}

TEST_CASE("udp link: an idle connection is quiet") {
    LinkPair pair;
    pair.run_for(1s);
    const auto before = pair.datagrams[0] + pair.datagrams[1];
    pair.run_for(60s);
    CHECK(pair.datagrams[0] + pair.datagrams[1] - before < 100);
    CHECK_FALSE(pair.end(0).link->failure());
}

TEST_CASE("udp link: a peer that breaks the rules is told so") {
    LinkPair pair;
    pair.run_for(100ms);
    std::vector<std::byte> packet(packet_header_bytes_max);
    const auto number = pair.end(0).link->recovery().largest_sent() + 100;
    packet.resize(encode_packet_header(packet.data(), false, LinkPair::server_id, number, 4));
    packet.push_back(std::byte{0x1e});  // no frame
    OpenCipher cipher;
    const auto associated = packet_associated_data(packet[0], LinkPair::server_id);
    std::array<std::byte, 8> tag;
    cipher.seal(number, associated, std::span{packet}.last(1), tag.data());
    packet.insert(packet.end(), tag.begin(), tag.end());
    pair.deliver(1, packet, 0ms, address_of(0));
    pair.run_for(1ms);
    CHECK(pair.end(1).link->failure() == errc::protocol_violation);
    pair.end(1).link->last_words(pair.now);
    const auto batch = pair.end(1).link->outgoing();
    REQUIRE(batch);
    // They leave several times: one of them is enough.
    CHECK(batch->bytes.size() == 4 * batch->segment_bytes);
    const auto words = batch->bytes.first(batch->segment_bytes);
    pair.deliver(0, {words.begin(), words.end()}, 0ms, address_of(1));
    pair.run_for(1ms);
    const auto& reason = pair.end(0).mux->peer_close();
    REQUIRE(reason);
    CHECK(reason->code() == braid::close_code::protocol_violation);
    CHECK_FALSE(reason->text().empty());
}

TEST_CASE("udp link: a reset is believed of a peer that has fallen silent and of no other") {
    ResetToken token;
    token.fill(std::byte{9});
    LinkPair pair{packet_bytes_base, token};
    std::vector<std::byte> reset(22, std::byte{0x45});
    std::copy(token.begin(), token.end(), reset.end() - 16);
    auto forged = reset;
    forged.back() ^= std::byte{1};
    pair.run_for(500ms);
    auto& stream = pair.open(reliable);
    pair.send(0, stream, 0, 100);
    pair.run_for(50ms);
    pair.deliver(0, reset, 0ms, address_of(1));
    pair.run_for(1ms);
    CHECK_FALSE(pair.end(0).link->failure());
    pair.way = [](int, std::vector<std::byte>) {};
    pair.run_for(2s);
    pair.deliver(0, forged, 0ms, address_of(1));
    pair.run_for(1ms);
    CHECK_FALSE(pair.end(0).link->failure());
    CHECK(pair.end(0).link->counters().resets_ignored == 2);
    pair.deliver(0, reset, 0ms, address_of(1));
    pair.run_for(1ms);
    CHECK(pair.end(0).link->failure() == std::errc::connection_reset);
}

TEST_CASE("udp link: a simulated link loses and delays packets and what is guaranteed arrives") {
    LinkPair pair;
    pair.delay = 0ms;
    braid::LinkSimulation simulation;
    simulation.outgoing.latency = simulation.incoming.latency = 25ms;
    simulation.outgoing.loss = simulation.incoming.loss = 0.1;
    simulation.outgoing.jitter = 5ms;
    simulation.outgoing.rate_bytes_per_second = 1'000'000;
    pair.end(0).link->simulate(simulation, 5);
    auto& stream = pair.open(reliable);
    for (int i = 0; i < 200; ++i) pair.send(0, stream, 0, 5'000);
    pair.run_for(20ms);
    CHECK(pair.twin(1, stream) == nullptr);
    std::size_t received = 0;
    for (int i = 0; i < 500 && received < 1'000'000; ++i) {
        pair.run_for(20ms);
        if (auto* const twin = pair.twin(1, stream)) received += total(pair.take(1, *twin));
    }
    CHECK(received == 1'000'000);
    CHECK(pair.end(0).link->traffic().packets_lost > 20);
    CHECK(pair.end(0).link->path().round_trip_time >= 50ms);
}

TEST_CASE("udp link: what is urgent does not wait for the pace of bulk") {
    LinkPair pair;
    // 250 kB/s: a packet takes 5 ms.
    Time free{};
    pair.way = [&](int from, std::vector<std::byte> bytes) {
        auto wait = Duration{0};
        if (from == 0) {
            free = std::max(free, pair.now) + std::chrono::nanoseconds{4'000 * bytes.size()};
            wait = free - pair.now;
            if (wait > 100ms) {
                free -= std::chrono::nanoseconds{4'000 * bytes.size()};
                return;
            }
        }
        pair.deliver(1 - from, std::move(bytes), pair.delay + wait, pair.end(from).address);
    };
    auto& bulk = pair.open(reliable, 7);
    auto& urgent = pair.open(reliable, 0);
    std::vector<Duration> delays;
    for (int i = 0; i < 300; ++i) {
        while (bulk.outbound.bytes_queued() < 50'000) pair.send(0, bulk, 0, 8'000);
        pair.send(0, urgent, 0, 64);
        const auto sent_at = pair.now;
        const auto end = pair.now + 33ms;
        bool arrived = false;
        while (pair.now < end) {
            pair.run_for(1ms);
            if (auto* const twin = pair.twin(1, bulk)) pair.take(1, *twin);
            auto* const twin = pair.twin(1, urgent);
            if (!arrived && twin != nullptr && !pair.take(1, *twin).empty()) {
                arrived = true;
                if (i > 100) delays.push_back(pair.now - sent_at);
            }
        }
    }
    REQUIRE(delays.size() > 190);
    std::sort(delays.begin(), delays.end());
    INFO("median " << delays[delays.size() / 2].count() / 1000 << " us, longest "
                   << delays.back().count() / 1000 << " us");
    CHECK(delays[delays.size() / 2] < 32ms);
    CHECK(delays[delays.size() * 98 / 100] < 40ms);
}
