#include "runtime/channel.hpp"

#include "catch.hpp"
#include "protocol/mux.hpp"
#include "runtime/simulated_world.hpp"

#include <asio/strand.hpp>

#include <memory>
#include <optional>

using namespace std::chrono_literals;
using braid::protocol::Time;
using braid::runtime::Channel;
using simulated::World;

namespace {

/// A participant without streams.
struct End final : braid::runtime::ChannelEvents {
    explicit End(bool even) {
        braid::protocol::MuxOptions options;
        options.even_ids = even;
        mux.emplace(options);
    }
    virtual ~End() = default;

    void received(Time) override { ++batches; }
    void filled(Time) override {}
    bool said_goodbye() const noexcept override { return mux->close_sent(); }
    void channel_ended(std::error_code reason) override { ended = reason; }

    std::optional<braid::protocol::Mux> mux;
    int batches = 0;
    std::optional<std::error_code> ended;
};

std::shared_ptr<Channel> start(World& world, std::shared_ptr<End> end,
                               braid::transport::Encounter& encounter, bool dialled) {
    auto channel = std::make_shared<Channel>(end, world.timers, encounter.established());
    auto& port = end->mux->attach(channel->link().traits(), dialled, world.timers->now());
    channel->start(encounter.executor(), port);
    return channel;
}

}  // namespace

TEST_CASE("a channel carries frames until one end closes") {
    World world;
    const auto here = std::make_shared<End>(true);
    const auto there = std::make_shared<End>(false);
    std::shared_ptr<Channel> channel_here;
    std::shared_ptr<Channel> channel_there;
    const auto meet = [&]() -> asio::awaitable<void> {
        auto listener = co_await world.transports->listen("tcp://127.0.0.1:0", {});
        auto dialled = co_await world.transports->dial(to_string(listener->address()));
        auto accepted = co_await listener->accept();
        channel_here = start(world, here, *dialled, true);
        channel_there = start(world, there, *accepted, false);
    };
    world.run(meet());
    here->mux->ping();
    channel_here->wake();
    world.pass(1s);
    CHECK(there->mux->counters().frames_received == 1);
    here->mux->close(braid::CloseReason{5, "done"});
    channel_here->wake();
    world.pass(1s);
    REQUIRE(there->mux->peer_close());
    CHECK(there->mux->peer_close()->code() == 5);
    CHECK(there->ended == braid::errc::participant_lost);
    world.pass(1s);
    CHECK(here->ended);
    CHECK(here->batches > 0);
}
