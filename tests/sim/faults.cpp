#include "sim/faults.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace sim {

using namespace std::chrono_literals;
using Kind = Fault::Kind;

namespace {

constexpr std::array<const char*, Fault::kinds> names{
    "loss",  "bursts", "duplicates", "corruption", "truncation", "lateness", "jitter",
    "spike", "rate",   "cut",        "black hole", "interface",  "port",     "host",
    "pause", "sleep",  "copies",     "replays",    "junk",       "resets"};

}  // namespace

std::string describe(const Fault& fault) {
    std::ostringstream out;
    out << names[static_cast<std::size_t>(fault.kind)] << " of side " << fault.side << " at "
        << fault.at / 1ms << " ms for " << fault.length / 1ms << " ms, share " << fault.share
        << ", amount " << fault.amount << (fault.first ? ", first" : "");
    return out.str();
}

Faults::Faults(World& world, std::shared_ptr<DatagramNetwork> network, std::array<UdpEnd*, 2> ends,
               std::vector<Fault> faults)
    : world_{world},
      network_{std::move(network)},
      ends_{ends},
      faults_{std::move(faults)},
      undisturbed_{network_->path(0), network_->path(1)} {
    for (const auto& fault : faults_) {
        world_.at(fault.at, [this, &fault] { begin(fault); });
    }
}

void Faults::begin(const Fault& fault) {
    switch (fault.kind) {
        case Kind::port: network_->rebind(fault.side, false); return;
        case Kind::host: network_->rebind(fault.side, true); return;
        case Kind::interface: ends_[fault.side]->set_interface_bytes(fault.amount); return;
        case Kind::pause: world_.pause(fault.side, fault.length, false); return;
        case Kind::sleep: world_.pause(fault.side, fault.length, true); return;
        default: break;
    }
    active_.push_back(&fault);
    apply();
    if (fault.kind == Kind::black_hole) return;
    world_.at(world_.elapsed() + fault.length, [this, &fault] {
        std::erase(active_, &fault);
        apply();
    });
}

void Faults::apply() {
    for (std::size_t side = 0; side < 2; ++side) {
        network_->path(side) = undisturbed_[side];
        network_->adversary(side) = {};
    }
    for (const auto* const fault : active_) apply(*fault);
}

void Faults::apply(const Fault& fault) {
    auto& path = network_->path(fault.side);
    auto& adversary = network_->adversary(fault.side);
    const Duration amount{static_cast<Duration::rep>(fault.amount)};
    switch (fault.kind) {
        case Kind::loss: path.loss = std::max(path.loss, fault.share); break;
        case Kind::bursts: path.burst_begin = fault.share; break;
        case Kind::duplicates: path.duplicated = fault.share; break;
        case Kind::corruption: path.corrupted = fault.share; break;
        case Kind::truncation: path.truncated = fault.share; break;
        case Kind::lateness:
            path.late = fault.share;
            path.late_by = amount;
            break;
        case Kind::jitter: path.jitter = std::max(path.jitter, amount); break;
        case Kind::spike: path.held_until = World::start + fault.at + fault.length; break;
        case Kind::rate: path.rate_bytes_per_second = fault.amount; break;
        case Kind::cut: path.cut = true; break;
        case Kind::black_hole: path.bytes_max = fault.amount; break;
        case Kind::copies:
            adversary.copied = fault.share;
            adversary.copies_first = fault.first;
            break;
        case Kind::replays: adversary.replayed = fault.share; break;
        case Kind::junk: adversary.junk = fault.share; break;
        case Kind::resets: adversary.resets = fault.share; break;
        default: break;
    }
}

}  // namespace sim
