#include "transport/udp/recovery.hpp"

#include <braid/error.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace braid::transport {
namespace {

using protocol::Duration;
using protocol::Time;
using State = SentPackets::State;

// A packet that was given up is remembered for so many probe timeouts: who comes later was not
// reordered, and its sender has long repeated it.
constexpr int lost_remembered_probe_timeouts = 3;

// Each packet's share in the average of losses.
constexpr double loss_weight = 1.0 / 200;

// From the second timeout in a row on, one probe more, as the first may have been lost as well.
constexpr unsigned probes_first = 1;
constexpr unsigned probes_later = 2;

// While packets leave all the time, this many probe timeouts without an acknowledgement are
// silence.
constexpr int silence_probe_timeouts = 2;

bool tells_of(const AckFrame& frame, std::uint64_t number) noexcept {
    const auto* const end = frame.ranges.data() + frame.count;
    const auto* const range = std::partition_point(
        frame.ranges.data(), end,
        [&](const AckFrame::Range& candidate) { return candidate.begin > number; });
    return range != end && number < range->end;
}

}  // namespace

void Recovery::Feedback::clear() noexcept {
    acked.clear();
    lost.clear();
    ack.reset();
    loss.reset();
    losses_spurious = 0;
    spurious = false;
}

Recovery::Recovery(std::uint64_t first_number, std::uint64_t seed)
    : packets_{first_number},
      first_number_{first_number},
      random_state_{seed},
      oldest_{first_number},
      path_first_{first_number},
      round_end_{first_number},
      episode_end_{first_number} {
    skip_again_at_.fill(Time::min());
    plan_skip();
}

std::uint64_t Recovery::next_number(Time now) {
    if (packets_.end() >= skip_at_ && now >= skip_again_at_[skips_ % skips_per_round_trip]) {
        skip(now);
    }
    return packets_.end();
}

void Recovery::sent(const SentPacket& packet, bool application_limited) {
    assert(packet.number == packets_.end());
    if (packets_in_flight_ == 0) oldest_ = packet.number;
    auto& entry = packets_.push_back(packet.eliciting ? State::under_way : State::silent);
    entry.packet = packet;
    if (packet.eliciting) {
        entry.mark = rate_.sent(packet.sent_at, bytes_in_flight_);
        bytes_in_flight_ += packet.bytes;
        ++packets_in_flight_;
        last_sent_at_ = packet.sent_at;
    }
    // Only who sends data knows whether there is more of it.
    if (application_limited && packet.eliciting && !packet.probes_mtu) {
        rate_.application_limited(bytes_in_flight_);
    }
    forget(packet.sent_at);
}

std::optional<std::uint64_t> Recovery::largest_acked() const noexcept { return largest_acked_; }

std::uint64_t Recovery::largest_sent() const noexcept {
    return packets_.end() - (packets_.end() == 0 ? 0 : 1);
}

std::error_code Recovery::on_ack(const AckFrame& frame, Time now, Feedback& out) {
    if (!is_possible(frame)) return errc::protocol_violation;
    out.ack.reset();
    out.loss.reset();
    Tally tally;
    tally.bytes_in_flight_before = bytes_in_flight_;
    for (auto i = frame.count; i-- > 0;) {
        packets_.for_each_open(frame.ranges[i].begin, frame.ranges[i].end,
                               [&](std::uint64_t number) { acked(number, now, tally, out); });
    }
    learn(frame, tally);
    const auto bytes_lost = find_lost(now, out);
    if (tally.bytes_acked > 0) {
        const auto rate =
            rate_.sample(round_trip_time_.known() ? round_trip_time_.least() : Duration{0});
        auto& sample = out.ack.emplace();
        sample.now = now;
        if (tally.measured > Duration{0}) sample.round_trip_time = round_trip_time_.latest();
        sample.smoothed_round_trip_time = round_trip_time_.smoothed();
        sample.bytes_acked = tally.bytes_acked;
        sample.bytes_lost = bytes_lost;
        sample.bytes_in_flight = bytes_in_flight_;
        sample.bytes_in_flight_before = tally.bytes_in_flight_before;
        sample.rate_bytes_per_second = rate.bytes_per_second;
        sample.application_limited = rate.application_limited;
        sample.rounds = rounds_;
    }
    forget(now);
    return {};
}

Time Recovery::deadline() const noexcept {
    if (packets_in_flight_ == 0) return protocol::never;
    if (!waits_for_loss()) return probe_at();
    const auto& oldest = packets_[oldest_].packet;
    return is_overlong() ? oldest.sent_at : lost_at(oldest);
}

void Recovery::advance(Time now, Feedback& out) {
    if (deadline() > now) return;
    out.ack.reset();
    out.loss.reset();
    if (waits_for_loss()) find_lost(now, out);
    // What is left may have been without an answer for too long as well.
    if (deadline() <= now) {
        ++probe_timeouts_;
        last_timeout_at_ = now;
        probes_ = probe_timeouts_ == 1 ? probes_first : probes_later;
    }
    forget(now);
}

unsigned Recovery::take_probes() noexcept { return std::exchange(probes_, 0); }

unsigned Recovery::probe_timeouts() const noexcept { return probe_timeouts_; }

std::optional<protocol::FrameToken> Recovery::oldest_token() const noexcept {
    if (packets_in_flight_ == 0) return std::nullopt;
    for (auto number = oldest_; number < packets_.end(); ++number) {
        const auto& entry = packets_[number];
        if (entry.state == State::under_way && entry.packet.token != 0) return entry.packet.token;
    }
    return std::nullopt;
}

std::uint64_t Recovery::bytes_in_flight() const noexcept { return bytes_in_flight_; }
const RoundTripTime& Recovery::round_trip_time() const noexcept { return round_trip_time_; }
RoundTripTime& Recovery::round_trip_time() noexcept { return round_trip_time_; }

Duration Recovery::probe_timeout() const noexcept {
    return round_trip_time_.smoothed() +
           std::max(4 * round_trip_time_.variation(), Reordering::delay_least) +
           Acknowledgements::delay_max;
}

double Recovery::loss() const noexcept { return loss_; }
const Reordering& Recovery::reordering() const noexcept { return reordering_; }

void Recovery::path_changed(Time now) {
    path_first_ = packets_.end();
    round_trip_time_ = {};
    reordering_ = {};
    rate_.restart(now);
    loss_ = 0;
    last_timeout_at_ = now;
    probe_timeouts_ = 0;
    probes_ = 0;
    episode_end_ = path_first_;
    ++episode_;
    episode_missing_ = 0;
}

// Before anything takes effect: all of it was sent, and nothing that was skipped is in it.
bool Recovery::is_possible(const AckFrame& frame) const noexcept {
    if (frame.count == 0 || frame.largest() >= packets_.end() ||
        frame.ranges[frame.count - 1].begin < first_number_) {
        return false;
    }
    const auto remembered = std::min(skips_, skips_remembered);
    return std::none_of(skipped_.begin(),
                        skipped_.begin() + static_cast<std::ptrdiff_t>(remembered),
                        [&](std::uint64_t number) { return tells_of(frame, number); });
}

void Recovery::acked(std::uint64_t number, Time now, Tally& tally, Feedback& out) {
    auto& entry = packets_[number];
    const auto& packet = entry.packet;
    out.acked.push_back(packet);
    if (packet.eliciting) {
        tally.heard = true;
        tally.newest = number;
        if (entry.state == State::under_way) {
            bytes_in_flight_ -= packet.bytes;
            --packets_in_flight_;
            if (tells_of_path(entry)) loss_ -= loss_ * loss_weight;
        } else {
            was_not_lost(entry, out);
        }
        tally.measured = Duration{0};
        if (number >= path_first_) {
            tally.bytes_acked += packet.bytes;
            tally.measured = std::max(now - packet.sent_at, Duration{1});
            rate_.delivered(entry.mark, packet.sent_at, packet.bytes, now);
        }
    }
    packets_.settle(number);
}

void Recovery::was_not_lost(const SentPackets::Entry& entry, Feedback& out) noexcept {
    ++out.losses_spurious;
    reordering_.spurious(entry.largest_acked - std::min(entry.largest_acked, entry.packet.number),
                         rounds_);
    if (!tells_of_path(entry)) return;
    loss_ = std::max(loss_ - loss_weight, 0.0);
    if (entry.episode == episode_ && --episode_missing_ == 0) out.spurious = true;
}

void Recovery::learn(const AckFrame& frame, Tally& tally) {
    largest_acked_ = std::max(largest_acked_.value_or(0), frame.largest());
    // The peer's delay is that of the newest packet that it has.
    if (!tally.heard || tally.newest != frame.largest()) tally.measured = Duration{0};
    if (!tally.heard) return;
    if (tally.measured > Duration{0}) round_trip_time_.sample(tally.measured, frame.delay);
    probe_timeouts_ = 0;
    probes_ = 0;
    if (tally.newest >= round_end_) {
        round_end_ = packets_.end();
        reordering_.round_began(++rounds_);
    }
}

/// @returns the bytes that congestion control is to hear of
std::uint64_t Recovery::find_lost(Time now, Feedback& out) {
    LossSample sample;
    for (; oldest_ < packets_.end(); ++oldest_) {
        auto& entry = packets_[oldest_];
        if (entry.state != State::under_way) continue;
        if (!is_overlong() && !is_late(entry.packet, now)) break;
        lose(entry, now);
        out.lost.push_back(entry.packet);
        if (!tells_of_path(entry)) continue;
        sample.bytes_lost += entry.packet.bytes;
        sample.newest_sent_at = entry.packet.sent_at;
    }
    if (sample.bytes_lost > 0) {
        sample.now = now;
        sample.bytes_in_flight = bytes_in_flight_;
        sample.rounds = rounds_;
        out.loss = sample;
    }
    return sample.bytes_lost;
}

void Recovery::lose(SentPackets::Entry& entry, Time now) {
    entry.state = State::lost;
    entry.lost_at = now;
    entry.largest_acked = largest_acked_.value_or(0);
    bytes_in_flight_ -= entry.packet.bytes;
    --packets_in_flight_;
    if (!tells_of_path(entry)) return;
    if (entry.packet.number >= episode_end_) {
        ++episode_;
        episode_end_ = packets_.end();
        episode_missing_ = 0;
    }
    entry.episode = episode_;
    ++episode_missing_;
    loss_ += (1 - loss_) * loss_weight;
}

void Recovery::skip(Time now) {
    skipped_[skips_ % skips_remembered] = packets_.end();
    skip_again_at_[skips_ % skips_per_round_trip] =
        protocol::after(now, round_trip_time_.smoothed());
    ++skips_;
    packets_.push_back(State::settled);
    plan_skip();
}

void Recovery::plan_skip() noexcept {
    const auto packets = skip_after_least + random() % (skip_after_most - skip_after_least + 1);
    skip_at_ = packets_.end() + packets;
}

/// Drops what nothing more is expected of.
void Recovery::forget(Time now) noexcept {
    const auto remembered = lost_remembered_probe_timeouts * probe_timeout();
    while (!packets_.empty()) {
        const auto& oldest = packets_[packets_.begin()];
        if (oldest.state == State::under_way) break;
        const auto since = oldest.state == State::lost ? oldest.lost_at : oldest.packet.sent_at;
        if (oldest.state != State::settled && packets_.size() <= numbers_max() &&
            now - since < remembered) {
            break;
        }
        packets_.pop_front();
    }
    oldest_ = std::max(oldest_, packets_.begin());
}

bool Recovery::tells_of_path(const SentPackets::Entry& entry) const noexcept {
    return !entry.packet.probes_mtu && entry.packet.number >= path_first_;
}

bool Recovery::is_late(const SentPacket& packet, Time now) const noexcept {
    if (!largest_acked_ || packet.number >= *largest_acked_) return false;
    return *largest_acked_ - packet.number >= reordering_.packets() || lost_at(packet) <= now;
}

// Acknowledgements that a peer asks for and does not acknowledge itself must not make us remember
// more and more of them behind a packet that it does not acknowledge either.
bool Recovery::is_overlong() const noexcept {
    return packets_in_flight_ > 0 && packets_.end() - oldest_ > numbers_max();
}

bool Recovery::waits_for_loss() const noexcept {
    return is_overlong() || (largest_acked_ && oldest_ < *largest_acked_);
}

Time Recovery::lost_at(const SentPacket& packet) const noexcept {
    const auto round_trip_time = std::max(round_trip_time_.smoothed(), round_trip_time_.latest());
    return protocol::after(packet.sent_at, reordering_.delay(round_trip_time));
}

// From the last packet on, as in RFC 9002: no earlier can all of them have been answered. But who
// sends all the time would then never notice that nothing comes back.
Time Recovery::probe_at() const noexcept {
    auto wait = probe_timeout();
    for (auto i = probe_timeouts_; i > 0 && wait < probe_timeout_max; --i) {
        wait = std::min(2 * wait, probe_timeout_max);
    }
    const auto oldest_sent_at = packets_[oldest_].packet.sent_at;
    return std::min(
        protocol::after(std::max(last_sent_at_, last_timeout_at_), wait),
        protocol::after(std::max(oldest_sent_at, last_timeout_at_), silence_probe_timeouts * wait));
}

std::size_t Recovery::numbers_max() const noexcept {
    return std::max(numbers_remembered, 4 * packets_in_flight_);
}

// splitmix64 of G. Steele, D. Lea and C. Flood (2014).
std::uint64_t Recovery::random() noexcept {
    auto mixed = random_state_ += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

}  // namespace braid::transport
