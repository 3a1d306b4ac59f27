#pragma once

#include "sim/links.hpp"
#include "sim/peer.hpp"

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sim {

/// Two peers and the links between them, in virtual time. Everything follows from the calls and
/// the seed.
class World {
public:
    struct Options {
        std::uint64_t seed = 1;
        braid::Limits limits;
    };

    explicit World(const Options& options);

    Time now() const { return now_; }
    /// What the clock of one side shows.
    Time now(std::size_t side) const { return now_ - behind_[side]; }
    Duration elapsed() const { return now_ - start; }
    Peer& peer(std::size_t side) { return *peers_[side]; }
    Random& random() { return random_; }

    /// Joins the peers by one more link; side 0 dialled.
    std::size_t add_link(const LinkOptions& options);
    std::size_t add_link(std::array<std::unique_ptr<SimulatedLink>, 2> ends);
    SimulatedLink& link(std::size_t index, std::size_t side) { return *wires_[index].ends[side]; }
    braid::protocol::MuxPort& port(std::size_t index, std::size_t side) {
        return *wires_[index].ports[side];
    }
    std::size_t links_alive() const;

    /// The link dies now; each side hears of it after its own delay.
    void kill_link(std::size_t index, bool vanish, std::array<Duration, 2> noticed_after);
    void set_rate(std::size_t index, std::uint64_t bytes_per_second);

    /// The process of `side` does not run for so long. Its clock goes on, as when it was stopped,
    /// or stands, as when the whole machine slept.
    void pause(std::size_t side, Duration length, bool clock_stands);

    /// Ends of links that their side has not given up.
    std::size_t ports_left() const;

    /// Links that end by themselves are no violation: the network is worse than they must bear.
    void allow_failures() { failures_allowed_ = true; }

    /// Lets both applications follow the plan.
    StreamPlan& add_plan(const StreamPlan& plan);
    std::deque<StreamPlan>& plans() { return plans_; }

    void at(Duration after_start, std::function<void()> action);
    void run_for(Duration duration) { run_until(now_ + duration); }
    void run_until(Time until);

    /// Handles the next thing that happens.
    void run_step();

    /// Runs until `done`.
    /// @returns false if that did not come about within `most`
    bool run_while_not(const std::function<bool()>& done, Duration most);

    /// Finishes all that is open, and checks all that must have arrived, and that nothing is left.
    void wind_up(Duration most = std::chrono::seconds{120});

    std::uint64_t trace() const;
    std::uint64_t steps() const { return steps_; }

    static constexpr Time start{std::chrono::seconds{1'000}};

private:
    struct Wire {
        std::array<std::unique_ptr<SimulatedLink>, 2> ends;
        std::array<braid::protocol::MuxPort*, 2> ports{};
    };

    void step();
    void resume(std::size_t side);
    bool paused(std::size_t side) const { return paused_until_[side] > now_; }
    bool check_alive(Wire& wire, std::size_t side);
    void drive(std::size_t side);
    Time next_event() const;
    void open(StreamPlan& plan);
    void send_next(StreamPlan& plan, std::size_t side, End* end, std::uint64_t left);
    void start_flows();
    void at_of(std::size_t side, Duration after_start, std::function<void()> action);
    std::size_t size_in(const Flow& flow, DeliveryClass delivery);
    bool all_arrived() const;
    bool arrived(const End& receiver, const End& sender) const;
    bool expects(const End& receiver, std::size_t side) const;
    std::string missing() const;
    void check_nothing_left();

    Random random_;
    Time now_ = start;
    std::uint64_t order_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t at_once_ = 0;
    std::array<std::unique_ptr<Peer>, 2> peers_;
    std::array<Duration, 2> behind_{};
    std::array<Time, 2> paused_until_{};
    std::array<Duration, 2> stands_for_{};
    bool failures_allowed_ = false;
    std::deque<Wire> wires_;
    std::deque<StreamPlan> plans_;
    std::map<std::pair<Time, std::uint64_t>, std::function<void()>> actions_;
    std::set<std::pair<std::size_t, std::uint64_t>> started_;
};

}  // namespace sim
