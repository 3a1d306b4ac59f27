#pragma once

#include "protocol/time.hpp"
#include "transport/udp/congestion.hpp"
#include "transport/udp/windowed_best.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

namespace braid::transport {

/// What Copa-G is tuned by: docs/congestion.md says where each value comes from and how far it was
/// swept. Each guard can be switched off, to see what it is good for.
struct CopaConstants {
    // Copa (V. Arun, H. Balakrishnan, NSDI 2018).

    double delta = 0.5;  ///< the queue aimed at is 1/delta packets (section 2.1)
    protocol::Duration least_round_trip_window = std::chrono::seconds{10};
    double near_empty_share = 0.1;   ///< of the delays seen lately (section 2.2)
    unsigned near_empty_rounds = 5;  ///< without an empty queue: somebody else fills it
    unsigned steady_rounds = 3;      ///< in one direction, before the velocity doubles
    double pacing_gain = 1.5;        ///< of the window in a standing round trip

    // Guard 1: leaves startup early, and with a window that was measured.

    bool startup_guard = true;  ///< off: Copa's own rule, when its rate passes the target
    double startup_pacing_gain = 2;
    protocol::Duration startup_queue_least = std::chrono::milliseconds{6};
    double startup_queue_share = 0.0625;  ///< of the least round trip
    double startup_loss = 0.25;           ///< of a round: more than chance loses
    unsigned startup_lost_packets = 10;   ///< of a round, at least: with fewer it is chance
    double startup_window = 1.1;          ///< of what the path holds

    // Guard 2: the window never holds much more than the path does.

    double cap = 1.25;  ///< of what the path holds; 0: off
    double cap_packets = 3;
    unsigned rate_rounds = 10;  ///< the highest delivery rate of so many counts

    // Guard 3: policers and very short queues.

    double loss_excess = 0.05;          ///< above what is usual here; 1: off
    double loss_usual_most = 0.12;      ///< no path loses more by chance for long
    double loss_learning = 0.02;        ///< of the difference, each round, where less gets lost
    double loss_learning_tested = 0.5;  ///< after less was sent than arrived
    unsigned loss_rounds = 2;           ///< in a row
    double loss_window = 0.95;          ///< of what arrived in a round trip

    // Guard 4: its own packets on a slow link are nobody else.

    double near_empty_packets = 1.5;        ///< at the delivery rate; 0: off
    double near_empty_packets_most = 2.25;  ///< after guard 6 found that it was alone

    // Guard 5: at low rates packets are short, and the queue aimed at is counted in those.

    protocol::Duration packet_time = std::chrono::milliseconds{4};  ///< 0: off
    std::uint64_t packet_bytes_least = 300;

    // Guard 6: it holds its own beside CUBIC, and asks now and then whether it is still there.

    protocol::Duration least_round_trip_window_in_company = std::chrono::seconds{20};
    double packets_per_round = 2;     ///< that 1/delta grows by; 1: Copa's own
    double packets_per_second = 40;   ///< the same, on long ways; 0: off
    double question_window = 0.75;    ///< of what the path holds, while it is asked; 0: off
    unsigned question_rounds = 2;     ///< that it takes
    unsigned question_first = 12;     ///< rounds until it is asked
    unsigned question_interval = 40;  ///< the same, when the answer was yes
    double question_queue = 0.75;     ///< of the longest lately: it is not asked with a shorter one

    // After a pause of the sender, what fills the path again comes no faster than it drains.

    double ease_in_share = 0.5;  ///< with less of the window in use, no pacing gain; 0: off
};

/// Copa-G: as much as the path carries with a queue of a few packets, whatever gets lost by
/// chance; beside who fills queues, a share of them. Copa with six guards.
class Copa final : public CongestionControl {
public:
    explicit Copa(std::uint64_t packet_bytes);
    Copa(std::uint64_t packet_bytes, const CopaConstants& constants);

    void on_sent(protocol::Time now, std::uint64_t bytes, std::uint64_t in_flight) override;
    void on_ack(const AckSample& sample) override;
    void on_loss(const LossSample& sample) override;
    void on_spurious_loss(protocol::Time now) override;
    void on_probe_timeout(protocol::Time now, unsigned in_a_row) override;
    void on_idle(protocol::Time now, protocol::Duration idle) override;

    std::uint64_t window_bytes() const noexcept override;
    std::uint64_t pacing_bytes_per_second() const noexcept override;
    std::uint64_t rate_bytes_per_second() const noexcept override;

    // For tests and benchmarks.

    bool in_startup() const noexcept { return startup_; }
    /// Somebody else fills the queue.
    bool competes() const noexcept { return company_ == Company::present; }

private:
    using Least = WindowedBest<std::int64_t, std::less_equal<>>;
    using Most = WindowedBest<std::int64_t, std::greater_equal<>>;

    enum class Company : std::uint8_t { none, asked, present };

    struct BeforeLoss {
        double window;
        double inverse_delta;
        bool startup;
    };

    void measure(const AckSample& sample);
    void end_round(std::uint64_t round);
    void judge_losses();
    void notice_empty_queue();
    void judge_company();
    void ask_for_company();
    void take_answer();
    void compete();
    void adapt_delta();
    bool is_time_to_ask(std::uint64_t rounds);
    void end_competition() noexcept;
    void judge_direction();
    void turn(bool grows);
    void start_up(double acked);
    void leave_startup_if_lossy();
    void leave_startup();
    void steer(double acked);
    void limit();
    void remember();
    void ease_in() noexcept;
    void begin(double packets);

    double standing_seconds() const noexcept;
    double queue_seconds() const noexcept;
    double path_bytes() const noexcept;
    double path_bytes_now() const noexcept;
    double path_bytes_at(const Most& rate) const noexcept;
    double unit_bytes() const noexcept;

    const CopaConstants constants_;
    double packet_bytes_;
    double window_;
    bool startup_ = true;

    Least least_;     ///< round trip, over constants_.least_round_trip_window
    Least standing_;  ///< over half a round trip
    Most longest_;    ///< over four round trips
    Most rate_;       ///< delivered, over constants_.rate_rounds
    Most rate_now_;   ///< over the last two

    std::uint64_t round_ = 0;
    double round_acked_ = 0;
    double round_lost_ = 0;
    double round_window_ = 0;  ///< at its beginning
    bool round_used_ = false;  ///< the window was what held the sender back

    bool grows_ = true;
    double velocity_ = 1;
    unsigned steady_rounds_ = 0;

    Company company_ = Company::none;
    bool company_confirmed_ = false;   ///< the question was answered with yes
    std::uint64_t company_round_ = 0;  ///< when company_ became what it is
    unsigned rounds_with_queue_ = 0;   ///< since it was last nearly empty
    double near_empty_packets_;
    double inverse_delta_;
    Most queue_most_;  ///< while there is company, over two intervals
    double window_before_question_ = 0;
    double path_before_question_ = 0;

    double usual_loss_ = 0;
    unsigned lossy_rounds_ = 0;
    std::optional<std::uint64_t> loss_tested_;  ///< the round in which less was sent for it
    std::optional<BeforeLoss> before_loss_;
    bool ease_in_ = false;  ///< after a pause: until a round is over, without any gain
    std::uint64_t ease_round_ = 0;
};

}  // namespace braid::transport
