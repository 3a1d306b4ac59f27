#pragma once

#include "protocol/time.hpp"
#include "transport/udp/congestion.hpp"

#include <cstdint>
#include <optional>

namespace braid::transport {

/// CUBIC (RFC 9438) with HyStart++ (RFC 9406): what most of the internet uses; fills queues, and
/// takes every loss for a full one.
class Cubic final : public CongestionControl {
public:
    explicit Cubic(std::uint64_t packet_bytes) noexcept;

    void on_sent(protocol::Time now, std::uint64_t bytes, std::uint64_t in_flight) override;
    void on_ack(const AckSample& sample) override;
    void on_loss(const LossSample& sample) override;
    void on_spurious_loss(protocol::Time now) override;
    void on_probe_timeout(protocol::Time now, unsigned in_a_row) override;
    void on_idle(protocol::Time now, protocol::Duration idle) override;

    std::uint64_t window_bytes() const noexcept override;
    std::uint64_t pacing_bytes_per_second() const noexcept override;
    std::uint64_t rate_bytes_per_second() const noexcept override;

    bool in_slow_start() const noexcept { return window_ < threshold_; }

private:
    /// What a loss changes.
    struct Course {
        double window;
        double threshold;
        double window_before_loss;  ///< W_max
        double reno_window;         ///< W_est
        double seconds_to_reach;    ///< K
        std::optional<protocol::Time> epoch;
    };

    /// What RFC 9406 keeps of a round.
    struct Round {
        std::int64_t least = 0;  ///< round trip, in ticks; 0: none seen
        unsigned samples = 0;
    };

    void slow_start(const AckSample& sample);
    void new_round(std::uint64_t round);
    void avoid_congestion(const AckSample& sample);
    void begin_epoch(protocol::Time now);
    void keep_course() noexcept;

    double packet_bytes_;
    double window_;
    double threshold_;

    double window_before_loss_ = 0;
    double reno_window_ = 0;
    double seconds_to_reach_ = 0;
    std::optional<protocol::Time> epoch_;  ///< when congestion avoidance began; none: not yet

    std::optional<protocol::Time> recovery_;  ///< when the last loss was noticed
    std::optional<Course> before_loss_;

    std::uint64_t round_ = 0;
    Round last_round_;
    Round this_round_;
    bool conservative_ = false;  ///< RFC 9406: Conservative Slow Start
    std::int64_t conservative_baseline_ = 0;
    unsigned conservative_rounds_ = 0;

    std::int64_t smoothed_ = 0;  ///< round trip, in ticks; 0: not known
    std::uint64_t rate_ = 0;
    bool ease_in_ = false;
    std::uint64_t ease_round_ = 0;
};

}  // namespace braid::transport
