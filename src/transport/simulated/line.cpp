#include "transport/simulated/line.hpp"

#include <algorithm>
#include <utility>

namespace braid::transport {

SimulatedLine::SimulatedLine(const LinkSimulation::Direction& direction, std::uint64_t seed,
                             protocol::Duration round_trip_time) noexcept
    : path_{direction, seed}, round_trip_time_{round_trip_time}, room_bytes_{held_bytes_max} {
    if (direction.rate_bytes_per_second == 0) return;
    const auto loss_time = direction.loss > 0 ? timeouts(1) : protocol::Duration::zero();
    const std::chrono::duration<double> under_way =
        direction.latency + direction.jitter + loss_time;
    const auto rate = static_cast<double>(direction.rate_bytes_per_second);
    const auto bytes = static_cast<double>(queue_bytes) + rate * under_way.count();
    room_bytes_ = static_cast<std::size_t>(std::min(bytes, static_cast<double>(held_bytes_max)));
}

std::size_t SimulatedLine::Load::size() const noexcept {
    auto size = bytes.size();
    for (const auto& message : beside) size += message.size();
    return size;
}

void SimulatedLine::enter(std::vector<std::byte> bytes, protocol::Time from) {
    Load load;
    load.bytes = std::move(bytes);
    enter(std::move(load), from);
}

void SimulatedLine::enter(Load load, protocol::Time from) {
    const auto size = load.size();
    const auto passage = path_.pass(size, from);
    counters_.duplicates += passage.duplicates;
    notice(passage.arrives, passage.packets);
    Unit unit;
    unit.due = passage.arrives;
    if (passage.losses > 0) {
        ++counters_.losses;
        const auto again = timeouts(passage.losses) - timeouts(1);
        if (passage.packets_after_loss >= packets_until_noticed) {
            unit.due += round_trip_time_ + again;
        } else {
            unit.due += timeouts(passage.losses);
            losses_.push_back({first_unit_ + units_.size(), passage.packets_after_loss, again});
        }
    }
    unit.charge = size + unit_charge;
    unit.load = std::move(load);
    held_bytes_ += unit.charge;
    units_.push_back(std::move(unit));
}

void SimulatedLine::pop() noexcept {
    held_bytes_ -= units_.front().charge;
    if (!losses_.empty() && losses_.front().unit == first_unit_) losses_.erase(losses_.begin());
    units_.pop_front();
    ++first_unit_;
}

// Packets that arrive behind a lost one tell the sender of it.
void SimulatedLine::notice(protocol::Time arrives, unsigned packets) {
    std::erase_if(losses_, [&](Loss& loss) {
        loss.packets_behind += packets;
        if (loss.packets_behind < packets_until_noticed) return false;
        auto& due = units_[loss.unit - first_unit_].due;
        due = std::min(due, arrives + round_trip_time_ + loss.again);
        return true;
    });
}

// What `count` retransmission timeouts in a row take, each twice as long as the one before.
protocol::Duration SimulatedLine::timeouts(unsigned count) const noexcept {
    return (round_trip_time_ + timeout_min) * ((1 << count) - 1);
}

}  // namespace braid::transport
