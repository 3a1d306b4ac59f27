#pragma once

#include "protocol/time.hpp"
#include "transport/udp/congestion.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

/// A bottleneck without packets, a round trip at a time: what of the window the path does not hold
/// waits in the queue, and what the queue does not hold is lost. Enough for step responses; the
/// simulator of bench/congestion has packets.
struct FluidPath {
    using Seconds = std::chrono::duration<double>;

    static constexpr std::uint64_t packet = 1200;

    double rate = 2.5e6;  ///< bytes per second
    braid::protocol::Duration base = std::chrono::milliseconds{50};
    double queue_limit = 1e9;
    double loss = 0;                      ///< by chance, of each acknowledgement's bytes
    double other_queue = 0;               ///< bytes that somebody else keeps in it
    double offered = 1e18;                ///< what the sender has, bytes a round trip
    braid::protocol::Duration jitter{0};  ///< of every other sample

    braid::protocol::Time now = braid::protocol::Time{} + std::chrono::hours{1};
    std::uint64_t rounds = 0;
    braid::protocol::Duration round_trip{0};  ///< as last measured
    double lost = 0;
    double sent = 0;

    double holds() const { return rate * Seconds{base}.count(); }

    /// One round trip, acknowledged in pairs of packets.
    void round(braid::transport::CongestionControl& control) {
        ++rounds;
        // What is acknowledged now met the queue of the round before.
        under_way_ = std::min(static_cast<double>(control.window_bytes()), offered);
        double due = under_way_;
        if (rounds == 1) under_way_ = std::min(under_way_, holds());  // the queue was empty
        while (due > 0) {
            const auto bytes = std::min(due, 2.0 * packet);
            due -= bytes;
            acknowledge(control, bytes);
        }
    }

    void run(braid::transport::CongestionControl& control, Seconds length) {
        const auto end = now + std::chrono::duration_cast<braid::protocol::Duration>(length);
        while (now < end) round(control);
    }

private:
    void acknowledge(braid::transport::CongestionControl& control, double bytes) {
        using braid::protocol::Duration;
        const auto window = under_way_;
        const auto waiting = std::max(0.0, window + other_queue - holds());
        const auto overflow = waiting > queue_limit ? 1 - (holds() + queue_limit) / window : 0.0;
        const auto queue = Seconds{std::min(waiting, queue_limit) / rate};
        round_trip = base + std::chrono::duration_cast<Duration>(queue);
        odd_ = !odd_;
        const auto in_time = bytes / window * Seconds{round_trip}.count();
        now += std::max(std::chrono::duration_cast<Duration>(Seconds{in_time}), Duration{1});
        const auto gone = bytes * std::max(loss, overflow);
        sent += bytes;
        lost += gone;
        if (gone > 0) {
            control.on_loss({.now = now,
                             .bytes_lost = static_cast<std::uint64_t>(gone),
                             .bytes_in_flight = static_cast<std::uint64_t>(window - gone),
                             .rounds = rounds,
                             .newest_sent_at = now - round_trip});
        }
        const auto delivered = std::min(rate, window / Seconds{round_trip}.count());
        const auto measured = round_trip + (odd_ ? jitter : Duration{0});
        control.on_ack({.now = now,
                        .round_trip_time = measured,
                        .smoothed_round_trip_time = round_trip + jitter / 2,
                        .bytes_acked = static_cast<std::uint64_t>(bytes - gone),
                        .bytes_lost = static_cast<std::uint64_t>(gone),
                        .bytes_in_flight = static_cast<std::uint64_t>(window - bytes),
                        .bytes_in_flight_before = static_cast<std::uint64_t>(window),
                        .rate_bytes_per_second = static_cast<std::uint64_t>(delivered),
                        .application_limited = offered < 1e18,
                        .rounds = rounds});
    }

    double under_way_ = 0;
    bool odd_ = false;
};
