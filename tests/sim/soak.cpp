#include "sim/soak.hpp"

#include "sim/check.hpp"
#include "sim/soak_lane.hpp"

#include <array>
#include <optional>
#include <string>

namespace sim {

using namespace std::chrono_literals;
using braid::Promises;
using braid::protocol::Stream;
using braid::protocol::StreamChange;

namespace {

constexpr std::uint64_t rounds = 50;

// 10 Gbit/s over a machine room, whose switches hold four milliseconds.
PathOptions fast_path() {
    PathOptions path;
    path.rate_bytes_per_second = 1'250'000'000;
    path.queue_bytes = 5'000'000;
    path.delay = 500us;
    path.loss = 0.0001;
    path.duplicated = 0.0001;
    path.late = 0.0001;
    path.late_by = 2ms;
    return path;
}

braid::Limits fast_limits() {
    braid::Limits limits;
    limits.message_bytes = 1u << 20;
    limits.stream_receive_window_bytes_max = 16u << 20;
    limits.participant_receive_window_bytes_max = 32u << 20;
    return limits;
}

// Nothing is packed here: an envelope would be.
constexpr auto in_order = Promises::ordered | Promises::guaranteed_delivery;

struct Kind {
    Promises promises;
    int priority;
    std::size_t sender;
    SoakLane::Shape shape;
    std::size_t queued_max = 0;  ///< as much waits as long as there is anything to send
    Duration every{0};           ///< or one leaves at such intervals
};

constexpr std::array<Kind, 4> kinds{{
    {in_order, 5, 0, {1, 1, 1u << 20}, 8u << 20, {}},
    {Promises::guaranteed_delivery, 6, 0, {2, 0, 200'000}, 2u << 20, {}},
    {in_order, 1, 1, {3, 0, 200}, 0, 100us},
    {Promises::ordered, 0, 0, {4, 8, 1'000}, 0, 100us},
}};

/// Streams of all kinds, and how much of them is still to leave.
class Transfer {
public:
    explicit Transfer(const SoakOptions& options)
        : content_{options.seed},
          pair_{{{fast_path(), fast_path()}, options.seed, fast_limits()},
                Time{1s},
                [this](std::size_t side) { work(side); }},
          watch_{pair_, options} {
        for (const auto& kind : kinds) {
            auto& flow = flows_.emplace_back(kind, SoakLane{content_, kind.shape});
            braid::StreamOptions made;
            made.promises = kind.promises;
            made.priority = kind.priority;
            made.tag = flows_.size() - 1;
            flow.sending = pair_.end(kind.sender).mux->open(made, pair_.now());
        }
    }

    SoakReport run(std::uint64_t bytes) {
        std::optional<double> rate_first;
        for (std::uint64_t round = 1; round <= rounds; ++round) {
            const auto began = pair_.now();
            left_ = bytes / rounds;
            watch_.run_until([this] { return left_ == 0 && all_arrived(); });
            const std::chrono::duration<double> took = pair_.now() - began;
            const auto rate = static_cast<double>(bytes / rounds) / took.count();
            if (!rate_first) rate_first = rate;
            require(rate * 4 > *rate_first, [&] {
                return "much slower than at first: " + std::to_string(rate) + " instead of " +
                       std::to_string(*rate_first) + " bytes a second";
            });
            pair_.run_until(pair_.now() + 1s);
            watch_.check_memory();
            watch_.tell();
        }
        return watch_.report();
    }

private:
    struct Flow {
        Flow(const Kind& made_of, SoakLane made) : kind{made_of}, lane{std::move(made)} {}

        Kind kind;
        SoakLane lane;
        Stream* sending = nullptr;
        Stream* receiving = nullptr;
        Time next_at{};
    };

    void work(std::size_t side) {
        auto& mux = *pair_.end(side).mux;
        mux.take_changed(changed_);
        for (auto* const stream : changed_) {
            auto& flow = flows_[stream->options.tag];
            if (stream->has(StreamChange::opened)) flow.receiving = stream;
            if (stream == flow.receiving) flow.lane.receive(mux, *stream, watch_.report());
            require(!stream->has(StreamChange::ended), "a stream ended");
            stream->changes = 0;
        }
        for (auto& flow : flows_) {
            if (flow.kind.sender == side) fill(flow);
        }
    }

    void fill(Flow& flow) {
        const auto now = pair_.now();
        auto& mux = *pair_.end(flow.kind.sender).mux;
        auto& outbound = flow.sending->outbound;
        while (left_ > 0 && outbound.bytes_queued() < flow.kind.queued_max) {
            left_ -= std::min<std::uint64_t>(left_, flow.lane.send(mux, *flow.sending, now));
        }
        if (flow.kind.every > Duration::zero() && left_ > 0 && flow.next_at <= now) {
            flow.lane.send(mux, *flow.sending, now);
            flow.next_at = now + flow.kind.every;
        }
        outbound.take_freed_bytes();
    }

    bool all_arrived() const {
        for (const auto& flow : flows_) {
            if (!covers(flow.kind.promises, Promises::guaranteed_delivery)) continue;
            if (flow.lane.received() != flow.lane.sent()) return false;
            if (!flow.sending->outbound.settled()) return false;
        }
        return true;
    }

    SoakContent content_;
    std::uint64_t left_ = 0;
    std::vector<Stream*> changed_;
    std::vector<Flow> flows_;
    SoakPair pair_;
    SoakWatch watch_;
};

}  // namespace

SoakReport soak_bytes(std::uint64_t bytes, const SoakOptions& options) {
    return Transfer{options}.run(bytes);
}

}  // namespace sim
