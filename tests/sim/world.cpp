#include "sim/world.hpp"

#include "sim/check.hpp"
#include "sim/mux_options.hpp"

#include <algorithm>

namespace sim {

using namespace std::chrono_literals;
using braid::protocol::is_guaranteed;
using braid::protocol::never;

namespace {

// One instant can hold some events, but who wakes again and again without time going on is stuck.
constexpr std::uint64_t wakes_at_once_max = 8;

// A goodbye is repeated for three seconds at most, by an end that may be asleep.
constexpr Duration goodbye_max = 10s;

// Reminders about streams that are over lapse when they are due.
constexpr Duration reminders_max = 1s;

constexpr std::size_t lossy_bytes_max = 200'000;

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
    std::array<std::unique_ptr<SimulatedLink>, 2> ends;
    for (auto& end : ends) end = make_link(options, random_.next());
    SimulatedLink::join(*ends[0], *ends[1]);
    return add_link(std::move(ends));
}

std::size_t World::add_link(std::array<std::unique_ptr<SimulatedLink>, 2> ends) {
    auto& wire = wires_.emplace_back();
    for (std::size_t side = 0; side < 2; ++side) {
        auto& end = *(wire.ends[side] = std::move(ends[side]));
        end.set_behind(behind_[side]);
        wire.ports[side] = &peers_[side]->mux.attach(end.traits(), side == 0, now(side));
        wire.ports[side]->set_path(end.path());
    }
    return wires_.size() - 1;
}

std::size_t World::links_alive() const {
    return static_cast<std::size_t>(std::count_if(
        wires_.begin(), wires_.end(), [](const Wire& wire) { return !wire.ends[0]->dead(); }));
}

std::size_t World::ports_left() const {
    std::size_t left = 0;
    for (const auto& wire : wires_) {
        for (const auto* const port : wire.ports) left += port != nullptr ? 1 : 0;
    }
    return left;
}

void World::kill_link(std::size_t index, bool vanish, std::array<Duration, 2> noticed_after) {
    auto& wire = wires_[index];
    for (std::size_t side = 0; side < 2; ++side) {
        wire.ends[side]->die(vanish);
        at_of(side, elapsed() + noticed_after[side], [this, &wire, side] {
            if (auto* const port = std::exchange(wire.ports[side], nullptr)) {
                peers_[side]->mux.detach(*port, now(side));
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
    at_of(plan.opener, plan.open_at, [this, &added] { open(added); });
    return added;
}

void World::pause(std::size_t side, Duration length, bool clock_stands) {
    if (paused(side)) return;
    paused_until_[side] = now_ + length;
    stands_for_[side] = clock_stands ? length : Duration::zero();
    at(elapsed() + length, [this, side] { resume(side); });
}

void World::resume(std::size_t side) {
    behind_[side] += stands_for_[side];
    for (auto& wire : wires_) wire.ends[side]->set_behind(behind_[side]);
}

// Who does not run does nothing: it is done when it runs again.
void World::at_of(std::size_t side, Duration after_start, std::function<void()> action) {
    at(after_start, [this, side, action = std::move(action)] {
        if (!paused(side)) {
            action();
        } else {
            at_of(side, paused_until_[side] - start, action);
        }
    });
}

void World::at(Duration after_start, std::function<void()> action) {
    actions_.emplace(std::pair{std::max(start + after_start, now_), order_++}, std::move(action));
}

void World::open(StreamPlan& plan) {
    if (peers_[plan.opener]->open(plan, now(plan.opener)) == nullptr) {
        at_of(plan.opener, elapsed() + 20ms, [this, &plan] { open(plan); });
        return;
    }
    if (!plan.early) return;
    const auto side = plan.early_by == 0 ? plan.opener : 1 - plan.opener;
    at_of(side, elapsed() + plan.early_at, [this, &plan, side] {
        for (auto& [id, end] : peers_[side]->ends) {
            if (end.plan == &plan) peers_[side]->end_early(end, *plan.early, now(side));
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
            at_of(side, begin, [this, sending, side, count = flow.count] {
                send_next(*sending->plan, side, sending, count);
            });
        }
    }
}

void World::send_next(StreamPlan& plan, std::size_t side, End* end, std::uint64_t left) {
    const auto& flow = end->flow_out();
    auto& peer = *peers_[side];
    for (auto n = std::min(flow.batch, left); n > 0; --n, --left) {
        if (!peer.send(*end, size_in(flow, end->delivery), now(side))) break;
    }
    if (end->finished || end->send_closed || end->stream == nullptr) return;
    if (left > 0) {
        at_of(side, elapsed() + flow.interval,
              [=, this, &plan] { send_next(plan, side, end, left); });
    } else if (flow.finish) {
        peer.finish(*end, now(side));
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
    for (std::size_t side = 0; side < 2; ++side) {
        if (paused(side)) continue;
        const auto& peer = *peers_[side];
        auto own = std::min(peer.mux.deadline(), peer.deadline());
        for (const auto& wire : wires_) {
            if (wire.ports[side] != nullptr) own = std::min(own, wire.ends[side]->deadline());
        }
        earliest = std::min(earliest, braid::protocol::after(own, behind_[side]));
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
        if (paused(side)) continue;
        peers_[side]->check_step(*peers_[1 - side]);
        for (auto& wire : wires_) {
            if (auto* const arrivals = wire.ends[side]->arrivals()) {
                peers_[side]->check_arrivals(*arrivals);
            }
        }
        require(peers_[side]->mux.deadline() > now(side), "a deadline that is not in the future");
    }
}

void World::drive(std::size_t side) {
    if (paused(side)) return;
    auto& peer = *peers_[side];
    const auto here = now(side);
    for (auto& wire : wires_) {
        if (wire.ports[side] == nullptr) continue;
        // What waits in the socket tells more than a clock that went on without us.
        auto& end = *wire.ends[side];
        end.drain(*wire.ports[side], here);
        if (end.deadline() <= here) {
            end.advance(here);
            end.drain(*wire.ports[side], here);
        }
        if (!check_alive(wire, side)) continue;
        wire.ports[side]->set_path(end.path());
    }
    if (peer.mux.deadline() <= here) peer.mux.advance(here);
    peer.run(here, plans_);
    for (int round = 0; round < 2;
         ++round) {  // the second: what reading or releasing brought about
        for (auto& wire : wires_) {
            if (wire.ports[side] == nullptr) continue;
            wire.ends[side]->fill(*wire.ports[side], here);
            // With the last word out, a link that was finished may be over.
            check_alive(wire, side);
        }
        if (round == 0) peer.run(here, plans_);
    }
}

// A link that failed, or whose peer was silent for too long, is taken away.
bool World::check_alive(Wire& wire, std::size_t side) {
    const auto error = wire.ends[side]->failure();
    const bool silent = wire.ports[side]->idle_expired(now(side));
    if (!error && !silent) return true;
    require(failures_allowed_, [&] {
        return "side " + std::to_string(side) +
               (error ? " says that its honest peer broke the rules: " + error.message()
                      : std::string{" gives up a peer that is there"});
    });
    wire.ends[side]->die(false);
    peers_[side]->mux.detach(*std::exchange(wire.ports[side], nullptr), now(side));
    return false;
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
            const auto side = peer == peers_[0] ? 0u : 1u;
            if (paused(side)) continue;
            for (auto& [id, end] : peer->ends) {
                if (end.sent.size() + end.refused >= end.flow_out().count) {
                    peer->finish(end, now(side));
                }
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

    for (std::size_t side = 0; side < 2; ++side) peers_[side]->check_receipts(now(side));
    for (std::size_t side = 0; side < 2; ++side) peers_[side]->release_all(now(side));
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
    check_nothing_left();
}

// Once both ends know that it is over, there is nothing to wait for, and nothing charged.
void World::check_nothing_left() {
    failures_allowed_ = true;
    for (auto& wire : wires_) {
        for (std::size_t side = 0; side < 2; ++side) {
            wire.ends[side]->finish();
            // What has nothing to say any more is over at once, and does not wake up for it.
            if (wire.ports[side] != nullptr && !paused(side)) check_alive(wire, side);
        }
    }
    require(run_while_not([this] { return ports_left() == 0; }, goodbye_max),
            "a link that was finished lives on");
    const auto nothing_due = [this] {
        return peers_[0]->mux.deadline() == never && peers_[1]->mux.deadline() == never;
    };
    require(run_while_not(nothing_due, reminders_max), "a mux waits for a time after its end");
    for (std::size_t side = 0; side < 2; ++side) {
        auto& peer = *peers_[side];
        const auto say = [side](const char* what) {
            return [=] { return "side " + std::to_string(side) + what; };
        };
        require(peer.deadline() == never, say(" is to read something after its end"));
        const auto& credit = peer.mux.receive_credit();
        require(credit.held() == 0, say(" holds what nobody will take"));
        require(credit.charged() == peers_[1 - side]->mux.send_credit().used(), [&] {
            return "side " + std::to_string(side) + " was charged " +
                   std::to_string(credit.charged()) + " of " +
                   std::to_string(peers_[1 - side]->mux.send_credit().used()) + " bytes sent";
        });
        require(credit.reserved() == 0, say(" reserves room for what will not come"));
    }
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
