#pragma once

#include "transport/udp/congestion.hpp"

#include <cstdint>

namespace braid::transport {

/// Sends at the rate it is told, whatever gets lost: for networks that are one's own, and tests.
class FixedRate final : public CongestionControl {
public:
    FixedRate(std::uint64_t packet_bytes, std::uint64_t bytes_per_second) noexcept;

    void on_sent(protocol::Time, std::uint64_t, std::uint64_t) override {}
    void on_ack(const AckSample& sample) override;
    void on_loss(const LossSample&) override {}
    void on_spurious_loss(protocol::Time) override {}
    void on_probe_timeout(protocol::Time, unsigned) override {}
    void on_idle(protocol::Time, protocol::Duration) override {}

    std::uint64_t window_bytes() const noexcept override;
    std::uint64_t pacing_bytes_per_second() const noexcept override { return bytes_per_second_; }
    std::uint64_t rate_bytes_per_second() const noexcept override { return bytes_per_second_; }

private:
    std::uint64_t packet_bytes_;
    std::uint64_t bytes_per_second_;
    protocol::Duration round_trip_time_;
};

}  // namespace braid::transport
