#include "runtime/stream.hpp"

#include "catch.hpp"
#include "runtime/simulated_world.hpp"

using namespace std::chrono_literals;
using braid::runtime::Network;
using braid::runtime::Participant;
using braid::runtime::Stream;
using simulated::World;

TEST_CASE("what the inbox of a lossy stream drops is counted") {
    World world;
    braid::Limits limits;
    limits.lossy_receive_queue_bytes = 1000;
    auto server = world.make_core(1, limits);
    auto client = world.make_network(2);
    const auto flood = [](std::shared_ptr<Network> core,
                          braid::Network& other) -> asio::awaitable<void> {
        auto listening = co_await Network::listen(core, "tcp://127.0.0.1:0");
        auto to_core = co_await other.connect(to_string(listening->address()));
        auto stream = co_await to_core.open(4, braid::Promises::ordered);
        for (int i = 0; i < 1000; ++i) stream.send(i);
        co_await stream.drained();
        auto from_other = co_await Network::connected(core);
        auto opened = co_await Participant::opened(from_other);
        stream.finish();
        braid::detail::Arrived arrived;
        int count = 0;
        for (;;) {
            const auto arrival = opened->look(arrived);
            if (arrival == Stream::Arrival::ended) break;
            if (arrival == Stream::Arrival::nothing) {
                co_await Stream::wait(opened);
                continue;
            }
            opened->taken();
            ++count;
        }
        CHECK(count < 60);
        CHECK(opened->messages_dropped() + static_cast<unsigned>(count) == 1000);
        opened->release();
    };
    world.run(flood(server, client));
    server->close();
    world.pass(1s);
}
