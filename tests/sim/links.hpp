#pragma once

#include "protocol/link.hpp"
#include "sim/arrivals.hpp"
#include "sim/random.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace sim {

using braid::protocol::Duration;
using braid::protocol::FrameSink;
using braid::protocol::FrameSource;
using braid::protocol::FrameToken;
using braid::protocol::Link;
using braid::protocol::LinkPath;
using braid::protocol::LinkTraits;
using braid::protocol::Time;

struct LinkOptions {
    bool lossless = true;
    std::uint64_t rate_bytes_per_second = 250'000;
    bool rate_known = true;
    Duration delay = std::chrono::milliseconds{20};

    // Byte streams: what the kernel holds unsent, and whether reads end anywhere.
    std::size_t unsent_bytes_max = 16u << 10;
    bool split = true;

    // Datagrams. Shares are of all units.
    std::size_t unit_bytes = 1'200;  ///< 0: any size from 300 to 1400, each unit its own
    double loss = 0;
    double bursts = 0;    ///< starts a burst of about eight losses
    double spikes = 0;    ///< comes 300 ms late
    double spurious = 0;  ///< arrives, but is reported lost
    Duration jitter{0};
    Duration queue_time_max = std::chrono::milliseconds{200};
    double send_rate_factor = 1;  ///< how much faster units are sent than the path carries

    /// Loses the units for which it is true; sees what is in them.
    std::function<bool(std::span<const std::byte>)> loses;
};

/// One end of a simulated link: what a transport's link and driver, two kernels and the network
/// between them do, in virtual time.
class SimulatedLink : public Link {
public:
    SimulatedLink(const LinkOptions& options, std::uint64_t seed)
        : options_{options}, random_{seed} {}

    static void join(SimulatedLink& one, SimulatedLink& other) {
        one.peer_ = &other;
        other.peer_ = &one;
    }

    LinkTraits traits() const noexcept override {
        return {options_.lossless, options_.lossless, false};
    }
    LinkPath path() const noexcept override {
        LinkPath path;
        path.rate_bytes_per_second = options_.rate_known ? options_.rate_bytes_per_second : 0;
        path.round_trip_time = 2 * options_.delay;
        path.window_bytes =
            static_cast<std::uint64_t>(std::chrono::duration<double>(path.round_trip_time).count() *
                                       static_cast<double>(path.rate_bytes_per_second));
        path.loss = options_.loss;
        return path;
    }
    std::error_code failure() const noexcept override { return failure_; }

    /// Nothing gets through from now on; `vanish`: nor does what is under way.
    virtual void die(bool vanish) { dead_ = true, vanish_ = vanish; }
    bool dead() const noexcept { return dead_; }

    void set_rate(std::uint64_t bytes_per_second) {
        options_.rate_bytes_per_second = bytes_per_second;
    }

    /// This end's clock is behind by so much: it stood for a while.
    virtual void set_behind(Duration) {}

    /// What must have been delivered here by now, if this end knows.
    virtual Arrivals* arrivals() { return nullptr; }

    /// Nothing more will be said: the link fails once the peer has all, or after a while.
    virtual void finish() { failure_ = std::make_error_code(std::errc::connection_aborted); }

    std::uint64_t trace() const noexcept { return trace_; }
    std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }
    std::uint64_t units_not_stored() const noexcept { return units_not_stored_; }

protected:
    Duration time_of(std::size_t bytes, double factor = 1) const {
        const auto rate = static_cast<double>(options_.rate_bytes_per_second) * factor;
        return Duration{static_cast<Duration::rep>(1e9 * static_cast<double>(bytes) / rate) + 1};
    }
    void record(std::span<const std::byte> bytes, Time now);
    void record_frames(std::span<const std::byte> bytes, Time now);

    LinkOptions options_;
    Random random_;
    SimulatedLink* peer_ = nullptr;
    bool dead_ = false;
    bool vanish_ = false;
    std::error_code failure_;
    std::uint64_t trace_ = 0;
    std::uint64_t bytes_sent_ = 0;
    std::uint64_t units_not_stored_ = 0;
};

/// Like TCP: every byte, in order, in pieces of any size.
class ByteStreamLink final : public SimulatedLink {
public:
    using SimulatedLink::SimulatedLink;

    void fill(FrameSource& source, Time now) override;
    void drain(FrameSink& sink, Time now) override;
    Time deadline() const noexcept override;
    void advance(Time now) override { transmit(now); }
    void die(bool vanish) override;

private:
    void pull(FrameSource& source, std::size_t budget, Time now);
    void transmit(Time now);
    void offer(FrameSink& sink, Time now);

    std::vector<std::byte> unsent_;
    std::size_t unsent_begin_ = 0;
    Time free_at_{};
    std::multimap<Time, std::vector<std::byte>> arriving_;
    std::vector<std::byte> received_;
};

/// Like UDP with acknowledgements: units are lost, overtake each other, and what became of them is
/// known later, in any order, and sometimes wrongly.
class DatagramLink final : public SimulatedLink {
public:
    using SimulatedLink::SimulatedLink;

    void fill(FrameSource& source, Time now) override;
    void drain(FrameSink& sink, Time now) override;
    Time deadline() const noexcept override;
    void advance(Time) override {}
    void die(bool vanish) override;

private:
    struct Unit {
        std::vector<std::byte> bytes;
        FrameToken token;
    };
    struct Feedback {
        FrameToken token;
        bool acked;
    };

    void send(Unit unit, Time now);
    bool loses(std::span<const std::byte> bytes, Time departs, Time now);
    void settle(FrameToken token, bool stored, Time now);
    Duration some(Duration most) {
        return Duration{static_cast<Duration::rep>(
            random_.below(static_cast<std::uint64_t>(most.count()) + 1))};
    }

    Time free_at_{};
    Time path_free_at_{};
    Time acked_last_{};
    FrameToken never_acked_ = 0;
    bool in_burst_ = false;
    bool wanted_more_ = false;
    std::multimap<Time, Unit> arriving_;
    std::multimap<Time, Feedback> feedback_;
};

/// With BRAID_SIM_TRACE set, prints the frames of a unit that `link` sends: for replaying one seed.
void print_frames(std::span<const std::byte> bytes, const void* link, Time now);

std::unique_ptr<SimulatedLink> make_link(const LinkOptions& options, std::uint64_t seed);
std::string describe(const LinkOptions& options);

}  // namespace sim
