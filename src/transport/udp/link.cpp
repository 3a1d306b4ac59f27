#include "transport/udp/link.hpp"

#include <braid/error.hpp>

#include <algorithm>
#include <utility>

namespace braid::transport {

namespace {

using protocol::Duration;
using protocol::Time;

// Packet numbers begin below this: a peer that guesses them would acknowledge what it never got.
constexpr std::uint64_t first_number_end = 1u << 16;

// A goodbye is repeated until it is acknowledged: as each probe timeout is twice the one before,
// this is four times. At 10 % loss one of a hundred thousand is lost then.
constexpr int goodbye_probe_timeouts = 1 + 2 + 4 + 8 + 1;
constexpr Duration goodbye_time_max = std::chrono::seconds{3};
// On short ways that is soon over for a process that has to wait for its turn: it would give up
// without having said it again.
constexpr Duration goodbye_time_min = std::chrono::seconds{1};

std::uint64_t mix(std::uint64_t seed) noexcept {  // SplitMix64, Steele et al. 2014
    seed += 0x9e3779b97f4a7c15u;
    seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9u;
    seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebu;
    return seed ^ (seed >> 31);
}

}  // namespace

UdpLink::UdpLink(UdpLinkOptions options, Time now)
    : options_{std::move(options)},
      recovery_{mix(options_.seed) % first_number_end, mix(options_.seed + 1)},
      congestion_{make_congestion_control(options_.congestion, packet_bytes_base,
                                          options_.fixed_bytes_per_second)},
      mtu_{options_.packet_bytes_limit, now},
      paths_{options_.peer, options_.peer_proven, options_.handshake_bytes, mix(options_.seed + 2)},
      time_{now},
      authentic_at_{now},
      sent_at_{now} {
    if (options_.round_trip_time > Duration::zero()) {
        recovery_.round_trip_time().sample(options_.round_trip_time, Duration::zero());
    }
    set_pace();
}

UdpLink::~UdpLink() = default;

protocol::LinkTraits UdpLink::traits() const noexcept {
    protocol::LinkTraits traits;
    traits.intact = true;  // what is not authentic does not arrive
    return traits;
}

protocol::LinkPath UdpLink::path() const noexcept {
    protocol::LinkPath path;
    path.rate_bytes_per_second = congestion_->rate_bytes_per_second();
    path.round_trip_time = recovery_.round_trip_time().smoothed();
    path.window_bytes = congestion_->window_bytes();
    path.loss = recovery_.loss();
    return path;
}

void UdpLink::use(Congestion algorithm, std::uint64_t fixed_bytes_per_second) {
    options_.congestion = algorithm;
    options_.fixed_bytes_per_second = fixed_bytes_per_second;
    congestion_ = make_congestion_control(algorithm, packet_bytes_base, fixed_bytes_per_second);
    set_pace();
}

void UdpLink::simulate(const LinkSimulation& simulation, std::uint64_t seed) {
    const auto round_trip = simulation.outgoing.latency + simulation.incoming.latency;
    simulation_ = std::make_unique<Simulation>(
        Simulation{SimulatedDatagrams{simulation.outgoing, 2 * seed, round_trip},
                   SimulatedDatagrams{simulation.incoming, 2 * seed + 1, round_trip}});
}

std::error_code UdpLink::failure() const noexcept { return failure_; }

void UdpLink::fail(std::error_code reason) noexcept {
    if (!failure_) failure_ = reason;
}

void UdpLink::finish() noexcept {
    if (std::exchange(finishing_, true)) return;
    finish_by_ =
        protocol::after(time_, std::clamp(goodbye_probe_timeouts * recovery_.probe_timeout(),
                                          goodbye_time_min, goodbye_time_max));
}

// Once the peer has all that was said to it, the connection is over. What the link itself asked
// needs no answer any more: who has heard the goodbye gives none.
void UdpLink::end_if_all_said(protocol::FrameSource& source, Time now) noexcept {
    if (!finishing_ || failure_ || !outbox_.empty() || recovery_.oldest_token()) return;
    if (!source.pending(now)) fail(std::make_error_code(std::errc::connection_aborted));
}

Time UdpLink::deadline() const noexcept {
    if (failure_) return protocol::never;
    auto earliest = std::min(recovery_.deadline(), finish_by_);
    if (simulation_ != nullptr) {
        earliest = std::min(earliest, simulation_->incoming.due());
        // What is due already waits for the driver.
        const auto due = simulation_->outgoing.due();
        if (due > time_) earliest = std::min(earliest, due);
    }
    // What would find no room waits for the driver, not for the time.
    if (outbox_.full(packet_bytes())) return earliest;
    earliest = std::min(
        {earliest, paths_.deadline(path_packet_bytes()), acknowledgement_due(), paced_until_});
    if (may_probe_mtu()) earliest = std::min(earliest, mtu_.deadline());
    // What is due at once is so since it was last looked at, not since the beginning of time.
    return std::max(earliest, time_);
}

void UdpLink::advance(Time now) {
    time_ = now;
    if (failure_) return;
    if (paced_until_ <= now) paced_until_ = protocol::never;
    recovery_.advance(now, feedback_);
    if (const auto probes = recovery_.take_probes()) {
        ++counters_.probe_timeouts;
        probes_ = std::max(probes_, probes);
        probe_needs_data_ = true;
        congestion_->on_probe_timeout(now, recovery_.probe_timeouts());
    }
    path_changed(paths_.advance(now), now);
    if (now >= finish_by_) fail(std::make_error_code(std::errc::timed_out));
}

std::optional<UdpLink::Batch> UdpLink::outgoing() const noexcept {
    if (simulation_ == nullptr) return outbox_.front();
    const auto& path = simulation_->outgoing;
    if (path.due() > time_) return std::nullopt;
    const auto& datagram = path.front();
    return Batch{datagram.address, datagram.bytes, datagram.bytes.size()};
}

void UdpLink::sent(std::size_t bytes) noexcept {
    if (simulation_ == nullptr) return outbox_.pop(bytes);
    simulation_->outgoing.pop();
}

void UdpLink::enter_simulation(Time now) {
    if (simulation_ == nullptr) return;
    while (const auto batch = outbox_.front()) {
        const auto size = std::min(batch->segment_bytes, batch->bytes.size());
        simulation_->outgoing.enter(batch->to, batch->bytes.first(size), now);
        outbox_.pop(size);
    }
}

void UdpLink::too_big(Time now) noexcept {
    const auto batch = outgoing();
    if (!batch) return;
    mtu_.too_big(batch->segment_bytes, now);
    sent(batch->bytes.size());
}

}  // namespace braid::transport
