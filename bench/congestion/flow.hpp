#pragma once

#include "protocol/time.hpp"
#include "transport/udp/congestion.hpp"
#include "transport/udp/pacer.hpp"
#include "transport/udp/round_trip_time.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace bench {

using braid::protocol::Duration;
using braid::protocol::Time;
using MakeControl = std::function<std::unique_ptr<braid::transport::CongestionControl>()>;

struct FlowPlan {
    MakeControl control;
    bool game = true;   ///< besides bulk, 60 short urgent packets a second, each measured
    bool paced = true;  ///< a kernel's TCP is not
    double begins_seconds = 0;
    double ends_seconds = 1e9;
    double bulk_begins_seconds = 0;
};

struct FlowResult {
    std::uint64_t bulk_bytes = 0;  ///< arrived, once each, without headers
    std::uint64_t packets_sent = 0;
    std::uint64_t packets_lost = 0;  ///< or dropped, in truth
    std::vector<double> game_ms;     ///< one way
    std::vector<double> bulk_bytes_by_second;
};

/// What a flow asks of the simulation that it is in.
class FlowWorld {
public:
    virtual ~FlowWorld() = default;
    virtual Time now() const = 0;
    virtual void send(unsigned flow, std::uint64_t number, unsigned wire_bytes) = 0;
    virtual void acknowledge(unsigned flow, std::uint64_t received) = 0;
    virtual void wake_sender(unsigned flow, Time at) = 0;
    virtual void wake_receiver(unsigned flow, Time at) = 0;
};

/// Both ends of a connection that always has bulk to send: packets, acknowledgements of every
/// second packet, losses found by RACK's tolerance, congestion control and pacer.
class Flow {
public:
    Flow(FlowPlan plan, unsigned index, FlowWorld& world);

    const FlowPlan& plan() const { return plan_; }
    const FlowResult& result() const { return result_; }
    const braid::transport::CongestionControl& control() const { return *control_; }

    // The sender.

    void game_due();      ///< 60 times a second
    void sender_awake();  ///< a deadline has come, or something has changed
    void acknowledged(std::uint64_t received);

    // The receiver.

    void arrived(std::uint64_t number);
    void receiver_awake();
    void dropped() { ++result_.packets_lost; }

private:
    struct Packet {
        Time due_at{};  ///< of the game
        Time sent_at{};
        Time first_sent_at{};
        Time delivered_at{};
        std::uint64_t delivered = 0;
        unsigned bytes = 0;
        bool game = false;
        bool arrived = false;
        bool acked = false;
        bool lost = false;
        bool limited = false;
    };

    struct Acked {
        std::uint64_t newest = 0;
        std::uint64_t bytes = 0;
        bool spurious = false;
    };

    Packet& packet(std::uint64_t number) { return packets_[number - first_]; }
    bool remembered(std::uint64_t number) const { return number >= first_; }
    void send(unsigned bytes, std::optional<Time> game_due_at);
    bool urgent_fits() const;
    bool send_next();
    unsigned bulk_packet_bytes() const;
    bool active() const;
    Time bulk_may_leave() const;
    void take(std::uint64_t number, Acked& acked);
    void tell_control(const Acked& acked, std::uint64_t in_flight_before, std::uint64_t lost);
    std::uint64_t rate_of(const Packet& packet) const;
    std::uint64_t find_losses();
    Duration probe_timeout() const;
    void check_timers();
    void set_alarm();
    void forget();

    FlowPlan plan_;
    unsigned index_;
    FlowWorld& world_;
    std::unique_ptr<braid::transport::CongestionControl> control_;
    braid::transport::Pacer pacer_;
    braid::transport::RoundTripTime round_trip_;
    FlowResult result_;

    std::deque<Packet> packets_;
    std::uint64_t first_ = 0;
    std::uint64_t next_ = 0;
    std::uint64_t unjudged_ = 0;  ///< all below are acknowledged or lost
    std::optional<std::uint64_t> largest_acked_;
    std::uint64_t in_flight_ = 0;
    std::deque<Time> game_waiting_;  ///< when each was due

    std::uint64_t delivered_ = 0;
    Time delivered_at_{};
    Time first_sent_at_{};
    std::uint64_t limited_until_ = 0;
    std::uint64_t rounds_ = 0;
    std::uint64_t round_ends_ = 0;

    unsigned reordering_packets_ = 3;
    double reordering_share_ = 0.125;
    std::uint64_t reordering_round_ = 0;
    Time loss_due_ = braid::protocol::never;
    Time last_eliciting_{};
    unsigned timeouts_ = 0;
    unsigned probes_ = 0;
    Time alarm_ = braid::protocol::never;

    std::deque<std::uint64_t> received_;  ///< in order of arrival, from received_first_ on
    std::uint64_t received_first_ = 0;
    std::uint64_t processed_ = 0;
    std::uint64_t unacknowledged_ = 0;
    std::uint64_t newest_received_ = 0;
    Time receiver_alarm_ = braid::protocol::never;
};

}  // namespace bench
