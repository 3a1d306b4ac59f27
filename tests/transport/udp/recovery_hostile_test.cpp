#include "catch.hpp"
#include "transport/udp/recovery.hpp"
#include "transport/udp/sender.hpp"

#include <braid/error.hpp>

#include <algorithm>
#include <vector>

using braid::errc;
using braid::protocol::Duration;
using braid::protocol::never;
using braid::protocol::Time;
using braid::transport::AckFrame;
using braid::transport::Recovery;
using braid::transport::SentPacket;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using udp_test::at;
using udp_test::first_number;
using udp_test::frame_of;
using udp_test::Numbers;
using udp_test::numbers_of;
using udp_test::Sender;
using udp_test::start;

TEST_CASE("An ACK of what was never sent is a violation and changes nothing") {
    Sender sender;
    Recovery::Feedback feedback;
    CHECK(sender.recovery.on_ack(frame_of({{1000, 1000}}), at(0), feedback) ==
          errc::protocol_violation);
    sender.send_data(at(0), 4);
    const auto refused = [&](const AckFrame& frame) {
        const auto error = sender.recovery.on_ack(frame, at(10), feedback);
        return error == errc::protocol_violation && feedback.acked.empty() &&
               sender.recovery.bytes_in_flight() == 4000 && !sender.recovery.largest_acked();
    };
    CHECK(refused(frame_of({{1004, 1004}})));
    CHECK(refused(frame_of({{1000, 1004}})));
    CHECK(refused(frame_of({{1003, 1003}, {999, 1000}})));
    CHECK(refused(frame_of({{999, 1003}})));
    CHECK(refused(frame_of({{0, std::uint64_t{1} << 62}})));
    CHECK(refused(AckFrame{}));
    CHECK_FALSE(refused(frame_of({{1000, 1003}})));
}

TEST_CASE("Numbers are skipped seldom and who acknowledges one is found out") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        Recovery recovery{first_number, seed};
        Recovery::Feedback feedback;
        Numbers skipped;
        std::uint64_t before = first_number - 1;
        for (int i = 0; i < 20'000; ++i) {
            const auto now = at(10 * i);
            SentPacket packet;
            packet.number = recovery.next_number(now);
            REQUIRE(recovery.next_number(now) == packet.number);
            packet.sent_at = now;
            packet.bytes = 100;
            packet.eliciting = true;
            if (packet.number != before + 1) {
                REQUIRE(packet.number == before + 2);
                skipped.push_back(before + 1);
            }
            before = packet.number;
            recovery.sent(packet, false);
            feedback.clear();
            REQUIRE_FALSE(recovery.on_ack(frame_of({{packet.number, packet.number}}),
                                          now + milliseconds{5}, feedback));
            REQUIRE(feedback.acked.size() == 1);
        }
        REQUIRE(skipped.size() >= 5);
        REQUIRE(skipped.size() <= 30);
        for (std::size_t i = 1; i < skipped.size(); ++i) {
            REQUIRE(skipped[i] - skipped[i - 1] >= 64);
            REQUIRE(skipped[i] - skipped[i - 1] <= 4098);
        }
        for (std::size_t i = 0; i < std::min<std::size_t>(skipped.size(), 16); ++i) {
            const auto number = skipped[skipped.size() - 1 - i];
            REQUIRE(recovery.on_ack(frame_of({{number - 5, number + 5}}), at(0), feedback) ==
                    errc::protocol_violation);
            REQUIRE_FALSE(recovery.on_ack(
                frame_of({{number + 1, number + 5}, {number, number - 1}}), at(0), feedback));
        }
    }
}

TEST_CASE("No more than two numbers are skipped within a round trip") {
    Sender sender;
    sender.measure(milliseconds{100});
    std::vector<Time> skips;
    auto before = sender.recovery.largest_sent();
    for (int i = 0; i < 200'000; ++i) {
        const auto now = start + microseconds{5 * i};
        sender.send(now);
        if (sender.recovery.largest_sent() != before + 1) skips.push_back(now);
        before = sender.recovery.largest_sent();
    }
    REQUIRE(skips.size() >= 15);
    for (std::size_t i = 2; i < skips.size(); ++i) {
        CHECK(skips[i] - skips[i - 2] >= milliseconds{100});
    }
}

TEST_CASE("What is remembered is bounded whatever the peer does") {
    // It asks for acknowledgements for ever but acknowledges nothing itself.
    Sender sender;
    sender.measure(milliseconds{40});
    const auto number = sender.send_data(at(0));
    Numbers lost;
    std::uint64_t at_loss = 0;
    for (std::int64_t i = 0; i < 100'000; ++i) {
        const auto now = start + microseconds{i};
        sender.send(now);
        if (sender.recovery.deadline() > now) continue;
        for (const auto& packet : sender.advance(now).lost) {
            lost.push_back(packet.number);
            at_loss = sender.recovery.largest_sent();
        }
    }
    CHECK(lost == Numbers{number});
    CHECK(at_loss == number + Recovery::numbers_remembered);
    CHECK(sender.recovery.deadline() == never);
}
