#include "congestion/flow.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace bench {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;
using braid::transport::Pacer;

constexpr unsigned packet_bytes = 1200;
constexpr unsigned game_packet_bytes = 150;  // 120 of the game's
constexpr unsigned packet_overhead = 34;     // header, tag and a fragment's header
constexpr unsigned wire_overhead = 28;       // UDP and IPv4
constexpr unsigned burst_packets = 16;

constexpr auto acknowledgement_delay = 5ms;
constexpr auto fragment_time = 4ms;  // guard 5
constexpr unsigned fragment_bytes_least = 300;

// What urgent packets may do that others may not.
constexpr auto urgent_early = 5ms;
constexpr double urgent_window = 1.25;
constexpr double urgent_packets = 4;

Time at_seconds(double seconds) {
    return Time{std::chrono::duration_cast<Duration>(Seconds{std::min(seconds, 1e9)})};
}

}  // namespace

Flow::Flow(FlowPlan plan, unsigned index, FlowWorld& world)
    : plan_{std::move(plan)}, index_{index}, world_{world}, control_{plan_.control()} {}

bool Flow::active() const {
    return world_.now() >= at_seconds(plan_.begins_seconds) &&
           world_.now() < at_seconds(plan_.ends_seconds);
}

unsigned Flow::bulk_packet_bytes() const {
    const auto rate = control_->rate_bytes_per_second();
    if (rate == 0 || !plan_.paced) return packet_bytes;
    const auto in_time = Seconds{fragment_time}.count() * static_cast<double>(rate);
    return static_cast<unsigned>(std::clamp<double>(in_time, fragment_bytes_least, packet_bytes));
}

void Flow::send(unsigned bytes, std::optional<Time> game_due_at) {
    const auto now = world_.now();
    if (in_flight_ == 0) {
        const auto idle = now - last_eliciting_;
        if (next_ > 0) control_->on_idle(now, idle);
        delivered_at_ = first_sent_at_ = now;
    }
    Packet sent;
    sent.sent_at = now;
    sent.first_sent_at = first_sent_at_;
    sent.delivered_at = delivered_at_;
    sent.delivered = delivered_;
    sent.bytes = bytes;
    sent.game = game_due_at.has_value();
    sent.due_at = game_due_at.value_or(now);
    sent.limited = limited_until_ != 0;
    packets_.push_back(sent);
    in_flight_ += bytes;
    last_eliciting_ = now;
    control_->on_sent(now, bytes, in_flight_);
    pacer_.sent(now, bytes);
    ++result_.packets_sent;
    world_.send(index_, next_++, bytes + wire_overhead);
}

void Flow::game_due() {
    if (!active() || !plan_.game) return;
    game_waiting_.push_back(world_.now());
    sender_awake();
}

bool Flow::urgent_fits() const {
    const auto window = static_cast<double>(control_->window_bytes());
    return static_cast<double>(in_flight_ + game_packet_bytes) <=
           urgent_window * window + urgent_packets * packet_bytes;
}

bool Flow::send_next() {
    const auto now = world_.now();
    const auto rate = plan_.paced ? control_->pacing_bytes_per_second() : 0;
    pacer_.set(rate, Pacer::burst(rate, packet_bytes, burst_packets));
    if (!game_waiting_.empty() && urgent_fits() &&
        pacer_.next(now, game_packet_bytes, urgent_early) <= now) {
        const auto due = game_waiting_.front();
        game_waiting_.pop_front();
        send(game_packet_bytes, due);
        return true;
    }
    const auto bulk = bulk_packet_bytes();
    if (probes_ > 0) {
        --probes_;
        send(bulk, std::nullopt);
        return true;
    }
    if (!active() || now < at_seconds(plan_.bulk_begins_seconds)) {
        limited_until_ = delivered_ + in_flight_ + 1;
        return false;
    }
    if (in_flight_ + bulk > control_->window_bytes() || pacer_.next(now, bulk) > now) return false;
    send(bulk, std::nullopt);
    return true;
}

void Flow::sender_awake() {
    check_timers();
    while (send_next()) {
    }
    set_alarm();
}

Time Flow::bulk_may_leave() const {
    const auto now = world_.now();
    if (!game_waiting_.empty() && urgent_fits()) {
        return pacer_.next(now, game_packet_bytes, urgent_early);
    }
    const auto begins = at_seconds(std::max(plan_.begins_seconds, plan_.bulk_begins_seconds));
    if (now < begins) return begins;
    const auto bulk = bulk_packet_bytes();
    if (!active() || in_flight_ + bulk > control_->window_bytes()) return braid::protocol::never;
    return pacer_.next(now, bulk);
}

Duration Flow::probe_timeout() const {
    const auto once = round_trip_.smoothed() +
                      std::max<Duration>(4 * round_trip_.variation(), 1ms) + acknowledgement_delay;
    return std::min<Duration>(once * (1u << std::min(timeouts_, 10u)), 2s);
}

void Flow::check_timers() {
    const auto now = world_.now();
    if (now >= loss_due_) {
        const auto lost = find_losses();
        if (lost > 0) {
            control_->on_loss(
                {.now = now,
                 .bytes_lost = lost,
                 .bytes_in_flight = in_flight_,
                 .rounds = rounds_,
                 .newest_sent_at = packet(unjudged_ > first_ ? unjudged_ - 1 : first_).sent_at});
        }
    }
    if (in_flight_ > 0 && loss_due_ == braid::protocol::never &&
        now >= last_eliciting_ + probe_timeout()) {
        ++timeouts_;
        control_->on_probe_timeout(now, timeouts_);
        probes_ = timeouts_ > 1 ? 2 : 1;
    }
}

void Flow::set_alarm() {
    auto due = std::min(loss_due_, bulk_may_leave());
    if (in_flight_ > 0 && loss_due_ == braid::protocol::never) {
        due = std::min(due, last_eliciting_ + probe_timeout());
    }
    if (due == braid::protocol::never || (alarm_ > world_.now() && alarm_ <= due)) return;
    alarm_ = due;
    world_.wake_sender(index_, std::max(due, world_.now() + Duration{1}));
}

void Flow::take(std::uint64_t number, Acked& acked) {
    if (!remembered(number) || packet(number).acked) return;
    auto& one = packet(number);
    one.acked = true;
    if (one.lost) {
        acked.spurious = true;
        const auto behind = static_cast<unsigned>(largest_acked_.value_or(number) - number);
        reordering_packets_ = std::clamp(std::max(reordering_packets_, behind + 1), 3u, 1000u);
        reordering_share_ = std::min(reordering_share_ + 0.125, 1.0);
        reordering_round_ = rounds_;
        if (!one.game && result_.bulk_bytes > one.bytes) {
            result_.bulk_bytes -= one.bytes - packet_overhead;  // it was sent again for nothing
        }
    } else {
        in_flight_ -= one.bytes;
    }
    acked.bytes += one.bytes;
    acked.newest = std::max(acked.newest, number);
    delivered_ += one.bytes;
    if (number >= round_ends_) {
        ++rounds_;
        round_ends_ = next_;
    }
}

void Flow::acknowledged(std::uint64_t received) {
    const auto now = world_.now();
    const auto before = in_flight_;
    const auto known = largest_acked_;
    Acked acked;
    for (; processed_ < received; ++processed_) {
        take(received_.front(), acked);
        received_.pop_front();
        ++received_first_;
    }
    if (acked.bytes == 0) return;
    delivered_at_ = now;
    timeouts_ = 0;
    if (!largest_acked_ || acked.newest > *largest_acked_) {
        largest_acked_ = acked.newest;
        round_trip_.sample(now - packet(acked.newest).sent_at, Duration{0});
    }
    if (limited_until_ != 0 && delivered_ > limited_until_) limited_until_ = 0;
    const auto lost = find_losses();
    if (acked.spurious) control_->on_spurious_loss(now);
    const bool sampled = !known || acked.newest > *known;
    tell_control(acked, before, lost);
    if (sampled) first_sent_at_ = packet(acked.newest).sent_at;
    if (rounds_ > reordering_round_ + 16) {
        reordering_round_ = rounds_;
        reordering_packets_ = std::max(3u, reordering_packets_ - reordering_packets_ / 4);
        reordering_share_ = std::max(0.125, reordering_share_ - 0.125);
    }
    forget();
    sender_awake();
}

std::uint64_t Flow::rate_of(const Packet& one) const {
    const auto took = std::max(one.sent_at - one.first_sent_at, delivered_at_ - one.delivered_at);
    if (took < round_trip_.least() || took <= Duration{0}) return 0;
    return static_cast<std::uint64_t>(static_cast<double>(delivered_ - one.delivered) /
                                      Seconds{took}.count());
}

void Flow::tell_control(const Acked& acked, std::uint64_t in_flight_before, std::uint64_t lost) {
    const auto now = world_.now();
    const auto& newest = packet(acked.newest);
    if (lost > 0) {
        const auto last = unjudged_ > first_ ? unjudged_ - 1 : first_;
        control_->on_loss({.now = now,
                           .bytes_lost = lost,
                           .bytes_in_flight = in_flight_,
                           .rounds = rounds_,
                           .newest_sent_at = packet(last).sent_at});
    }
    const bool is_newest = acked.newest == *largest_acked_;
    control_->on_ack({.now = now,
                      .round_trip_time = is_newest ? now - newest.sent_at : Duration{0},
                      .smoothed_round_trip_time = round_trip_.smoothed(),
                      .bytes_acked = acked.bytes,
                      .bytes_lost = lost,
                      .bytes_in_flight = in_flight_,
                      .bytes_in_flight_before = in_flight_before,
                      .rate_bytes_per_second = rate_of(newest),
                      .application_limited = newest.limited,
                      .rounds = rounds_});
}

std::uint64_t Flow::find_losses() {
    loss_due_ = braid::protocol::never;
    if (!largest_acked_) return 0;
    const auto now = world_.now();
    const auto round_trip = Seconds{std::max(round_trip_.smoothed(), round_trip_.latest())};
    const auto tolerance = std::max<Duration>(
        std::chrono::duration_cast<Duration>(round_trip * (1 + reordering_share_)), 1ms);
    std::uint64_t lost = 0;
    for (auto number = std::max(unjudged_, first_); number < *largest_acked_; ++number) {
        auto& one = packet(number);
        if (one.acked || one.lost) {
            if (number == unjudged_) ++unjudged_;
            continue;
        }
        const bool far_behind = *largest_acked_ - number >= reordering_packets_;
        if (!far_behind && one.sent_at + tolerance > now) {
            loss_due_ = std::min(loss_due_, one.sent_at + tolerance);
            continue;
        }
        one.lost = true;
        lost += one.bytes;
        in_flight_ -= one.bytes;
        if (number == unjudged_) ++unjudged_;
    }
    return lost;
}

void Flow::forget() {
    // Two round trips is as late as a packet may still turn out not to be lost.
    const auto old = world_.now() - 2 * round_trip_.smoothed() - Duration{1s};
    while (first_ < unjudged_ && packets_.front().sent_at < old) {
        packets_.pop_front();
        ++first_;
    }
}

void Flow::arrived(std::uint64_t number) {
    if (!remembered(number)) return;
    auto& one = packet(number);
    const auto now = world_.now();
    if (one.game) {
        const auto interval = Seconds{now - one.due_at};
        result_.game_ms.push_back(interval.count() * 1000);
    } else {
        result_.bulk_bytes += one.bytes - packet_overhead;
        const auto second = static_cast<std::size_t>(Seconds{now.time_since_epoch()}.count());
        if (result_.bulk_bytes_by_second.size() <= second) {
            result_.bulk_bytes_by_second.resize(second + 1);
        }
        result_.bulk_bytes_by_second[second] += one.bytes - packet_overhead;
    }
    received_.push_back(number);
    ++unacknowledged_;
    const bool gap = number != newest_received_ + 1 && number != 0;
    newest_received_ = std::max(newest_received_, number);
    if (unacknowledged_ >= 2 || gap) {
        unacknowledged_ = 0;
        world_.acknowledge(index_, received_first_ + received_.size());
    } else {
        receiver_alarm_ = now + acknowledgement_delay;
        world_.wake_receiver(index_, receiver_alarm_);
    }
}

void Flow::receiver_awake() {
    if (unacknowledged_ == 0 || world_.now() < receiver_alarm_) return;
    unacknowledged_ = 0;
    world_.acknowledge(index_, received_first_ + received_.size());
}

}  // namespace bench
