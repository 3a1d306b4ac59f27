#include "transport/udp/gate.hpp"

#include "catch.hpp"
#include "transport/udp/gate_sample.hpp"

#include <algorithm>

using namespace braid;
using namespace braid::test;

TEST_CASE("a newcomer to a quiet gate comes in at once") {
    Door door;
    const auto from = sample_address(lan + 1);
    const auto verdict = door.knock(from, 5, 0ms);
    REQUIRE(verdict.decision == Decision::admit);
    REQUIRE(verdict.newcomer);
    CHECK(verdict.newcomer->key == AttemptKey{from, 5});
    CHECK(verdict.newcomer->message.hello == sample_message().hello);
    CHECK(verdict.newcomer->message.terms == sample_message().terms);
    CHECK(verdict.newcomer->received_bytes == initial_bytes_min);
    CHECK_FALSE(verdict.newcomer->proven);
    CHECK(door.gate.half_open() == 1);
    CHECK(door.gate.counters().admitted == 1);
}

TEST_CASE("an attempt that repeats itself gets the same answer and comes in once") {
    Door door;
    const auto from = sample_address(lan + 1);
    const AttemptKey key{from, 5};
    CHECK(door.knock(from, 5, 0ms).decision == Decision::admit);
    // It is being judged.
    CHECK(door.knock(from, 5, 1ms).decision == Decision::drop);
    const auto accept = encode_accept(5, sample_answer());
    door.gate.accepted(key, accept);
    for (int i = 0; i < 3; ++i) {
        const auto again = door.knock(from, 5, 2ms);
        CHECK(again.decision == Decision::answer);
        CHECK(std::ranges::equal(again.answer, accept));
    }
    door.gate.confirmed(key);
    CHECK(door.gate.half_open() == 0);
    CHECK(door.knock(from, 5, 3ms).decision == Decision::drop);
    CHECK(door.gate.counters().repeated == 2);
    CHECK(door.gate.counters().answered_again == 3);
    // The same number from elsewhere is another attempt.
    CHECK(door.knock(sample_address(lan + 1, 9), 5, 3ms).decision == Decision::admit);
    CHECK(door.gate.counters().admitted == 2);
}

TEST_CASE("a refusal is repeated and is not half open") {
    Door door;
    const auto from = sample_address(lan + 1);
    CHECK(door.knock(from, 5, 0ms).decision == Decision::admit);
    protocol::Refusal refusal;
    refusal.reason = errc::network_closed;
    const auto bytes = encode_refuse(5, refusal);
    door.gate.refused({from, 5}, bytes);
    CHECK(door.gate.half_open() == 0);
    CHECK(std::ranges::equal(door.knock(from, 5, 1s).answer, bytes));
    door.gate.gone({from, 5});
    CHECK(std::ranges::equal(door.knock(from, 5, 2s).answer, bytes));
}

TEST_CASE("who was never answered may ask again when it is gone and others are answered") {
    Door door;
    const auto from = sample_address(lan + 1);
    CHECK(door.knock(from, 5, 0ms).decision == Decision::admit);
    door.gate.gone({from, 5});
    CHECK(door.gate.half_open() == 0);
    CHECK(door.knock(from, 5, 250ms).decision == Decision::admit);
    const auto answer = encode_accept(5, sample_answer());
    door.gate.accepted({from, 5}, answer);
    door.gate.gone({from, 5});
    door.gate.gone({from, 5});
    CHECK(door.gate.half_open() == 0);
    CHECK(std::ranges::equal(door.knock(from, 5, 500ms).answer, answer));
}

TEST_CASE("an attempt is half open for five seconds and forgotten after any cookie") {
    Door door;
    const auto from = sample_address(lan + 1);
    const AttemptKey key{from, 5};
    CHECK(door.knock(from, 5, 0ms).decision == Decision::admit);
    door.gate.accepted(key, encode_accept(5, sample_answer()));
    door.gate.advance(at(5s - 1ns));
    CHECK(door.gate.half_open() == 1);
    door.gate.advance(at(5s));
    CHECK(door.gate.half_open() == 0);
    CHECK(door.gate.counters().timed_out == 1);
    CHECK(door.knock(from, 5, 5s).decision == Decision::drop);
    door.gate.confirmed(key);
    CHECK(door.gate.half_open() == 0);
    door.gate.advance(at(Gate::attempt_memory));
    CHECK(door.gate.attempts() == 0);
    CHECK(door.knock(from, 5, Gate::attempt_memory).decision == Decision::admit);
}

TEST_CASE("a cookie brings its bearer in and proves the address") {
    Door door{always_cookies()};
    const auto from = sample_address(lan + 1);
    const auto cookie = door.cookie_for(from, 5, 0ms);
    const auto verdict = door.knock(from, 5, 30ms, cookie);
    REQUIRE(verdict.decision == Decision::admit);
    CHECK(verdict.newcomer->proven);
    CHECK(door.gate.counters().retries == 1);
}

TEST_CASE(
    "hostile 42: foreign and expired cookies are answered by another one and used ones by "
    "nothing") {
    Door door{always_cookies()};
    const auto from = sample_address(lan + 1);
    const auto cookie = door.cookie_for(from, 5, 0ms);
    CHECK(is_retry(door.knock(sample_address(lan + 2), 5, 1ms, cookie)));
    CHECK(is_retry(door.knock(sample_address(lan + 1, 9), 5, 1ms, cookie)));
    CHECK(is_retry(door.knock(from, 6, 1ms, cookie)));
    CHECK(door.gate.counters().cookies_forged == 3);
    CHECK(is_retry(door.knock(from, 5, 10'001ms, cookie)));
    // Its key is the one before the one before.
    CHECK(is_retry(door.knock(from, 5, 130s, cookie)));
    CHECK(door.gate.counters().cookies_expired == 2);
    CHECK(door.gate.counters().admitted == 0);

    const auto fresh = door.cookie_for(from, 5, 131s);
    CHECK(door.knock(from, 5, 132s, fresh).decision == Decision::admit);
    door.gate.accepted({from, 5}, encode_accept(5, sample_answer()));
    door.gate.confirmed({from, 5});
    for (auto when = 132s; when <= 142s; when += 1s) {
        CHECK(door.knock(from, 5, when, fresh).decision == Decision::drop);
    }
    CHECK(is_retry(door.knock(from, 5, 132s + Gate::attempt_memory, fresh)));
    CHECK(door.gate.counters().admitted == 1);
}

TEST_CASE("hostile 40: a short INITIAL is dropped") {
    Door door;
    const auto from = sample_address(lan + 1);
    const auto datagram = encode_initial(5, {}, sample_message());
    const auto shorter = std::span{datagram}.first(initial_bytes_min - 1);
    CHECK(door.gate.handshake(from, shorter, at(0ms)).decision == Decision::drop);
    // Whatever else it is: an INITIAL of another version among it.
    auto other = encode_initial(5, {}, sample_message(), {2, 0});
    other.resize(initial_bytes_min - 1);
    CHECK(door.gate.handshake(from, other, at(0ms)).decision == Decision::drop);
    CHECK(door.gate.handshake(from, {}, at(0ms)).decision == Decision::drop);
    CHECK(door.gate.counters().malformed == 3);
    CHECK(door.gate.attempts() == 0);
}

TEST_CASE("datagrams that a listener has no business with are dropped") {
    Door door;
    const auto from = sample_address(lan + 1);
    const auto dropped = [&](std::vector<std::byte> datagram) {
        datagram.resize(initial_bytes_min);
        return door.gate.handshake(from, datagram, at(0ms)).decision == Decision::drop;
    };
    CHECK(dropped(encode_accept(5, sample_answer())));
    CHECK(dropped(encode_retry(5, {})));
    CHECK(dropped(encode_refuse(5, {})));
    CHECK(dropped(encode_reset({})));
    CHECK(dropped({}));
    auto garbled = encode_initial(5, {}, sample_message());
    std::fill(garbled.begin() + 15, garbled.end(), std::byte{0xff});
    CHECK(dropped(garbled));
    CHECK(door.gate.counters().malformed == 6);
}

TEST_CASE("another version and another pattern are told so at a limited rate") {
    Door door;
    const auto from = sample_address(lan + 1);
    const auto version = encode_initial(5, {}, sample_message(), {2, 0});
    auto verdict = door.gate.handshake(from, version, at(0ms));
    REQUIRE(verdict.decision == Decision::answer);
    CHECK(HandshakeHead::decode(verdict.answer)->kind == HandshakeKind::version);
    CHECK(verdict.answer.size() < 43);
    const auto pattern = encode_initial(5, {}, sample_message(), {}, SecurityPattern{1});
    verdict = door.gate.handshake(from, pattern, at(0ms));
    REQUIRE(verdict.decision == Decision::answer);
    const auto head = HandshakeHead::decode(verdict.answer);
    CHECK(head->kind == HandshakeKind::refuse);
    CHECK(decode_refuse(head->body)->reason == errc::handshake_security);
    int answers = 2;
    for (int i = 0; i < 10'000; ++i) {
        if (door.gate.handshake(from, version, at(1ms)).decision == Decision::answer) ++answers;
    }
    CHECK(answers == 100);
    CHECK(door.gate.counters().refusals_limited == 10'002 - 100);
    CHECK(door.gate.attempts() == 0);
}

TEST_CASE("hostile 41: a flood of INITIALs from random addresses costs nothing that stays") {
    Door door;
    std::uint64_t random = 1;
    std::size_t half_open_most = 0;
    std::size_t answered = 0;
    auto datagram = encode_initial(0, {}, sample_message());
    for (int i = 0; i < 100'000; ++i) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        for (std::size_t byte = 0; byte < 8; ++byte) {
            datagram[5 + byte] = static_cast<std::byte>(random >> (8 * byte));
        }
        // None of loopback, which would not come by way of a network.
        const auto from = sample_address(static_cast<std::uint32_t>(random >> 32) | 0x80000000);
        const auto verdict = door.gate.handshake(from, datagram, at(10us * i));
        half_open_most = std::max(half_open_most, door.gate.half_open());
        if (verdict.decision != Decision::answer) continue;
        REQUIRE(verdict.answer.size() <= 45);
        ++answered;
    }
    CHECK(half_open_most <= GateLimits{}.half_open_without_cookie);
    CHECK(door.gate.attempts() <= GateLimits{}.half_open_without_cookie);
    CHECK(answered + half_open_most == 100'000);
    CHECK(door.gate.counters().retries == answered);

    // Meanwhile whoever shows its address comes in.
    const auto from = sample_address(lan + 1);
    const auto cookie = door.cookie_for(from, 5, 1s);
    CHECK(door.knock(from, 5, 1s, cookie).decision == Decision::admit);
    // All is forgotten when it is over.
    door.gate.advance(at(20s));
    CHECK(door.gate.attempts() == 0);
    CHECK(door.gate.half_open() == 0);
    CHECK(door.knock(from, 6, 20s).decision == Decision::admit);
}

TEST_CASE("an attempt that came anew has its time anew") {
    Door door;
    CHECK(door.knock(loopback, 5, 0s).decision == Decision::admit);
    door.gate.gone({loopback, 5});
    CHECK(door.knock(loopback, 5, 4s).decision == Decision::admit);
    door.gate.advance(at(5s));
    CHECK(door.gate.half_open() == 1);
    CHECK(door.gate.counters().timed_out == 0);
    door.gate.advance(at(9s));
    CHECK(door.gate.half_open() == 0);
    door.gate.advance(at(Gate::attempt_memory));
    CHECK(door.gate.attempts() == 1);
    door.gate.advance(at(4s + Gate::attempt_memory));
    CHECK(door.gate.attempts() == 0);
}

TEST_CASE("a handshake that may take long is known for as long") {
    GateLimits limits;
    limits.handshake = 30s;
    Door door{limits};
    CHECK(door.knock(loopback, 1, 0ms).decision == Decision::admit);
    for (const auto when : {11s, 20s, 29s}) {
        CHECK(door.knock(loopback, 1, when).decision == Decision::drop);
        CHECK(door.gate.half_open() == 1);
    }
    door.gate.advance(at(30s));
    CHECK(door.gate.half_open() == 0);
    door.gate.advance(at(30s + Gate::attempt_memory));
    CHECK(door.gate.attempts() == 0);
}

TEST_CASE("a RESET answers long packets and is shorter and is limited") {
    Door door;
    const auto reset = door.gate.reset_for(loopback, 7, reset_trigger_bytes_min, at(0ms));
    REQUIRE_FALSE(reset.empty());
    CHECK(reset.size() < reset_trigger_bytes_min);
    CHECK(decode_reset(reset) == reset_token(sample_secret(2), 7));
    CHECK(door.gate.reset_for(loopback, 7, reset_trigger_bytes_min - 1, at(0ms)).empty());
    int answers = 1;
    for (int i = 0; i < 10'000; ++i) {
        if (!door.gate.reset_for(loopback, 7, 1200, at(0ms)).empty()) ++answers;
    }
    CHECK(answers == 100);
    CHECK_FALSE(door.gate.reset_for(loopback, 7, 1200, at(10ms)).empty());
    CHECK(door.gate.counters().resets == 101);
}

TEST_CASE("hostile 49: a storm of packets after the end gets few answers and short ones") {
    Door door;
    const auto late = sample_address(lan + 1);
    const auto other = sample_address(lan + (1u << 8));
    std::size_t bytes = 0;
    int answers = 0;
    int others = 0;
    for (int i = 0; i < 100'000; ++i) {
        const auto now = at(100us * i);
        const auto answer = door.gate.reset_for(late, 7, 60, now);
        bytes += answer.size();
        if (!answer.empty()) ++answers;
        // Meanwhile others are told each second.
        if (i % 10'000 == 0 && !door.gate.reset_for(other, 8, 60, now).empty()) ++others;
    }
    CHECK(answers <= 10 + 10 * 10);
    CHECK(bytes <= static_cast<std::size_t>(answers) * (reset_trigger_bytes_min - 1));
    CHECK(others == 10);
    CHECK(door.gate.attempts() == 0);
}

TEST_CASE("hostile 48: a RESET by one who does not know the secret has another token") {
    Door door;
    Door stranger;
    Gate forger{{sample_secret(1), sample_secret(3)}, {}};
    const auto real = decode_reset(door.gate.reset_for(loopback, 7, 100, at(0ms)));
    CHECK(real == decode_reset(stranger.gate.reset_for(loopback, 7, 100, at(0ms))));
    CHECK(real != decode_reset(forger.reset_for(loopback, 7, 100, at(0ms))));
    CHECK(real != decode_reset(door.gate.reset_for(loopback, 8, 100, at(0ms))));
}

TEST_CASE("hostile 50: two servers that reset each other's packets fall silent") {
    Door one;
    Door other;
    std::vector<std::byte> packet(1200);
    int exchanged = 0;
    for (auto* gate = &one.gate; exchanged < 100; ++exchanged) {
        const auto answer = gate->reset_for(loopback, 7, packet.size(), at(0ms));
        if (answer.empty()) break;
        REQUIRE(answer.size() < packet.size());
        packet.assign(answer.begin(), answer.end());
        gate = gate == &one.gate ? &other.gate : &one.gate;
    }
    CHECK(exchanged == 1);
}
