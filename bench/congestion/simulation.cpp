#include "congestion/simulation.hpp"

#include <chrono>
#include <queue>
#include <tuple>

namespace bench {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double game_per_second = 60;

struct Event {
    enum class Kind : std::uint8_t { arrival, acknowledgement, sender, receiver, game };

    Time at{};
    std::uint64_t order = 0;
    Kind kind{};
    unsigned flow = 0;
    std::uint64_t value = 0;

    bool operator>(const Event& other) const {
        return std::tie(at, order) > std::tie(other.at, other.order);
    }
};

class Simulation final : public FlowWorld {
public:
    Simulation(const PathPlan& path, const std::vector<FlowPlan>& plans, std::uint64_t seed)
        : bottleneck_{path, seed}, random_{seed + 1} {
        for (const auto& plan : plans) {
            const auto index = static_cast<unsigned>(flows_.size());
            flows_.push_back(std::make_unique<Flow>(plan, index, *this));
            // Each game has a clock of its own.
            const auto first = static_cast<double>(random_.below(1000)) / 1000 / game_per_second;
            put(in(plan.begins_seconds + first), Event::Kind::game, index, 0);
            put(in(plan.begins_seconds), Event::Kind::sender, index, 0);
        }
    }

    void run(double seconds) {
        const auto end = in(seconds);
        while (!events_.empty() && events_.top().at < end) {
            const auto event = events_.top();
            events_.pop();
            now_ = event.at;
            handle(event);
        }
    }

    std::vector<FlowResult> results() const {
        std::vector<FlowResult> all;
        for (const auto& flow : flows_) all.push_back(flow->result());
        return all;
    }

    Time now() const override { return now_; }

    void send(unsigned flow, std::uint64_t number, unsigned bytes) override {
        const auto arrives = bottleneck_.carry(now_, bytes);
        if (arrives) {
            put(*arrives, Event::Kind::arrival, flow, number);
        } else {
            flows_[flow]->dropped();
        }
    }

    void acknowledge(unsigned flow, std::uint64_t received) override {
        const auto arrives = bottleneck_.carry_back(now_);
        if (arrives) put(*arrives, Event::Kind::acknowledgement, flow, received);
    }

    void wake_sender(unsigned flow, Time at) override { put(at, Event::Kind::sender, flow, 0); }
    void wake_receiver(unsigned flow, Time at) override { put(at, Event::Kind::receiver, flow, 0); }

private:
    static Time in(double seconds) {
        return Time{std::chrono::duration_cast<Duration>(Seconds{seconds})};
    }

    void put(Time at, Event::Kind kind, unsigned flow, std::uint64_t value) {
        events_.push({at, order_++, kind, flow, value});
    }

    void handle(const Event& event) {
        auto& flow = *flows_[event.flow];
        switch (event.kind) {
            case Event::Kind::arrival: flow.arrived(event.value); break;
            case Event::Kind::acknowledgement: flow.acknowledged(event.value); break;
            case Event::Kind::sender: flow.sender_awake(); break;
            case Event::Kind::receiver: flow.receiver_awake(); break;
            case Event::Kind::game:
                flow.game_due();
                put(now_ + std::chrono::duration_cast<Duration>(Seconds{1 / game_per_second}),
                    Event::Kind::game, event.flow, 0);
                break;
        }
    }

    Bottleneck bottleneck_;
    sim::Random random_;
    std::vector<std::unique_ptr<Flow>> flows_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::uint64_t order_ = 0;
    Time now_{};
};

}  // namespace

std::vector<FlowResult> simulate(const PathPlan& path, const std::vector<FlowPlan>& flows,
                                 double seconds, std::uint64_t seed) {
    Simulation simulation{path, flows, seed};
    simulation.run(seconds);
    return simulation.results();
}

}  // namespace bench
