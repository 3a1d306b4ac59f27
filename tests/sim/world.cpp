#include "sim/world.hpp"

#include "sim/check.hpp"

#include <algorithm>

namespace sim {

using namespace std::chrono_literals;
using braid::protocol::is_guaranteed;
using braid::protocol::never;

namespace {

// One instant can hold some events, but who wakes again and again without time going on is stuck.
constexpr std::uint64_t wakes_at_once_max = 8;

constexpr std::size_t lossy_bytes_max = 200'000;

MuxOptions mux_options(const braid::Limits& limits, bool even) {
    MuxOptions options;
    options.even_ids = even;
    options.limits = limits;
    options.peer.stream_credit = limits.stream_receive_window_bytes;
    options.peer.participant_credit = limits.participant_receive_window_bytes;
    options.peer.streams = limits.peer_streams;
    options.peer.message_bytes_max = limits.message_bytes;
    options.peer.idle = limits.idle;
    return options;
}

}  // namespace

World::World(const Options& options) : random_{options.seed} {
    for (std::size_t side = 0; side < 2; ++side) {
        peers_[side] =
            std::make_unique<Peer>(side, mux_options(options.limits, side == 0), random_.next());
    }
    peers_[0]->other = peers_[1].get();
    peers_[1]->other = peers_[0].get();
}

std::size_t World::add_link(const LinkOptions& options) {
    auto& wire = wires_.emplace_back();
    for (std::size_t side = 0; side < 2; ++side) {
        wire.ends[side] = make_link(options, random_.next());
        wire.ports[side] = &peers_[side]->mux.attach(wire.ends[side]->traits(), side == 0, now_);
        wire.ports[side]->set_path(wire.ends[side]->path());
    }
    SimulatedLink::join(*wire.ends[0], *wire.ends[1]);
    return wires_.size() - 1;
}

std::size_t World::links_alive() const {
    return static_cast<std::size_t>(std::count_if(
        wires_.begin(), wires_.end(), [](const Wire& wire) { return !wire.ends[0]->dead(); }));
}

void World::kill_link(std::size_t index, bool vanish, std::array<Duration, 2> noticed_after) {
    auto& wire = wires_[index];
    for (std::size_t side = 0; side < 2; ++side) {
        wire.ends[side]->die(vanish);
        at(elapsed() + noticed_after[side], [this, &wire, side] {
            if (auto* const port = std::exchange(wire.ports[side], nullptr)) {
                peers_[side]->mux.detach(*port, now_);
            }
        });
    }
}

void World::set_rate(std::size_t index, std::uint64_t bytes_per_second) {
    for (std::size_t side = 0; side < 2; ++side) {
        auto& wire = wires_[index];
        wire.ends[side]->set_rate(bytes_per_second);
        if (wire.ports[side] != nullptr) wire.ports[side]->set_path(wire.ends[side]->path());
    }
}

StreamPlan& World::add_plan(const StreamPlan& plan) {
    auto& added = plans_.emplace_back(plan);
    added.options.tag = plans_.size() - 1;
    at(plan.open_at, [this, &added] { open(added); });
    return added;
}

void World::at(Duration after_start, std::function<void()> action) {
    actions_.emplace(std::pair{std::max(start + after_start, now_), order_++}, std::move(action));
}

void World::open(StreamPlan& plan) {
    if (peers_[plan.opener]->open(plan, now_) == nullptr) {
        at(elapsed() + 20ms, [this, &plan] { open(plan); });
        return;
    }
    if (!plan.early) return;
    const auto side = plan.early_by == 0 ? plan.opener : 1 - plan.opener;
    at(elapsed() + plan.early_at, [this, &plan, side] {
        for (auto& [id, end] : peers_[side]->ends) {
            if (end.plan == &plan) peers_[side]->end_early(end, *plan.early, now_);
        }
    });
}

// Each end begins to send once it has the stream.
void World::start_flows() {
    for (std::size_t side = 0; side < 2; ++side) {
        for (auto& [id, end] : peers_[side]->ends) {
            if (!started_.emplace(side, id).second) continue;
            auto* const sending = &end;
            const auto& flow = end.flow_out();
            const auto begin = std::max(flow.begin, elapsed());
            at(begin, [this, sending, side, count = flow.count] {
                send_next(*sending->plan, side, sending, count);
            });
        }
    }
}

void World::send_next(StreamPlan& plan, std::size_t side, End* end, std::uint64_t left) {
    const auto& flow = end->flow_out();
    auto& peer = *peers_[side];
    for (auto n = std::min(flow.batch, left); n > 0; --n, --left) {
        if (!peer.send(*end, size_in(flow, end->delivery), now_)) break;
    }
    if (end->finished || end->send_closed || end->stream == nullptr) return;
    if (left > 0) {
        at(elapsed() + flow.interval, [=, this, &plan] { send_next(plan, side, end, left); });
    } else if (flow.finish) {
        peer.finish(*end, now_);
    }
}

std::size_t World::size_in(const Flow& flow, DeliveryClass delivery) {
    auto size = random_.between(flow.bytes_min, flow.bytes_max);
    if (random_.chance(flow.large)) size = random_.between(flow.large_bytes / 2, flow.large_bytes);
    const auto cap = peers_[0]->mux.options().limits.message_bytes;
    size = std::min<std::uint64_t>(size, cap);
    if (is_guaranteed(delivery) || size == 0) return size;
    // What may be lost must say which it is, or be empty; and longer ones are not allowed.
    return std::clamp<std::size_t>(size, 8, lossy_bytes_max);
}

void World::run_until(Time until) {
    while (true) {
        if (next_event() > until) break;
        run_step();
    }
    now_ = until;
}

void World::run_step() {
    const auto next = next_event();
    at_once_ = next > now_ ? 0 : at_once_ + 1;
    now_ = std::max(now_, next);
    step();
}

bool World::run_while_not(const std::function<bool()>& done, Duration most) {
    const auto until = now_ + most;
    while (!done()) {
        if (next_event() > until) return false;
        run_step();
    }
    return true;
}

Time World::next_event() const {
    auto earliest = actions_.empty() ? never : actions_.begin()->first.first;
    for (const auto& peer : peers_) {
        earliest = std::min({earliest, peer->mux.deadline(), peer->deadline()});
    }
    for (const auto& wire : wires_) {
        for (std::size_t side = 0; side < 2; ++side) {
            if (wire.ports[side] == nullptr) continue;
            earliest = std::min(earliest, wire.ends[side]->deadline());
        }
    }
    return earliest;
}

void World::step() {
    ++steps_;
    while (!actions_.empty() && actions_.begin()->first.first <= now_) {
        const auto action = std::move(actions_.begin()->second);
        actions_.erase(actions_.begin());
        action();
        at_once_ = 0;
    }
    require(at_once_ <= wakes_at_once_max, "woken again and again without time going on");
    for (std::size_t side = 0; side < 2; ++side) drive(side);
    start_flows();
    for (std::size_t side = 0; side < 2; ++side) {
        peers_[side]->check_step(*peers_[1 - side]);
        require(peers_[side]->mux.deadline() > now_, "a deadline that is not in the future");
    }
}

void World::drive(std::size_t side) {
    auto& peer = *peers_[side];
    for (auto& wire : wires_) {
        if (wire.ports[side] == nullptr) continue;
        auto& end = *wire.ends[side];
        end.advance(now_);
        end.drain(*wire.ports[side], now_);
        if (const auto error = end.failure()) {
            throw Violation{"side " + std::to_string(side) +
                            " says that its honest peer broke the rules: " + error.message()};
        }
    }
    if (peer.mux.deadline() <= now_) peer.mux.advance(now_);
    peer.run(now_, plans_);
    for (auto& wire : wires_) {
        if (wire.ports[side] != nullptr) wire.ends[side]->fill(*wire.ports[side], now_);
    }
    peer.run(now_, plans_);
    for (auto& wire : wires_) {  // what reading or releasing brought about
        if (wire.ports[side] != nullptr) wire.ends[side]->fill(*wire.ports[side], now_);
    }
}

bool World::arrived(const End& receiver, const End& sender) const {
    if (receiver.cut_in()) return true;
    if (!is_guaranteed(receiver.delivery)) return receiver.ended;
    return receiver.ended && receiver.received == sender.sent.size();
}

bool World::expects(const End& receiver, std::size_t side) const {
    return receiver.flow_in().reading != Reading::never || peers_[side]->reads_everything();
}

bool World::all_arrived() const {
    for (const auto& plan : plans_) {
        if (!plan.opened) return false;
    }
    for (std::size_t side = 0; side < 2; ++side) {
        for (const auto& [id, end] : peers_[side]->ends) {
            const auto& twins = peers_[1 - side]->ends;
            const auto twin = twins.find(id);
            if (twin == twins.end()) {
                if (end.cut_out() || end.stream == nullptr) continue;
                return false;
            }
            if (expects(twin->second, 1 - side) && !arrived(twin->second, end)) return false;
        }
    }
    return true;
}

std::string World::missing() const {
    std::string text = "not all has arrived:";
    for (const auto& plan : plans_) {
        if (!plan.opened) text += " plan " + std::to_string(plan.options.tag) + " never opened;";
    }
    for (std::size_t side = 0; side < 2; ++side) {
        for (const auto& [id, end] : peers_[side]->ends) {
            const auto twin = peers_[1 - side]->ends.find(id);
            const bool there = twin != peers_[1 - side]->ends.end();
            if (there && (arrived(twin->second, end) || !expects(twin->second, 1 - side))) continue;
            text += " stream " + std::to_string(id) + " (tag " +
                    std::to_string(end.plan->options.tag) + ") from side " + std::to_string(side);
            if (!there) {
                text += " is not there;";
                continue;
            }
            text += " has " + std::to_string(twin->second.received) + " of " +
                    std::to_string(end.sent.size()) + (end.finished ? ", finished" : "") +
                    (twin->second.ended ? ", ended;" : ", not ended;");
        }
    }
    return text;
}

void World::wind_up(Duration most) {
    const auto finish_all = [this] {
        for (auto& peer : peers_) {
            for (auto& [id, end] : peer->ends) {
                if (end.sent.size() + end.refused >= end.flow_out().count) peer->finish(end, now_);
            }
        }
    };
    if (links_alive() == 0) return;
    const auto everything = [&] {
        finish_all();
        return all_arrived();
    };
    require(run_while_not(everything, most), [&] { return missing(); });
    for (auto& peer : peers_) peer->read_everything_from_now_on();
    require(run_while_not(everything, most), [&] { return "of what was not read, " + missing(); });

    for (auto& peer : peers_) peer->check_receipts(now_);
    for (auto& peer : peers_) peer->release_all(now_);
    const auto empty = [this] {
        return std::all_of(peers_.begin(), peers_.end(), [](const auto& peer) {
            return peer->mux.stream_count() == 0 && peer->blocks_alive() <= 1;
        });
    };
    require(run_while_not(empty, 60s), [&] {
        return "streams are left: " + std::to_string(peers_[0]->mux.stream_count()) + " and " +
               std::to_string(peers_[1]->mux.stream_count()) + ", blocks " +
               std::to_string(peers_[0]->blocks_alive()) + " and " +
               std::to_string(peers_[1]->blocks_alive());
    });

    peers_[0]->mux.close({3, "that was all"});
    require(run_while_not([&] { return peers_[1]->mux.peer_close().has_value(); }, 60s),
            "the close did not arrive");
    require(peers_[1]->mux.peer_close()->code() == 3, "a close with another code");
}

std::uint64_t World::trace() const {
    std::uint64_t hash = steps_;
    const auto mix = [&](std::uint64_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15u; };
    for (const auto& wire : wires_) {
        for (const auto& end : wire.ends) mix(end->trace());
    }
    for (const auto& peer : peers_) mix(peer->trace);
    return hash;
}

}  // namespace sim
