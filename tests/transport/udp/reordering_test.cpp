#include "transport/udp/reordering.hpp"

#include "catch.hpp"
#include "sim/random.hpp"
#include "transport/udp/sender.hpp"

#include <map>

using braid::protocol::Duration;
using braid::protocol::Time;
using braid::transport::AckFrame;
using braid::transport::Acknowledgements;
using braid::transport::Recovery;
using braid::transport::Reordering;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using udp_test::at;
using udp_test::frame_of;
using udp_test::Numbers;
using udp_test::numbers_of;
using udp_test::Sender;
using udp_test::start;

namespace {

struct Losses {
    double spurious = 0;     ///< share of packets
    double real_missed = 0;  ///< share of packets that never came and were not found out
    Duration detection{0};   ///< how long it took to find one out, at most
};

/// A link of 40 ms that lets packets overtake each other by up to `jitter` and loses a share of
/// them, and a sender that sends one every 200 us, whatever happens.
class Link {
public:
    Link(Duration jitter, double loss, std::uint64_t seed)
        : jitter_{jitter}, loss_{loss}, random_{seed} {
        sender_.measure(milliseconds{40});
    }

    /// @returns what happened after the first half of this time
    Losses run(Duration time) {
        const auto half = start + time / 2;
        const auto end = start + time;
        std::size_t count = 0;
        Losses losses;
        for (auto now = start; now < end; now += microseconds{200}) {
            deliver(now);
            if (sender_.recovery.deadline() <= now) note(sender_.advance(now), now, half, losses);
            hear(now, half, losses);
            send(now);
            if (now >= half) ++count;
        }
        losses.spurious /= static_cast<double>(count);
        losses.real_missed = static_cast<double>(missing_.size()) / static_cast<double>(count);
        return losses;
    }

private:
    void send(Time now) {
        const auto number = sender_.send_data(now);
        if (random_.chance(loss_)) {
            missing_[number] = now;
            return;
        }
        const auto late = static_cast<Duration::rep>(
            random_.below(static_cast<std::uint64_t>(jitter_.count()) + 1));
        under_way_.emplace(now + milliseconds{20} + Duration{late}, number);
    }

    void deliver(Time now) {
        while (!under_way_.empty() && under_way_.begin()->first <= now) {
            acks_.received(under_way_.begin()->second, true, false, under_way_.begin()->first);
            under_way_.erase(under_way_.begin());
        }
        if (acks_.due() > now) return;
        std::array<std::byte, 300> bytes{};
        const auto size = acks_.write(bytes, now);
        AckFrame frame;
        std::span<const std::byte> in{bytes.data(), size};
        REQUIRE_FALSE(decode_ack(in, sender_.recovery.largest_sent(), frame));
        answers_.emplace(now + milliseconds{20}, frame);
    }

    void hear(Time now, Time half, Losses& losses) {
        while (!answers_.empty() && answers_.begin()->first <= now) {
            note(sender_.ack(answers_.begin()->second, now), now, half, losses);
            acks_.told(answers_.begin()->second.largest());
            answers_.erase(answers_.begin());
        }
    }

    void note(const Recovery::Feedback& feedback, Time now, Time half, Losses& losses) {
        if (now >= half) losses.spurious += static_cast<double>(feedback.losses_spurious);
        for (const auto& packet : feedback.lost) {
            if (missing_.erase(packet.number) == 0 || now < half) continue;
            losses.detection = std::max(losses.detection, now - packet.sent_at);
        }
    }

    Duration jitter_;
    double loss_;
    sim::Random random_;
    Sender sender_;
    Acknowledgements acks_;
    std::multimap<Time, std::uint64_t> under_way_;
    std::multimap<Time, AckFrame> answers_;
    std::map<std::uint64_t, Time> missing_;
};

}  // namespace

TEST_CASE("A packet that arrives after all widens the tolerance") {
    Sender sender;
    sender.measure(milliseconds{40});
    sender.send_data(at(0), 10);
    auto feedback = sender.ack(frame_of({{1006, 1009}}), at(41));
    CHECK(numbers_of(feedback.lost) == Numbers{1001, 1002, 1003, 1004, 1005});
    CHECK(sender.recovery.bytes_in_flight() == 1000);
    const auto loss = sender.recovery.loss();
    CHECK(loss > 0.02);

    feedback = sender.ack(frame_of({{1006, 1009}, {1003, 1004}}), at(42));
    CHECK(numbers_of(feedback.acked) == Numbers{1003, 1004});
    CHECK(feedback.losses_spurious == 2);
    CHECK_FALSE(feedback.spurious);  // some of the series are missing still
    CHECK(sender.recovery.bytes_in_flight() == 1000);
    CHECK(sender.recovery.reordering().packets() == 7);
    CHECK(sender.recovery.reordering().delay(milliseconds{80}) == milliseconds{110});
    CHECK(sender.recovery.loss() < loss);

    feedback = sender.ack(frame_of({{1001, 1009}}), at(43));
    CHECK(feedback.losses_spurious == 3);
    CHECK(feedback.spurious);
    CHECK(sender.recovery.reordering().packets() == 9);
    CHECK(sender.recovery.loss() == Approx(0).margin(1e-3));
    feedback = sender.ack(frame_of({{1001, 1010}}), at(44));
    CHECK_FALSE(feedback.spurious);
    CHECK(sender.recovery.bytes_in_flight() == 0);
}

TEST_CASE("Losses of which one stays lost are not undone") {
    Sender sender;
    sender.measure(milliseconds{40});
    sender.send_data(at(0), 8);
    CHECK(sender.ack(frame_of({{1005, 1008}}), at(40)).lost.size() == 4);
    CHECK_FALSE(sender.ack(frame_of({{1002, 1008}}), at(50)).spurious);
    // A later series has nothing to do with it.
    sender.send_data(at(60), 30);
    auto feedback = sender.ack(frame_of({{1038, 1038}}), at(100));
    CHECK(feedback.lost.size() > 0);
    const auto last = feedback.lost.back().number;
    CHECK_FALSE(sender.ack(frame_of({{1009, last - 1}}), at(101)).spurious);
    CHECK(sender.ack(frame_of({{last, last}}), at(102)).spurious);
}

TEST_CASE("The tolerance shrinks after sixteen quiet round trips") {
    Reordering reordering;
    CHECK(reordering.packets() == 3);
    reordering.spurious(99, 10);
    for (int i = 0; i < 20; ++i) reordering.spurious(3, 10);
    CHECK(reordering.packets() == 100);
    CHECK(reordering.delay(milliseconds{80}) == milliseconds{160});
    for (std::uint64_t round = 11; round < 26; ++round) reordering.round_began(round);
    CHECK(reordering.packets() == 100);
    reordering.round_began(26);
    CHECK(reordering.packets() == 87);
    CHECK(reordering.delay(milliseconds{80}) == milliseconds{150});
    for (std::uint64_t round = 27; round < 1000; ++round) reordering.round_began(round);
    CHECK(reordering.packets() == 3);
    CHECK(reordering.delay(milliseconds{80}) == milliseconds{90});
    reordering.spurious(1'000'000, 1000);
    CHECK(reordering.packets() == Reordering::packets_most);
}

TEST_CASE("Round trips without a packet that is late after all make a sender less patient") {
    Sender sender;
    sender.measure(milliseconds{40});
    sender.send_data(at(0), 10);
    sender.ack(frame_of({{1010, 1010}}), at(40));
    sender.ack(frame_of({{1001, 1010}}), at(41));
    REQUIRE(sender.recovery.reordering().packets() == 10);
    for (int i = 1; i <= 100; ++i) {
        const auto number = sender.send_data(at(100 * i));
        sender.ack(frame_of({{number, number}}), at(100 * i + 40));
        if (i == 15) CHECK(sender.recovery.reordering().packets() == 10);
        if (i == 16) CHECK(sender.recovery.reordering().packets() == 8);
    }
    CHECK(sender.recovery.reordering().packets() < 6);
}

TEST_CASE("After a while packets that overtake each other do no harm") {
    for (const auto jitter : {0, 2, 5, 15, 30}) {
        const auto losses = Link{milliseconds{jitter}, 0, 7}.run(std::chrono::seconds{8});
        UNSCOPED_INFO("jitter " << jitter << " ms, spurious " << losses.spurious);
        CHECK(losses.spurious < 0.002);
        CHECK(losses.real_missed == 0);
    }
}

TEST_CASE("Where packets overtake each other those that are lost are found out all the same") {
    for (const auto jitter : {0, 5, 15}) {
        const auto losses = Link{milliseconds{jitter}, 0.05, 7}.run(std::chrono::seconds{8});
        UNSCOPED_INFO("jitter " << jitter << " ms, found out after "
                                << losses.detection / milliseconds{1} << " ms, spurious "
                                << losses.spurious << ", missed " << losses.real_missed);
        CHECK(losses.spurious < 0.002);
        CHECK(losses.real_missed < 0.02);
        CHECK(losses.detection < 2 * milliseconds{40 + jitter} + milliseconds{10});
    }
}
