#pragma once

#include "catch.hpp"
#include "transport/udp/recovery.hpp"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace udp_test {

using Numbers = std::vector<std::uint64_t>;

inline constexpr std::uint64_t first_number = 1000;
inline const braid::protocol::Time start{std::chrono::seconds{100}};

inline braid::protocol::Time at(std::int64_t ms) { return start + std::chrono::milliseconds{ms}; }

/// Newest range first, as in a frame; each from its first to its last number.
inline braid::transport::AckFrame frame_of(
    std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> ranges,
    braid::protocol::Duration delay = {}) {
    braid::transport::AckFrame frame;
    frame.delay = delay;
    for (const auto& [first, last] : ranges) frame.ranges[frame.count++] = {first, last + 1};
    return frame;
}

/// Of numbers in ascending order.
inline braid::transport::AckFrame frame_of_numbers(const Numbers& numbers) {
    braid::transport::AckFrame frame;
    for (auto i = numbers.size(); i-- > 0;) {
        if (frame.count > 0 && frame.ranges[frame.count - 1].begin == numbers[i] + 1) {
            --frame.ranges[frame.count - 1].begin;
        } else {
            frame.ranges[frame.count++] = {numbers[i], numbers[i] + 1};
        }
    }
    return frame;
}

inline Numbers numbers_of(const std::vector<braid::transport::SentPacket>& packets) {
    Numbers numbers;
    for (const auto& packet : packets) numbers.push_back(packet.number);
    return numbers;
}

/// A sender whose first packet is number 1000, and which skips none before number 1064.
struct Sender {
    braid::transport::Recovery recovery{first_number, 1};
    braid::transport::Recovery::Feedback feedback;

    std::uint64_t send(braid::protocol::Time now, braid::transport::SentPacket packet = {},
                       bool application_limited = false) {
        packet.number = recovery.next_number(now);
        packet.sent_at = now;
        if (packet.bytes == 0) packet.bytes = 1000;
        recovery.sent(packet, application_limited);
        return packet.number;
    }

    std::uint64_t send_data(braid::protocol::Time now, bool application_limited = false) {
        braid::transport::SentPacket packet;
        packet.eliciting = true;
        packet.token = recovery.next_number(now) + 1;
        return send(now, packet, application_limited);
    }

    void send_data(braid::protocol::Time now, int count) {
        for (int i = 0; i < count; ++i) send_data(now);
    }

    const braid::transport::Recovery::Feedback& ack(const braid::transport::AckFrame& frame,
                                                    braid::protocol::Time now) {
        feedback.clear();
        REQUIRE_FALSE(recovery.on_ack(frame, now, feedback));
        return feedback;
    }

    const braid::transport::Recovery::Feedback& advance(braid::protocol::Time now) {
        feedback.clear();
        recovery.advance(now, feedback);
        return feedback;
    }

    /// Measures a round trip, so that the first packet of a test is number 1001.
    void measure(braid::protocol::Duration round_trip_time) {
        const auto number = send_data(start - round_trip_time);
        ack(frame_of({{number, number}}), start);
        REQUIRE(recovery.round_trip_time().smoothed() == round_trip_time);
    }
};

}  // namespace udp_test
