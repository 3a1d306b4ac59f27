// Recovery against a plain list of all packets, over links that lose, delay and swap packets and
// acknowledgements.

#include "catch.hpp"
#include "sim/random.hpp"
#include "transport/udp/recovery.hpp"

#include <braid/error.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

using braid::protocol::Duration;
using braid::protocol::Time;
using braid::transport::AckFrame;
using braid::transport::Acknowledgements;
using braid::transport::Recovery;
using braid::transport::SentPacket;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

using Numbers = std::set<std::uint64_t>;

enum class Fate { under_way, silent, acked, lost };

struct Record {
    SentPacket packet;
    Fate fate = Fate::under_way;
    Time lost_at{};
};

Numbers numbers_of(const std::vector<SentPacket>& packets) {
    Numbers numbers;
    for (const auto& packet : packets) {
        REQUIRE(numbers.insert(packet.number).second);
    }
    return numbers;
}

bool tells_of(const AckFrame& frame, std::uint64_t number) {
    return std::any_of(
        frame.ranges.begin(), frame.ranges.begin() + static_cast<std::ptrdiff_t>(frame.count),
        [&](const AckFrame::Range& range) { return range.begin <= number && number < range.end; });
}

/// What RFC 9002 and docs/wire.md say, by looking at every packet each time.
class Oracle {
public:
    explicit Oracle(const Recovery& recovery) : recovery_{recovery} {}

    void sent(const SentPacket& packet) {
        records_[packet.number] = {packet, packet.eliciting ? Fate::under_way : Fate::silent, {}};
        if (packet.eliciting) last_sent_at_ = packet.sent_at;
    }

    void acked(const AckFrame& frame, Time now, const Recovery::Feedback& feedback) {
        const auto reported = numbers_of(feedback.acked);
        largest_acked_ = std::max(largest_acked_, frame.largest() + 1);
        std::size_t spurious = 0;
        for (auto& [number, record] : records_) {
            if (!tells_of(frame, number) || record.fate == Fate::acked) {
                REQUIRE_FALSE(reported.contains(number));
                continue;
            }
            const bool reports = reported.contains(number);
            if (record.fate == Fate::under_way) REQUIRE(reports);
            if (record.fate == Fate::lost) {
                // Later than that it may have been forgotten.
                if (now - record.lost_at < milliseconds{100}) REQUIRE(reports);
                spurious += reports ? 1u : 0u;
            }
            if (!reports) continue;
            if (record.packet.eliciting) timeouts_ = 0;
            record.fate = Fate::acked;
        }
        REQUIRE(feedback.losses_spurious == spurious);
        lost(now, feedback);
    }

    void advanced(Time now, const Recovery::Feedback& feedback) {
        const bool finds = deadline() <= now && waits_for_loss();
        REQUIRE(feedback.lost.empty() == !finds);
        if (finds) lost(now, feedback);
        if (deadline() <= now) {
            ++timeouts_;
            timed_out_at_ = now;
        }
        REQUIRE(recovery_.probe_timeouts() == timeouts_);
    }

    void check() const {
        std::uint64_t in_flight = 0;
        for (const auto& [number, record] : records_) {
            if (record.fate == Fate::under_way) in_flight += record.packet.bytes;
        }
        REQUIRE(recovery_.bytes_in_flight() == in_flight);
        REQUIRE(recovery_.deadline() == deadline());
    }

    std::size_t count(Fate fate) const {
        return static_cast<std::size_t>(
            std::count_if(records_.begin(), records_.end(),
                          [&](const auto& each) { return each.second.fate == fate; }));
    }

    bool was_sent(std::uint64_t number) const { return records_.contains(number); }

private:
    Duration tolerance() const {
        const auto& rtt = recovery_.round_trip_time();
        return recovery_.reordering().delay(std::max(rtt.smoothed(), rtt.latest()));
    }

    const SentPacket* oldest() const {
        for (const auto& [number, record] : records_) {
            if (record.fate == Fate::under_way) return &record.packet;
        }
        return nullptr;
    }

    bool waits_for_loss() const { return oldest()->number + 1 < largest_acked_; }

    Time deadline() const {
        const auto* packet = oldest();
        if (packet == nullptr) return braid::protocol::never;
        if (waits_for_loss()) return packet->sent_at + tolerance();
        const auto& rtt = recovery_.round_trip_time();
        const auto once = rtt.smoothed() +
                          std::max<Duration>(4 * rtt.variation(), milliseconds{1}) +
                          milliseconds{5};
        auto wait = once;
        for (unsigned i = 0; i < timeouts_; ++i) {
            wait = std::min<Duration>(2 * wait, std::max<Duration>(once, seconds{2}));
        }
        return std::min(std::max(last_sent_at_, timed_out_at_) + wait,
                        std::max(packet->sent_at, timed_out_at_) + 2 * wait);
    }

    void lost(Time now, const Recovery::Feedback& feedback) {
        const auto reported = numbers_of(feedback.lost);
        std::uint64_t bytes = 0;
        Time newest_sent_at{};
        for (auto& [number, record] : records_) {
            const bool late = number + 1 < largest_acked_ &&
                              (number + recovery_.reordering().packets() < largest_acked_ ||
                               record.packet.sent_at + tolerance() <= now);
            const bool is_lost = late && record.fate == Fate::under_way;
            CAPTURE(number, largest_acked_);
            REQUIRE(reported.contains(number) == is_lost);
            if (!is_lost) continue;
            record.fate = Fate::lost;
            record.lost_at = now;
            if (record.packet.probes_mtu) continue;
            bytes += record.packet.bytes;
            newest_sent_at = record.packet.sent_at;
        }
        REQUIRE(feedback.loss.has_value() == (bytes > 0));
        if (bytes == 0) return;
        REQUIRE(feedback.loss->bytes_lost == bytes);
        REQUIRE(feedback.loss->newest_sent_at == newest_sent_at);
    }

    const Recovery& recovery_;
    std::map<std::uint64_t, Record> records_;
    std::uint64_t largest_acked_ = 0;  ///< one past it
    Time last_sent_at_{};
    Time timed_out_at_{};
    unsigned timeouts_ = 0;
};

/// How bad it is, one way and the other.
struct Weather {
    double loss;
    double loss_of_acks;
    Duration jitter;
    Duration gap_max;  ///< between packets
};

class World {
public:
    World(const Weather& weather, std::uint64_t seed)
        : weather_{weather},
          random_{seed},
          recovery_{random_.below(65'536), seed},
          oracle_{recovery_} {}

    void run(int steps) {
        for (int i = 0; i < steps; ++i) {
            const auto gap =
                random_.magnitude(static_cast<std::uint64_t>(weather_.gap_max.count()));
            now_ += Duration{static_cast<Duration::rep>(gap)};
            turn();
            send();
            if (random_.chance(0.02)) lie();
        }
        // Nothing more is sent but probes, and in the end all is settled.
        for (int i = 0; i < 120'000 && recovery_.bytes_in_flight() > 0; ++i) {
            now_ += milliseconds{1};
            turn();
            if (recovery_.take_probes() > 0) send();
        }
        REQUIRE(recovery_.bytes_in_flight() == 0);
        REQUIRE(oracle_.count(Fate::acked) > static_cast<std::size_t>(steps) / 8);
    }

    const Recovery& recovery() const { return recovery_; }
    std::size_t lost() const { return oracle_.count(Fate::lost); }

private:
    Time arrival() {
        const auto jitter = static_cast<std::uint64_t>(weather_.jitter.count());
        return now_ + milliseconds{10} +
               Duration{static_cast<Duration::rep>(random_.below(jitter + 1))};
    }

    void send() {
        SentPacket packet;
        packet.number = recovery_.next_number(now_);
        packet.sent_at = now_;
        packet.bytes = static_cast<std::uint32_t>(random_.between(20, 1500));
        packet.eliciting = random_.chance(0.8);
        packet.probes_mtu = packet.eliciting && random_.chance(0.05);
        recovery_.sent(packet, random_.chance(0.2));
        oracle_.sent(packet);
        oracle_.check();
        if (!random_.chance(weather_.loss)) packets_.emplace(arrival(), packet);
    }

    void turn() {
        for (; !packets_.empty() && packets_.begin()->first <= now_;
             packets_.erase(packets_.begin())) {
            const auto& packet = packets_.begin()->second;
            acks_.received(packet.number, packet.eliciting, false, now_);
        }
        if (acks_.due() <= now_) answer();
        for (; !answers_.empty() && answers_.begin()->first <= now_;
             answers_.erase(answers_.begin())) {
            feedback_.clear();
            REQUIRE_FALSE(recovery_.on_ack(answers_.begin()->second, now_, feedback_));
            oracle_.acked(answers_.begin()->second, now_, feedback_);
            oracle_.check();
        }
        feedback_.clear();
        recovery_.advance(now_, feedback_);
        oracle_.advanced(now_, feedback_);
        oracle_.check();
    }

    void answer() {
        std::array<std::byte, 400> bytes{};
        std::span<const std::byte> in{bytes.data(), acks_.write(bytes, now_)};
        AckFrame frame;
        REQUIRE_FALSE(decode_ack(in, recovery_.largest_sent(), frame));
        if (random_.chance(0.3)) acks_.told(frame.largest());
        if (!random_.chance(weather_.loss_of_acks)) answers_.emplace(arrival(), frame);
    }

    /// An ACK of one number too many is refused, and changes nothing.
    void lie() {
        AckFrame frame;
        frame.count = 1;
        frame.ranges[0].begin = recovery_.largest_sent() - random_.below(100);
        frame.ranges[0].end = recovery_.largest_sent() + 1 + random_.between(1, 3);
        feedback_.clear();
        REQUIRE(recovery_.on_ack(frame, now_, feedback_) == braid::errc::protocol_violation);
        REQUIRE(feedback_.acked.empty());
        oracle_.check();
    }

    Weather weather_;
    sim::Random random_;
    Time now_{seconds{1}};
    Recovery recovery_;
    Recovery::Feedback feedback_;
    Oracle oracle_;
    Acknowledgements acks_;
    std::multimap<Time, SentPacket> packets_;
    std::multimap<Time, AckFrame> answers_;
};

}  // namespace

TEST_CASE("Recovery does what a plain list of packets says") {
    constexpr std::array weathers{
        Weather{0, 0, milliseconds{0}, milliseconds{1}},
        Weather{0.05, 0.05, milliseconds{0}, milliseconds{20}},
        Weather{0.1, 0.3, milliseconds{15}, milliseconds{2}},
        Weather{0, 0, milliseconds{80}, milliseconds{1}},
        Weather{0.5, 0.5, milliseconds{5}, milliseconds{300}},
        Weather{0.02, 0, milliseconds{2}, microseconds{50}},
    };
    for (std::size_t i = 0; i < weathers.size(); ++i) {
        for (std::uint64_t seed = 0; seed < 4; ++seed) {
            CAPTURE(i, seed);
            World world{weathers[i], seed};
            world.run(120);
            if (weathers[i].loss > 0.3) CHECK(world.lost() > 10);
            if (i == 0) CHECK(world.recovery().loss() == 0);
        }
    }
}
