#pragma once

#include "protocol/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace braid::transport {

/// How fast the path delivers, measured over the trip of each packet: what arrived between the
/// packet's leaving and its acknowledgement, by the time that this took, or that it took to send.
/// draft-cheng-iccrg-delivery-rate-estimation-02.
class DeliveryRate {
public:
    /// What a packet remembers of the moment in which it left.
    struct Mark {
        std::uint64_t delivered = 0;
        protocol::Time delivered_at{};
        protocol::Time first_sent_at{};
        bool application_limited = false;
    };

    struct Sample {
        std::uint64_t bytes_per_second = 0;  ///< 0: none
        bool application_limited = false;
    };

    /// Forgets all that was measured.
    void restart(protocol::Time now) noexcept {
        *this = {};
        first_sent_at_ = delivered_at_ = now;
    }

    /// @param in_flight without the packet that leaves
    Mark sent(protocol::Time now, std::uint64_t in_flight) noexcept {
        if (in_flight == 0) first_sent_at_ = delivered_at_ = now;
        return {delivered_, delivered_at_, first_sent_at_, limited_until_ != 0};
    }

    /// There is nothing more to send: samples of the packets that leave from here on, until those
    /// in flight have arrived, measure what was to be sent and not the path.
    void application_limited(std::uint64_t in_flight) noexcept {
        limited_until_ = std::max<std::uint64_t>(delivered_ + in_flight, 1);
    }

    /// One of the packets that an acknowledgement tells of, the oldest first.
    void delivered(const Mark& mark, protocol::Time sent_at, std::uint64_t bytes,
                   protocol::Time now) noexcept {
        delivered_ += bytes;
        delivered_at_ = now;
        if (measuring_ && mark.delivered < mark_.delivered) return;
        measuring_ = true;
        mark_ = mark;
        send_elapsed_ = sent_at - mark.first_sent_at;
        first_sent_at_ = std::max(first_sent_at_, sent_at);
    }

    /// When all packets of an acknowledgement have been told.
    /// @param round_trip_time_least no sample is shorter than this, or it measures a burst of ACKs
    Sample sample(protocol::Duration round_trip_time_least) noexcept {
        if (delivered_ > limited_until_) limited_until_ = 0;
        if (!measuring_) return {};
        measuring_ = false;
        const auto elapsed = std::max(send_elapsed_, delivered_at_ - mark_.delivered_at);
        if (elapsed <= protocol::Duration{0} || elapsed < round_trip_time_least) return {};
        const auto bytes = static_cast<double>(delivered_ - mark_.delivered);
        const auto seconds = std::chrono::duration<double>(elapsed).count();
        return {static_cast<std::uint64_t>(bytes / seconds), mark_.application_limited};
    }

private:
    std::uint64_t delivered_ = 0;
    protocol::Time delivered_at_{};
    protocol::Time first_sent_at_{};
    std::uint64_t limited_until_ = 0;  ///< so much delivered; 0: not limited

    // Of the present acknowledgement: the newest of its packets.
    bool measuring_ = false;
    Mark mark_;
    protocol::Duration send_elapsed_{0};
};

}  // namespace braid::transport
