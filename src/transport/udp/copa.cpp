#include "transport/udp/copa.hpp"

#include <algorithm>
#include <cmath>

namespace braid::transport {
namespace {

using Seconds = std::chrono::duration<double>;

// RFC 9002, 7.2 (RFC 6928).
constexpr double initial_packets = 10;

// After a path seemed dead. RFC 9002, 6.1.1: with three more, a loss is found without a timeout.
constexpr double packets_after_dead_path = 4;

// Packets of the length that the rate asks for. With more a short, slow path would always have a
// queue, which looked like somebody else's.
constexpr double least_units = 2;

// A pause of that length: what was measured may be stale.
constexpr auto pause_short = std::chrono::seconds{1};
constexpr auto pause_long = std::chrono::seconds{10};
constexpr double packets_after_long_pause = 32;

constexpr unsigned probe_timeouts_of_a_dead_path = 3;

// Whatever is measured, so that no arithmetic leaves its range: a terabyte under way.
constexpr double window_most = 1e12;

// So much more than any path carries.
constexpr std::uint64_t rate_most = 1'000'000'000'000;

// Doubling ends somewhere: the step is limited to doubling the window anyway.
constexpr double velocity_most = 1 << 20;

std::int64_t ticks(protocol::Time at) { return at.time_since_epoch().count(); }

double seconds(std::int64_t ticks) { return Seconds{protocol::Duration{ticks}}.count(); }

}  // namespace

Copa::Copa(std::uint64_t packet_bytes) : Copa{packet_bytes, CopaConstants{}} {}

Copa::Copa(std::uint64_t packet_bytes, const CopaConstants& constants)
    : constants_{constants},
      packet_bytes_{static_cast<double>(packet_bytes)},
      window_{initial_packets * packet_bytes_},
      round_window_{window_},
      inverse_delta_{1 / constants.delta} {}

void Copa::on_sent(protocol::Time, std::uint64_t bytes, std::uint64_t) {
    packet_bytes_ = std::max(packet_bytes_, static_cast<double>(bytes));
}

void Copa::on_ack(const AckSample& sample) {
    measure(sample);
    round_acked_ += static_cast<double>(sample.bytes_acked);
    if (least_.known()) notice_empty_queue();
    if (sample.rounds != round_) end_round(sample.rounds);
    if (!least_.known()) return;
    // What was not used is no reason to change anything (RFC 9002, 7.8).
    const bool used = 2 * static_cast<double>(sample.bytes_in_flight_before) >= window_;
    if (used) {
        const auto acked = static_cast<double>(sample.bytes_acked);
        if (startup_) {
            start_up(acked);
        } else {
            steer(acked);
        }
    }
    limit();
}

void Copa::measure(const AckSample& sample) {
    if (sample.round_trip_time > protocol::Duration::zero()) {
        const auto now = ticks(sample.now);
        const auto measured = sample.round_trip_time.count();
        const auto smoothed = std::max(sample.smoothed_round_trip_time.count(), measured / 8);
        least_.add(measured, now, constants_.least_round_trip_window.count());
        standing_.add(measured, now, smoothed / 2);
        longest_.add(measured, now, smoothed * 4);
    }
    const auto rate = static_cast<std::int64_t>(std::min(sample.rate_bytes_per_second, rate_most));
    if (rate == 0) return;
    if (sample.application_limited && rate_.known() && rate < rate_.best()) return;
    rate_.add(rate, static_cast<std::int64_t>(sample.rounds), constants_.rate_rounds);
}

void Copa::on_loss(const LossSample& sample) {
    round_lost_ += static_cast<double>(sample.bytes_lost);
}

void Copa::end_round(std::uint64_t round) {
    round_ = round;
    if (round_ > ease_round_) ease_in_ = false;
    if (!startup_) {
        judge_losses();
        judge_company();
        judge_direction();
    }
    round_acked_ = 0;
    round_lost_ = 0;
    round_window_ = window_;
}

// Guard 3.
void Copa::judge_losses() {
    const auto all = round_acked_ + round_lost_;
    if (all <= 0) return;
    const auto loss = round_lost_ / all;
    const bool too_much = loss > usual_loss_ + constants_.loss_excess;
    usual_loss_ += (loss - usual_loss_) * constants_.loss_learning;
    lossy_rounds_ = too_much ? lossy_rounds_ + 1 : 0;
    if (lossy_rounds_ < constants_.loss_rounds || path_bytes() <= 0) return;
    remember();
    window_ = std::min(window_, constants_.loss_window * path_bytes());
    turn(false);
}

// Copa, section 2.2: with Copa alone the queue is nearly empty once in five round trips.
void Copa::notice_empty_queue() {
    auto near_empty = constants_.near_empty_share * seconds(longest_.best() - least_.best());
    if (rate_.known()) {
        // Guard 4.
        const auto packets = constants_.near_empty_packets * unit_bytes();
        near_empty = std::max(near_empty, packets / static_cast<double>(rate_.best()));
    }
    if (queue_seconds() <= near_empty) rounds_with_queue_ = 0;
}

void Copa::judge_company() {
    const bool competes = rounds_with_queue_ >= constants_.near_empty_rounds;
    ++rounds_with_queue_;
    if (!competes || !competes_) {
        inverse_delta_ = 1 / constants_.delta;
    } else if (round_lost_ > 0) {
        remember();
        inverse_delta_ = std::max(inverse_delta_ / 2, 1 / constants_.delta);
    } else {
        inverse_delta_ += 1;
    }
    competes_ = competes;
}

// Copa, section 2.1: the velocity.
void Copa::judge_direction() {
    const bool grew = window_ > round_window_;
    if (grew != grows_) {
        turn(grew);
    } else if (++steady_rounds_ >= constants_.steady_rounds) {
        velocity_ = std::min(2 * velocity_, velocity_most);
    }
}

void Copa::turn(bool grows) {
    grows_ = grows;
    velocity_ = 1;
    steady_rounds_ = 0;
}

void Copa::start_up(double acked) {
    window_ += acked;
    const auto queue = queue_seconds();
    if (!constants_.startup_guard) {
        if (window_ * queue > unit_bytes() * inverse_delta_ * standing_seconds()) {
            startup_ = false;
            turn(false);
        }
        return;
    }
    // Guard 1.
    const auto least = seconds(least_.best());
    const auto queue_most = std::max(Seconds{constants_.startup_queue_least}.count(),
                                     constants_.startup_queue_share * least);
    const auto all = round_acked_ + round_lost_;
    const bool lossy = round_lost_ > constants_.startup_loss * all &&
                       round_lost_ >= constants_.startup_lost_packets * packet_bytes_;
    if (queue <= queue_most && !lossy) return;
    if (lossy) remember();
    startup_ = false;
    if (path_bytes() > 0) window_ = constants_.startup_window * path_bytes();
    turn(false);
}

void Copa::steer(double acked) {
    // The target rate is unit / (delta * queue); compared without dividing, as it may be 0.
    const auto unit = unit_bytes();
    const bool grow = window_ * queue_seconds() <= unit * inverse_delta_ * standing_seconds();
    if (grow != grows_ && velocity_ > 1) turn(grow);
    const auto step = std::min(velocity_ * unit * inverse_delta_ * acked / window_, acked);
    window_ += grow ? step : -step;
}

void Copa::limit() {
    const auto path = path_bytes();
    if (constants_.cap > 0 && path > 0 && !startup_ && !competes_) {
        // Guard 2.
        window_ = std::min(window_, constants_.cap * path + constants_.cap_packets * packet_bytes_);
    }
    const auto least = std::max(packet_bytes_, least_units * unit_bytes());
    window_ = std::clamp(window_, least, window_most);
}

void Copa::remember() { before_loss_ = BeforeLoss{window_, inverse_delta_, startup_}; }

void Copa::on_spurious_loss(protocol::Time) {
    if (!before_loss_) return;
    window_ = std::max(window_, before_loss_->window);
    inverse_delta_ = std::max(inverse_delta_, before_loss_->inverse_delta);
    startup_ = before_loss_->startup;
    lossy_rounds_ = 0;
    before_loss_.reset();
}

void Copa::on_probe_timeout(protocol::Time, unsigned in_a_row) {
    if (in_a_row != probe_timeouts_of_a_dead_path) return;
    // What was measured may be of a path that is no more.
    least_.forget();
    standing_.forget();
    longest_.forget();
    rate_.forget();
    begin(packets_after_dead_path);
}

void Copa::on_idle(protocol::Time, protocol::Duration idle) {
    if (idle <= pause_short) return;
    ease_in_ = true;
    ease_round_ = round_ + 1;
    if (idle > pause_long && window_ > packets_after_long_pause * packet_bytes_) {
        begin(packets_after_long_pause);
    }
}

void Copa::begin(double packets) {
    window_ = packets * packet_bytes_;
    startup_ = true;
    competes_ = false;
    rounds_with_queue_ = 0;
    inverse_delta_ = 1 / constants_.delta;
    lossy_rounds_ = 0;
    before_loss_.reset();
    turn(true);
}

std::uint64_t Copa::window_bytes() const noexcept { return static_cast<std::uint64_t>(window_); }

std::uint64_t Copa::pacing_bytes_per_second() const noexcept {
    if (!standing_.known()) return 0;
    const auto gain =
        ease_in_ ? 1.0 : (startup_ ? constants_.startup_pacing_gain : constants_.pacing_gain);
    const auto rate = gain * window_ / standing_seconds();
    return static_cast<std::uint64_t>(std::clamp(rate, 1.0, static_cast<double>(rate_most)));
}

std::uint64_t Copa::rate_bytes_per_second() const noexcept {
    return rate_.known() ? static_cast<std::uint64_t>(rate_.best()) : 0;
}

double Copa::standing_seconds() const noexcept { return seconds(standing_.best()); }

double Copa::queue_seconds() const noexcept {
    return std::max(0.0, seconds(standing_.best() - least_.best()));
}

double Copa::path_bytes() const noexcept {
    if (!rate_.known() || !least_.known()) return 0;
    return static_cast<double>(rate_.best()) * seconds(least_.best());
}

// Guard 5.
double Copa::unit_bytes() const noexcept {
    if (!rate_.known()) return packet_bytes_;
    const auto in_time =
        Seconds{constants_.packet_time}.count() * static_cast<double>(rate_.best());
    const auto least = static_cast<double>(constants_.packet_bytes_least);
    if (constants_.packet_time <= protocol::Duration::zero()) return packet_bytes_;
    return std::clamp(in_time, std::min(least, packet_bytes_), packet_bytes_);
}

}  // namespace braid::transport
