#include "transport/simulated/link.hpp"

#include <braid/error.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace braid::transport {

namespace {

using protocol::Duration;
using protocol::Time;

// The longest part of a frame that can be left over.
constexpr std::size_t leftover_bytes_max =
    protocol::frame_payload_bytes_max + protocol::frame_header_bytes_max;

Duration round_trip(const LinkSimulation& simulation) noexcept {
    return simulation.outgoing.latency + simulation.incoming.latency +
           (simulation.outgoing.jitter + simulation.incoming.jitter) / 2;
}

}  // namespace

/// What is due, as the source of the link within.
class SimulatedLink::Replay final : public protocol::FrameSource {
public:
    explicit Replay(SimulatedLine& line) noexcept : line_{line} {}

    protocol::FrameToken fill(protocol::FrameWriter& unit, Time now) override {
        while (pending(now)) {
            auto& bytes = line_.front().bytes;
            const auto copied = unit.encoded(bytes);
            if (copied < bytes.size()) {
                bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(copied));
                break;
            }
            line_.pop();
        }
        return 0;
    }
    bool pending(Time now) override { return line_.due() <= now; }

private:
    SimulatedLine& line_;
};

/// What arrives, as the sink of the link within.
class SimulatedLink::Capture final : public protocol::FrameSink {
public:
    explicit Capture(SimulatedLine& line) noexcept : line_{line} {}

    Receipt receive(std::span<const std::byte> bytes, protocol::Framing, Time now) override {
        const auto size = bytes.size();
        while (!bytes.empty()) {
            const auto unit = bytes.first(std::min(bytes.size(), line_.path().unit_bytes()));
            line_.enter(std::vector(unit.begin(), unit.end()), now);
            bytes = bytes.subspan(unit.size());
        }
        return {size, true, {}};
    }
    Receipt receive(std::span<const std::byte> bytes, std::span<Message> beside,
                    Time now) override {
        if (bytes.empty()) return {};
        SimulatedLine::Load load;
        load.bytes.assign(bytes.begin(), bytes.end());
        load.in_memory = true;
        load.beside.assign(std::make_move_iterator(beside.begin()),
                           std::make_move_iterator(beside.end()));
        line_.enter(std::move(load), now);
        return {bytes.size(), true, {}};
    }
    void acked(protocol::FrameToken, Time) override {}
    void lost(protocol::FrameToken, Time) override {}

private:
    SimulatedLine& line_;
};

SimulatedLink::SimulatedLink(std::unique_ptr<protocol::Link> within,
                             const LinkSimulation& simulation, std::uint64_t seed)
    : within_{std::move(within)},
      simulated_path_{simulation.outgoing.rate_bytes_per_second, round_trip(simulation)},
      outgoing_{simulation.outgoing, 2 * seed, round_trip(simulation)},
      incoming_{simulation.incoming, 2 * seed + 1, round_trip(simulation)} {}

protocol::LinkTraits SimulatedLink::traits() const noexcept {
    auto traits = within_->traits();
    traits.in_memory = false;
    return traits;
}

protocol::LinkPath SimulatedLink::path() const noexcept {
    auto path = within_->path();
    path.round_trip_time += simulated_path_.round_trip_time;
    const auto rate = simulated_path_.rate_bytes_per_second;
    if (path.rate_bytes_per_second == 0 || (rate != 0 && rate < path.rate_bytes_per_second)) {
        path.rate_bytes_per_second = rate;
    }
    return path;
}

void SimulatedLink::fill(protocol::FrameSource& source, Time now) {
    time_ = now;
    if (failure_ || within_->failure()) return;
    Replay replay{outgoing_};
    within_->fill(replay, now);
    pull(source, now);
    within_->fill(replay, now);  // what takes no time
}

bool SimulatedLink::would_fill(protocol::FrameSource& source, Time now) {
    if (failure_ || within_->failure()) return false;
    return outgoing_.due() <= now || (may_pull(now) && source.pending(now));
}

void SimulatedLink::pull(protocol::FrameSource& source, Time now) {
    auto from = waits_for_rate_ ? now - catch_up_max : now;
    while (may_pull(now) && source.pending(now)) {
        if (encode(source, now) == 0) break;
        outgoing_.enter(unit_, std::max(from, outgoing_.path().free_at()));
        from = now - catch_up_max;
    }
    const bool was_waiting = waits_for_rate_ && !may_pull(now);
    waits_for_rate_ = source.pending(now) && (was_waiting || outgoing_.path().free_at() > now);
}

// What the link within has not taken though it is due would only get longer.
bool SimulatedLink::may_pull(Time now) const noexcept {
    return outgoing_.path().free_at() <= now && outgoing_.due() > now && !outgoing_.full();
}

std::size_t SimulatedLink::encode(protocol::FrameSource& source, Time now) {
    auto bytes = outgoing_.path().unit_bytes();
    if (within_->traits().in_memory) bytes = std::min(bytes, batch_bytes_min);
    room_.resize(bytes);
    protocol::FrameWriter writer{room_, room_.size(), references_};
    source.fill(writer, now);
    unit_.clear();
    std::size_t position = 0;
    const auto copy_until = [&](std::size_t end) {
        unit_.insert(unit_.end(), room_.begin() + static_cast<std::ptrdiff_t>(position),
                     room_.begin() + static_cast<std::ptrdiff_t>(end));
        position = end;
    };
    for (const auto& reference : references_) {
        copy_until(reference.position);
        unit_.insert(unit_.end(), reference.bytes.begin(), reference.bytes.end());
    }
    copy_until(writer.copied());
    references_.clear();
    return unit_.size();
}

void SimulatedLink::drain(protocol::FrameSink& sink, Time now) {
    Capture capture{incoming_};
    within_->drain(capture, now);
    if (within_->failure() && !std::exchange(end_entered_, true)) {
        incoming_.enter(SimulatedLine::Load{}, now);
    }
    deliver(sink, now);
    if (observer_ != nullptr) observer_->drained();
}

void SimulatedLink::deliver(protocol::FrameSink& sink, Time now) {
    while (!failure_ && incoming_.due() <= now) {
        auto load = std::move(incoming_.front());
        incoming_.pop();
        if (load.bytes.empty()) {
            end_arrived_ = true;
        } else if (load.in_memory) {
            failure_ = sink.receive(load.bytes, load.beside, now).error;
        } else {
            arrived_.insert(arrived_.end(), load.bytes.begin(), load.bytes.end());
            offer(sink, now);
        }
    }
    if (arrived_.empty()) arrived_ = {};
}

void SimulatedLink::offer(protocol::FrameSink& sink, Time now) {
    const auto receipt = sink.receive(arrived_, protocol::Framing::stream, now);
    arrived_.erase(arrived_.begin(),
                   arrived_.begin() + static_cast<std::ptrdiff_t>(receipt.consumed));
    failure_ = receipt.error;
    if (!failure_ && arrived_.size() > leftover_bytes_max) failure_ = errc::frame_malformed;
}

// What was due when fill() or advance() was last called waits for the driver, not for a time.
Time SimulatedLink::deadline() const noexcept {
    if (failure()) return protocol::never;
    auto at = std::min(within_->deadline(), incoming_.due());
    if (within_->failure()) return at;
    if (outgoing_.due() > time_) at = std::min(at, outgoing_.due());
    const auto free_at = outgoing_.path().free_at();
    if (waits_for_rate_ && free_at > time_) at = std::min(at, free_at);
    return at;
}

void SimulatedLink::advance(Time now) {
    time_ = now;
    within_->advance(now);
}

std::error_code SimulatedLink::failure() const noexcept {
    if (failure_) return failure_;
    return closed_ || end_arrived_ ? within_->failure() : std::error_code{};
}

bool SimulatedLink::reading_paused() const noexcept {
    return !failure() && (incoming_.full() || end_entered_);
}

}  // namespace braid::transport
