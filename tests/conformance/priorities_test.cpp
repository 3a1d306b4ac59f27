// Who goes first, and that everybody gets a turn, as the two ends see it.

#include "conformance/harness.hpp"

#include <algorithm>
#include <utility>
#include <vector>

using namespace conformance;
using braid::Message;
using braid::Promises;

namespace {

constexpr std::size_t chunk = 64u << 10;

/// One stream under way to a server that stood still: what is to arrive, and what has.
struct Flow {
    Flow(Lane both, int messages) : lane{std::move(both)}, expected{messages} {}

    Lane lane;
    int expected;
    int arrived = 0;
};

/// Counts until `first`, which may be the same, has all.
awaitable<void> count_arrivals(Flow& flow, const Flow& first) {
    while (flow.arrived < flow.expected) {
        co_await flow.lane.server.recv<Message>();
        if (first.arrived == first.expected) break;
        ++flow.arrived;
    }
}

/// Two ends with flows between them that begin together.
class Contest {
public:
    explicit Contest(const Transport& transport)
        : transport_{transport}, apart_{transport, roomy(), roomy()} {}

    Flow& add(braid::Priority priority, int messages, std::uint64_t bandwidth = 0) {
        braid::StreamOptions options;
        options.priority = priority;
        options.promises = Promises::ordered | Promises::guaranteed_delivery;
        options.bandwidth_bytes_per_second = bandwidth;
        flows_.push_back(std::make_unique<Flow>(apart_.lane(options), messages));
        return *flows_.back();
    }

    /// Lets all of them queue while the server stands still, in the order they were added.
    void queue(std::size_t message_bytes = chunk) {
        apart_.stall(7);
        const Message message{pattern(message_bytes)};
        for (const auto& flow : flows_) queue(*flow, message);
    }

    void queue(Flow& flow, const Message& message) {
        for (int i = 0; i < flow.expected; ++i) flow.lane.client.send(message);
        apart_.run_client(give_way());
    }

    /// Runs until all of `first` has arrived.
    void run_until_arrived(Flow& first) {
        for (const auto& flow : flows_) {
            readers_.emplace_back(apart_.server_context.get_executor(),
                                  count_arrivals(*flow, first));
        }
        const auto arrived = [&] { return first.arrived == first.expected; };
        const auto wait = [&]() -> awaitable<void> {
            while (!arrived()) co_await give_way(1);
        };
        // Who turns round all the time takes the processor from whatever loses the packets.
        const auto look_now_and_then = [&]() -> awaitable<void> {
            asio::steady_timer timer{co_await asio::this_coro::executor};
            while (!arrived()) {
                timer.expires_after(1ms);
                co_await timer.async_wait(asio::use_awaitable);
            }
        };
        apart_.run(transport_.loses_nothing ? wait() : look_now_and_then());
    }

    const std::vector<std::unique_ptr<Flow>>& flows() const { return flows_; }

private:
    const Transport& transport_;
    Apart apart_;
    std::vector<std::unique_ptr<Flow>> flows_;
    std::vector<Aside> readers_;
};

}  // namespace

ON_EVERY_TRANSPORT_UNAIDED("an urgent message overtakes bulk that was sent before it") {
    Contest contest{transport};
    auto& bulk = contest.add(7, 500);
    auto& urgent = contest.add(0, 1);
    contest.queue();
    contest.run_until_arrived(urgent);
    CHECK(bulk.arrived < 250);
}

ON_EVERY_TRANSPORT_UNAIDED("the more urgent level is through first at each of the eight") {
    Contest contest{transport};
    for (int level = 7; level >= 0; --level) contest.add(level, 64);
    contest.queue();
    const auto& flows = contest.flows();
    contest.run_until_arrived(*flows[3]);  // of priority 4
    for (std::size_t i = 4; i < flows.size(); ++i) CHECK(flows[i]->arrived == 64);
    for (std::size_t i = 0; i < 3; ++i) CHECK(flows[i]->arrived < 48);
}

ON_EVERY_TRANSPORT_UNAIDED("streams of one priority share the channel equally") {
    Contest contest{transport};
    for (int i = 0; i < 4; ++i) contest.add(4, 200);
    contest.queue();
    contest.run_until_arrived(*contest.flows().front());
    for (const auto& flow : contest.flows()) CHECK(flow->arrived > 150);
}

ON_EVERY_TRANSPORT_UNAIDED("long messages of an equal stream do not push short ones aside") {
    Contest contest{transport};
    auto& bulk = contest.add(4, 32);
    auto& thin = contest.add(4, 100);
    contest.queue(1u << 10);
    // A megabyte a message, behind a stream of a kilobyte each.
    bulk.expected += 32;
    for (int i = 0; i < 32; ++i) bulk.lane.client.send(Message{pattern(1u << 20)});
    contest.run_until_arrived(thin);
    CHECK(bulk.arrived < 48);
}

ON_EVERY_TRANSPORT_UNAIDED("the least urgent level is not starved") {
    Contest contest{transport};
    auto& urgent = contest.add(0, 1500);
    auto& least = contest.add(7, 4);
    contest.queue();
    contest.run_until_arrived(least);
    CHECK(urgent.arrived < 1400);
}

ON_EVERY_TRANSPORT_UNAIDED("a guaranteed bandwidth is given below a flow of higher priority") {
    Contest contest{transport};
    const int share = transport.loses_nothing ? 1 : 4;  // of what would take long
    contest.add(0, 3000 / share);
    auto& plain = contest.add(7, 400 / share);
    auto& guaranteed = contest.add(7, 400 / share, 10'000'000'000u);
    contest.queue();
    contest.run_until_arrived(guaranteed);
    CHECK(plain.arrived < 300 / share);
}

ON_EVERY_TRANSPORT("readers that do not read slow down their own streams only") {
    auto pair = co_await conformance::make_pair(transport);
    const Message message{pattern(10'000)};
    std::vector<Lane> stuck;
    std::size_t accepted = 0;
    for (std::size_t i = 0; i < 6; ++i) {
        stuck.push_back(co_await make_lane(pair));
        while (!stuck.back().client.try_send(message)) {
            ++accepted;
            if (accepted % 10 == 0) co_await give_way(1);
        }
        CHECK(accepted * message.size() <= (i + 1) * (9u << 20));
    }
    auto live = co_await make_lane(pair);
    for (int i = 0; i < 1000; ++i) {
        live.client.send(i);
        co_await expect_numbers(live.server, i, i + 1);
        live.server.send(i);
        co_await expect_numbers(live.client, i, i + 1);
    }
    for (auto& lane : stuck) lane.client.finish();
    for (auto& lane : stuck) {
        while (co_await lane.server.next<Message>()) --accepted;
    }
    CHECK(accepted == 0);
}
