#include "runtime/meeting.hpp"

#include "catch.hpp"
#include "runtime/simulated_world.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/strand.hpp>

using namespace std::chrono_literals;
using braid::runtime::Meeting;
using simulated::World;

TEST_CASE("a meeting ends at its deadline, or when it is closed") {
    World world;
    for (const bool close : {false, true}) {
        const auto meet = [](World& all, bool closing) -> asio::awaitable<void> {
            const asio::any_io_executor strand = asio::make_strand(all.context);
            const auto meeting = Meeting::make(strand, all.timers);
            auto stranger = co_await all.transports->dial("tcp://127.0.0.1:1");
            meeting->begin(std::move(stranger));
            meeting->limit(all.timers->now() + 3s);
            if (closing) meeting->close();
            const auto error = co_await simulated::error_of(meeting->encounter().receive_hello());
            CHECK(error == asio::error::operation_aborted);
            CHECK(meeting->timed_out() == !closing);
            CHECK(meeting->closed());
        };
        CHECK(world.run(meet(world, close)) == (close ? 0s : 3s));
    }
}

TEST_CASE("a meeting may outlive its context") {
    auto world = std::make_unique<World>();
    const auto timers = world->timers;
    const auto meeting = Meeting::make(asio::make_strand(world->context), timers);
    meeting->limit(timers->now() + 3s);
    const auto begin = [](World& all, Meeting& begun) -> asio::awaitable<void> {
        auto stranger = co_await all.transports->dial("tcp://127.0.0.1:1");
        begun.begin(std::move(stranger));
    };
    world->run(begin(*world, *meeting));
    world.reset();
    meeting->close();
    timers->advance_to(timers->now() + 4s);
    CHECK(meeting->timed_out());
}
