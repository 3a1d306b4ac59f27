#include "runtime/cork.hpp"

#include "catch.hpp"
#include "runtime/participant.hpp"
#include "runtime/simulated_world.hpp"

#include <thread>

using namespace std::chrono_literals;
using braid::runtime::HeldFlushes;
using braid::runtime::Network;
using simulated::World;

TEST_CASE("a corked thread owes each participant one flush") {
    World world;
    auto server = world.make_network(1);
    auto client = world.make_core(2);
    std::shared_ptr<braid::runtime::Participant> participant;
    const auto meet =
        [](braid::Network& to, std::shared_ptr<Network> from,
           std::shared_ptr<braid::runtime::Participant>& found) -> asio::awaitable<void> {
        auto listener = co_await to.listen("tcp://127.0.0.1:0");
        braid::ConnectAddr address{to_string(listener.address())};
        found = co_await Network::connect(from, address, 10s);
    };
    world.run(meet(server, client, participant));
    world.context.restart();
    while (world.context.poll() != 0) continue;

    auto& held = HeldFlushes::of_this_thread();
    const auto users = participant.use_count();
    CHECK_FALSE(held.take(participant));
    held.begin();
    held.begin();
    CHECK(held.take(participant));
    CHECK(held.take(participant));
    CHECK(participant.use_count() == users + 1);
    held.end();
    CHECK(participant.use_count() == users + 1);
    std::thread other{[&] {
        auto& others = HeldFlushes::of_this_thread();
        CHECK_FALSE(others.take(participant));
        others.begin();
        CHECK(others.take(participant));  // the first thread flushes for both
        others.end();
    }};
    other.join();
    CHECK(participant.use_count() == users + 1);
    CHECK(world.context.poll() == 0);
    held.end();
    CHECK(world.context.poll() == 1);
    CHECK(participant.use_count() == users);
    CHECK_FALSE(held.take(participant));
    client->close();
    participant.reset();
    world.pass(1s);
}
