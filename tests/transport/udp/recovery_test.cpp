#include "transport/udp/recovery.hpp"

#include "catch.hpp"
#include "transport/udp/sender.hpp"

#include <algorithm>
#include <utility>
#include <vector>

using braid::protocol::Duration;
using braid::protocol::never;
using braid::protocol::Time;
using braid::transport::Recovery;
using braid::transport::SentPacket;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using udp_test::at;
using udp_test::first_number;
using udp_test::frame_of;
using udp_test::frame_of_numbers;
using udp_test::Numbers;
using udp_test::numbers_of;
using udp_test::Sender;
using udp_test::start;

TEST_CASE("A packet that arrives is no longer in flight") {
    Sender sender;
    CHECK(sender.recovery.deadline() == never);
    CHECK_FALSE(sender.recovery.largest_acked());
    CHECK(sender.recovery.largest_sent() == first_number - 1);
    sender.send_data(at(0), 3);
    CHECK(sender.recovery.bytes_in_flight() == 3000);
    CHECK(sender.recovery.largest_sent() == first_number + 2);
    const auto& feedback = sender.ack(frame_of({{1000, 1001}}), at(40));
    CHECK(numbers_of(feedback.acked) == Numbers{1000, 1001});
    CHECK(feedback.lost.empty());
    CHECK(feedback.acked[1].token == 1002);
    CHECK(sender.recovery.bytes_in_flight() == 1000);
    CHECK(sender.recovery.largest_acked() == 1001);
    REQUIRE(feedback.ack);
    CHECK(feedback.ack->round_trip_time == milliseconds{40});
    CHECK(feedback.ack->smoothed_round_trip_time == milliseconds{40});
    CHECK(feedback.ack->bytes_acked == 2000);
    CHECK(feedback.ack->bytes_in_flight_before == 3000);
    CHECK(feedback.ack->bytes_in_flight == 1000);
    CHECK_FALSE(feedback.loss);
    // The same again is nothing new.
    const auto& again = sender.ack(frame_of({{1000, 1001}}), at(50));
    CHECK(again.acked.empty());
    CHECK_FALSE(again.ack);
    CHECK(sender.recovery.round_trip_time().latest() == milliseconds{40});
}

TEST_CASE("The round trip is measured by the newest packet alone") {
    Sender sender;
    sender.send_data(at(0), 2);
    sender.ack(frame_of({{1001, 1001}}, milliseconds{2}), at(40));
    CHECK(sender.recovery.round_trip_time().latest() == milliseconds{40});
    // An older one that arrives later says nothing, whatever the frame's delay is about.
    const auto& feedback = sender.ack(frame_of({{1000, 1001}}), at(90));
    CHECK(numbers_of(feedback.acked) == Numbers{1000});
    REQUIRE(feedback.ack);
    CHECK(feedback.ack->round_trip_time == Duration{0});
    CHECK(sender.recovery.round_trip_time().latest() == milliseconds{40});
    // Nor does one that wants no answer.
    sender.send_data(at(100));
    sender.send(at(100));
    CHECK(sender.ack(frame_of({{1000, 1003}}), at(200)).ack->round_trip_time == Duration{0});
}

TEST_CASE("Three newer packets make one that is missing a lost one") {
    Sender sender;
    sender.measure(milliseconds{40});
    sender.send_data(at(0), 5);
    CHECK(sender.ack(frame_of({{1003, 1003}}), at(30)).lost.empty());
    const auto& feedback = sender.ack(frame_of({{1003, 1004}}), at(31));
    CHECK(numbers_of(feedback.lost) == Numbers{1001});
    REQUIRE(feedback.loss);
    CHECK(feedback.loss->bytes_lost == 1000);
    CHECK(feedback.loss->newest_sent_at == at(0));
    CHECK(feedback.loss->bytes_in_flight == 2000);
    REQUIRE(feedback.ack);
    CHECK(feedback.ack->bytes_lost == 1000);
    CHECK(feedback.ack->bytes_acked == 1000);
    CHECK(feedback.ack->bytes_in_flight_before == 4000);
    CHECK(sender.recovery.bytes_in_flight() == 2000);
}

TEST_CASE("A packet overtaken by one is lost an eighth of a round trip later") {
    Sender sender;
    sender.measure(milliseconds{40});
    sender.send_data(at(0));
    sender.send_data(at(1));
    CHECK(sender.ack(frame_of({{1002, 1002}}), at(41)).lost.empty());
    CHECK(sender.recovery.deadline() == at(45));
    CHECK(sender.advance(at(44)).lost.empty());
    const auto& feedback = sender.advance(at(45));
    CHECK(numbers_of(feedback.lost) == Numbers{1001});
    REQUIRE(feedback.loss);
    CHECK(feedback.loss->now == at(45));
    CHECK_FALSE(feedback.ack);
    CHECK(sender.recovery.bytes_in_flight() == 0);
    CHECK(sender.recovery.deadline() == never);
    CHECK(sender.recovery.probe_timeouts() == 0);
}

TEST_CASE("The tolerance of reordering is a millisecond at least") {
    Sender sender;
    sender.measure(microseconds{50});
    sender.send_data(at(0), 2);
    sender.ack(frame_of({{1002, 1002}}), start + microseconds{50});
    CHECK(sender.recovery.deadline() == at(1));
}

TEST_CASE("Silence is answered by a probe and then by two with doubled waits") {
    Sender sender;
    sender.measure(milliseconds{40});
    const auto timeout = milliseconds{40 + 4 * 20 + 5};
    CHECK(sender.recovery.probe_timeout() == timeout);
    sender.send_data(at(0));
    sender.send_data(at(10));
    auto due = at(10) + timeout;
    CHECK(sender.recovery.deadline() == due);
    sender.advance(due - Duration{1});
    CHECK(sender.recovery.take_probes() == 0);
    auto wait = Duration{timeout};
    for (unsigned i = 1; i < 12; ++i) {
        const auto& feedback = sender.advance(due);
        CHECK(feedback.lost.empty());
        CHECK(sender.recovery.probe_timeouts() == i);
        CHECK(sender.recovery.take_probes() == (i == 1 ? 1 : 2));
        CHECK(sender.recovery.take_probes() == 0);
        sender.send_data(due);
        wait = std::min<Duration>(2 * wait, Recovery::probe_timeout_max);
        CHECK(sender.recovery.deadline() == due + wait);
        due += wait;
    }
    CHECK(wait == seconds{2});
    // A sign of life ends it, and only now the packets before count as lost.
    const auto last = sender.recovery.largest_sent();
    const auto& feedback = sender.ack(frame_of({{last, last}}), due - wait + milliseconds{40});
    CHECK(feedback.lost.size() == 12);
    CHECK(feedback.lost.front().number == 1001);
    CHECK(sender.recovery.probe_timeouts() == 0);
}

TEST_CASE("A round trip longer than the longest wait is waited for") {
    Sender sender;
    sender.measure(seconds{5});
    sender.send_data(at(0));
    CHECK(sender.recovery.deadline() > at(5000));
    sender.advance(sender.recovery.deadline());
    CHECK(sender.recovery.deadline() > at(20'000));
}

TEST_CASE("Who sends all the time notices silence too") {
    Sender sender;
    sender.measure(milliseconds{40});
    const auto timeout = sender.recovery.probe_timeout();
    const auto step = milliseconds{16};
    auto now = at(0);
    for (; sender.recovery.probe_timeouts() == 0; now += step) {
        REQUIRE(now < at(1000));
        sender.advance(now);
        sender.send_data(now);
    }
    CHECK(now - at(0) > 2 * timeout);
    CHECK(now - at(0) <= 2 * timeout + 2 * step);
}

TEST_CASE("Whoever looks late finds what is lost and what is silent at once") {
    Sender sender;
    sender.send_data(at(0), 3);
    sender.ack(frame_of({{1001, 1001}}), at(40));
    Recovery::Feedback feedback;
    sender.recovery.advance(at(500), feedback);
    CHECK(numbers_of(feedback.lost) == Numbers{1000});
    CHECK(feedback.loss);
    CHECK(sender.recovery.take_probes() == 1);
    CHECK(sender.recovery.deadline() > at(500));
}

TEST_CASE("An answer in time asks for no probe") {
    // A packet every 10 ms for an hour, each acknowledged one round trip later.
    Sender sender;
    sender.measure(milliseconds{40});
    std::vector<std::pair<Time, std::uint64_t>> under_way;
    std::size_t acked = 0;
    for (auto now = at(0); now < at(3'600'000); now += milliseconds{10}) {
        if (acked < under_way.size() && under_way[acked].first + milliseconds{40} <= now) {
            const auto number = under_way[acked++].second;
            REQUIRE(sender.ack(frame_of({{number, number}}), now).lost.empty());
        }
        REQUIRE(sender.recovery.deadline() > now);
        under_way.emplace_back(now, sender.send_data(now));
    }
    CHECK(sender.recovery.loss() == 0);
}

TEST_CASE("A probe repeats the oldest packet with frames") {
    Sender sender;
    CHECK_FALSE(sender.recovery.oldest_token());
    SentPacket ping;
    ping.eliciting = true;
    sender.send(at(0), ping);
    CHECK_FALSE(sender.recovery.oldest_token());
    sender.send_data(at(0), 3);
    CHECK(sender.recovery.oldest_token() == 1002);
    sender.ack(frame_of({{1001, 1001}}), at(10));
    CHECK(sender.recovery.oldest_token() == 1003);
}

TEST_CASE("Packets that want no answer are never in flight nor lost") {
    Sender sender;
    sender.measure(milliseconds{40});
    SentPacket silent;
    silent.acknowledges = 17;
    for (int i = 0; i < 3; ++i) sender.send(at(0), silent);
    CHECK(sender.recovery.bytes_in_flight() == 0);
    CHECK(sender.recovery.deadline() == never);
    sender.send_data(at(1), 5);
    auto feedback = sender.ack(frame_of({{1004, 1008}}), at(41));
    CHECK(feedback.acked.size() == 5);
    CHECK(feedback.lost.empty());
    CHECK(sender.recovery.loss() == 0);
    // One may still be found to have arrived, for what its ACK told.
    feedback = sender.ack(frame_of({{1004, 1008}, {1002, 1002}}), at(42));
    CHECK(numbers_of(feedback.acked) == Numbers{1002});
    CHECK(feedback.acked[0].acknowledges == 17);
    CHECK_FALSE(feedback.ack);
    CHECK(sender.recovery.bytes_in_flight() == 0);
}

TEST_CASE("A lost path MTU probe says nothing about congestion") {
    Sender sender;
    sender.measure(milliseconds{40});
    SentPacket probe;
    probe.eliciting = true;
    probe.probes_mtu = true;
    probe.bytes = 1400;
    sender.send(at(0), probe);
    sender.send_data(at(0), 4);
    const auto& feedback = sender.ack(frame_of({{1002, 1005}}), at(40));
    REQUIRE(numbers_of(feedback.lost) == Numbers{1001});
    CHECK(feedback.lost[0].probes_mtu);
    CHECK_FALSE(feedback.loss);
    CHECK(feedback.ack->bytes_lost == 0);
    CHECK(sender.recovery.loss() == 0);
    CHECK(sender.recovery.bytes_in_flight() == 0);
}

TEST_CASE("Round trips are counted in packets") {
    Sender sender;
    sender.send_data(at(0), 4);
    CHECK(sender.ack(frame_of({{1000, 1000}}), at(40)).ack->rounds == 1);
    sender.send_data(at(40), 4);
    CHECK(sender.ack(frame_of({{1001, 1003}}), at(41)).ack->rounds == 1);
    CHECK(sender.ack(frame_of({{1004, 1004}}), at(80)).ack->rounds == 2);
    CHECK(sender.ack(frame_of({{1005, 1007}}), at(81)).ack->rounds == 2);
}

TEST_CASE("The average of losses follows about 200 packets") {
    Sender sender;
    sender.measure(milliseconds{10});
    const auto send_ten = [&](int turn, std::size_t lost) {
        Numbers numbers;
        for (int i = 0; i < 10; ++i) numbers.push_back(sender.send_data(at(20 * turn)));
        numbers.erase(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(lost));
        return sender.ack(frame_of_numbers(numbers), at(20 * turn + 15)).lost.size();
    };
    for (int turn = 0; turn < 200; ++turn) REQUIRE(send_ten(turn, 1) == 1);
    CHECK(sender.recovery.loss() == Approx(0.1).margin(0.01));
    for (int turn = 200; turn < 400; ++turn) REQUIRE(send_ten(turn, 3) == 3);
    CHECK(sender.recovery.loss() == Approx(0.3).margin(0.02));
    for (int turn = 400; turn < 420; ++turn) REQUIRE(send_ten(turn, 0) == 0);
    CHECK(sender.recovery.loss() == Approx(0.3 / 2.718).margin(0.02));
}

TEST_CASE("On a new path what the old one did counts no more") {
    Sender sender;
    sender.measure(milliseconds{40});
    sender.send_data(at(0), 10);
    sender.ack(frame_of({{1009, 1010}}), at(40));
    sender.advance(at(60));
    sender.ack(frame_of({{1001, 1010}}), at(61));
    CHECK(sender.recovery.reordering().packets() > 3);
    sender.send_data(at(70), 10);
    sender.recovery.path_changed(at(80));
    CHECK_FALSE(sender.recovery.round_trip_time().known());
    CHECK(sender.recovery.reordering().packets() == 3);
    CHECK(sender.recovery.loss() == 0);
    CHECK(sender.recovery.bytes_in_flight() == 10'000);

    sender.send_data(at(80), 2);
    auto feedback = sender.ack(frame_of({{1020, 1020}}), at(110));
    CHECK(feedback.acked.size() == 1);
    CHECK(feedback.lost.size() > 0);
    CHECK_FALSE(feedback.loss);
    CHECK_FALSE(feedback.ack);
    CHECK_FALSE(sender.recovery.round_trip_time().known());
    CHECK(sender.recovery.loss() == 0);

    feedback = sender.ack(frame_of({{1021, 1022}}), at(100));
    REQUIRE(feedback.ack);
    CHECK(feedback.ack->round_trip_time == milliseconds{20});
    CHECK(feedback.ack->bytes_acked == 2000);
    CHECK(feedback.ack->rate_bytes_per_second == 100'000);
}
