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

// After the window was cut: what was sent before is judged in one round, the rest in the next.
constexpr std::uint64_t loss_test_rounds = 2;

// Of the slack, when it turned out that the queue was the own one.
constexpr double near_empty_growth = 1.5;

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
      near_empty_packets_{constants.near_empty_packets},
      inverse_delta_{1 / constants.delta} {}

void Copa::on_sent(protocol::Time, std::uint64_t bytes, std::uint64_t in_flight) {
    packet_bytes_ = std::max(packet_bytes_, static_cast<double>(bytes));
    // What fills a pipe that ran empty would be a queue at its end if it came faster than it
    // leaves.
    if (!startup_ && static_cast<double>(in_flight) < constants_.ease_in_share * window_) ease_in();
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
        round_used_ = true;
        const auto acked = static_cast<double>(sample.bytes_acked);
        if (startup_) {
            start_up(acked);
        } else if (company_ != Company::asked) {
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
        const auto window = company_ == Company::none
                                ? constants_.least_round_trip_window
                                : constants_.least_round_trip_window_in_company;
        least_.add(measured, now, window.count());
        standing_.add(measured, now, smoothed / 2);
        longest_.add(measured, now, smoothed * 4);
    }
    const auto rate = static_cast<std::int64_t>(std::min(sample.rate_bytes_per_second, rate_most));
    if (rate == 0) return;
    if (sample.application_limited && rate_.known() && rate < rate_.best()) return;
    const auto round = static_cast<std::int64_t>(sample.rounds);
    rate_.add(rate, round, constants_.rate_rounds);
    rate_now_.add(rate, round, 1);
}

void Copa::on_loss(const LossSample& sample) {
    round_lost_ += static_cast<double>(sample.bytes_lost);
}

void Copa::end_round(std::uint64_t round) {
    round_ = round;
    if (round_ > ease_round_) ease_in_ = false;
    if (startup_) {
        leave_startup_if_lossy();
    } else if (round_used_) {
        judge_losses();
        judge_company();
        judge_direction();
    }
    round_used_ = false;
    round_acked_ = 0;
    round_lost_ = 0;
    round_window_ = window_;
}

// Guard 3. What is lost of less than was delivered is lost by chance, the rest in a queue.
void Copa::judge_losses() {
    const auto all = round_acked_ + round_lost_;
    if (all <= 0) return;
    const auto loss = round_lost_ / all;
    if (loss_tested_ && round_ >= *loss_tested_ + loss_test_rounds) {
        loss_tested_.reset();
        usual_loss_ += (loss - usual_loss_) * constants_.loss_learning_tested;
        usual_loss_ = std::min(usual_loss_, constants_.loss_usual_most);
    } else if (loss < usual_loss_) {
        usual_loss_ += (loss - usual_loss_) * constants_.loss_learning;
    }
    const bool too_much = loss > usual_loss_ + constants_.loss_excess;
    lossy_rounds_ = too_much ? lossy_rounds_ + 1 : 0;
    if (lossy_rounds_ < constants_.loss_rounds || company_ != Company::none) return;
    lossy_rounds_ = 0;
    loss_tested_ = round_;
    remember();
    window_ = std::min(window_, constants_.loss_window * path_bytes() * (1 - usual_loss_));
    turn(false);
}

// Copa, section 2.2: with Copa alone the queue is nearly empty once in five round trips.
void Copa::notice_empty_queue() {
    auto near_empty = constants_.near_empty_share * seconds(longest_.best() - least_.best());
    if (rate_.known()) {
        // Guard 4.
        const auto bytes = near_empty_packets_ * unit_bytes();
        near_empty = std::max(near_empty, bytes / static_cast<double>(rate_.best()));
    }
    if (queue_seconds() <= near_empty) rounds_with_queue_ = 0;
}

void Copa::judge_company() {
    ++rounds_with_queue_;
    const auto rounds = round_ - company_round_;
    switch (company_) {
        case Company::none:
            if (rounds_with_queue_ > constants_.near_empty_rounds) compete();
            break;
        case Company::asked:
            if (rounds >= constants_.question_rounds) take_answer();
            break;
        case Company::present:
            if (rounds_with_queue_ <= 1) {
                end_competition();
            } else {
                adapt_delta();
                if (is_time_to_ask(rounds)) ask_for_company();
            }
            break;
    }
}

void Copa::compete() {
    company_ = Company::present;
    company_confirmed_ = false;
    company_round_ = round_;
    queue_most_.forget();
}

// Section 2.2, with steps that do not depend on how long the round trip is, as CUBIC's.
void Copa::adapt_delta() {
    if (round_lost_ > 0) {
        remember();
        inverse_delta_ = std::max(inverse_delta_ / 2, 1 / constants_.delta);
        return;
    }
    inverse_delta_ +=
        std::max(constants_.packets_per_round, constants_.packets_per_second * standing_seconds());
}

bool Copa::is_time_to_ask(std::uint64_t rounds) {
    if (constants_.question_window <= 0) return false;
    const auto queue = standing_.best() - least_.best();
    queue_most_.add(queue, static_cast<std::int64_t>(round_), 2 * constants_.question_interval);
    // Where the queue is short, it may just have been left by who else is there.
    if (static_cast<double>(queue) <
        constants_.question_queue * static_cast<double>(queue_most_.best())) {
        return false;
    }
    if (!company_confirmed_) return rounds >= constants_.question_first;
    // Others like this one lose at the same time, and ask then: one of them alone could not empty
    // the queue of all.
    return rounds >= constants_.question_interval &&
           (round_lost_ > 0 || rounds >= 2 * constants_.question_interval);
}

// Guard 6: with less in flight than the path holds, a queue that stays is somebody else's.
void Copa::ask_for_company() {
    company_ = Company::asked;
    company_round_ = round_;
    window_before_question_ = window_;
    path_before_question_ = path_bytes_now();
    window_ = std::min(window_, constants_.question_window * path_before_question_);
}

void Copa::take_answer() {
    company_round_ = round_;
    if (rounds_with_queue_ <= 1) {
        window_ = std::min(window_before_question_, path_before_question_);
        end_competition();
        turn(true);
        near_empty_packets_ =
            std::min(near_empty_packets_ * near_empty_growth, constants_.near_empty_packets_most);
        return;
    }
    company_ = Company::present;
    company_confirmed_ = true;
    near_empty_packets_ = constants_.near_empty_packets;
    window_ = window_before_question_;
}

void Copa::end_competition() noexcept {
    company_ = Company::none;
    rounds_with_queue_ = 0;
    inverse_delta_ = 1 / constants_.delta;
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
        if (window_ * queue > unit_bytes() * standing_seconds() / constants_.delta) {
            startup_ = false;
            turn(false);
        }
        return;
    }
    // Guard 1.
    const auto queue_most = std::max(Seconds{constants_.startup_queue_least}.count(),
                                     constants_.startup_queue_share * seconds(least_.best()));
    if (queue > queue_most) {
        leave_startup();
    } else {
        leave_startup_if_lossy();
    }
}

void Copa::leave_startup_if_lossy() {
    const auto all = round_acked_ + round_lost_;
    if (!constants_.startup_guard || round_lost_ <= constants_.startup_loss * all ||
        round_lost_ < constants_.startup_lost_packets * packet_bytes_) {
        return;
    }
    remember();
    leave_startup();
}

void Copa::leave_startup() {
    startup_ = false;
    if (path_bytes() > 0) window_ = constants_.startup_window * path_bytes();
    turn(false);
}

void Copa::steer(double acked) {
    // The target rate is unit / (delta * queue); compared without dividing, as it may be 0.
    const auto unit = unit_bytes();
    const bool grow = window_ * queue_seconds() <= unit * standing_seconds() * inverse_delta_;
    if (grow != grows_ && velocity_ > 1) turn(grow);
    const auto step = std::min(velocity_ * unit * acked * inverse_delta_ / window_, acked);
    window_ += grow ? step : -step;
}

void Copa::limit() {
    const auto path = path_bytes();
    if (constants_.cap > 0 && path > 0 && !startup_ && company_ == Company::none) {
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
    rate_now_.forget();
    begin(packets_after_dead_path);
}

void Copa::on_idle(protocol::Time, protocol::Duration idle) {
    if (idle <= pause_short) return;
    ease_in();
    if (idle > pause_long && window_ > packets_after_long_pause * packet_bytes_) {
        begin(packets_after_long_pause);
    }
}

void Copa::ease_in() noexcept {
    ease_in_ = true;
    ease_round_ = round_ + 1;
}

void Copa::begin(double packets) {
    window_ = packets * packet_bytes_;
    startup_ = true;
    end_competition();
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

double Copa::path_bytes() const noexcept { return path_bytes_at(rate_); }

double Copa::path_bytes_now() const noexcept { return path_bytes_at(rate_now_); }

double Copa::path_bytes_at(const Most& rate) const noexcept {
    if (!rate.known() || !least_.known()) return 0;
    // What gets lost by chance is under way too, and is not in the delivery rate.
    return static_cast<double>(rate.best()) * seconds(least_.best()) / (1 - usual_loss_);
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
