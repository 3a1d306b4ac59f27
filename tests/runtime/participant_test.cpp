#include "runtime/participant.hpp"

#include "catch.hpp"
#include "runtime/simulated_world.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <vector>

using namespace std::chrono_literals;
using braid::runtime::Network;
using braid::runtime::Participant;
using simulated::World;

TEST_CASE("openings are served in order as the peer allows") {
    World world;
    braid::Limits limits;
    limits.peer_streams = 1;
    auto server = world.make_network(1, limits);
    auto client = world.make_network(2);
    const auto queue = [](World& all, braid::Network& one,
                          braid::Network& other) -> asio::awaitable<void> {
        auto listener = co_await one.listen("tcp://127.0.0.1:0");
        auto to_one = co_await other.connect(to_string(listener.address()));
        auto to_other = co_await one.connected();
        std::vector<int> order;
        for (int i = 0; i < 5; ++i) {
            asio::co_spawn(
                all.context,
                [](braid::Participant& peer, std::vector<int>& done,
                   int number) -> asio::awaitable<void> {
                    auto stream = co_await peer.open();
                    stream.send(number);
                    done.push_back(number);
                }(to_one, order, i),
                asio::detached);
        }
        for (int i = 0; i < 5; ++i) {
            auto opened = co_await to_other.opened();
            const auto value = co_await opened.recv<int>();
            CHECK(value == i);
        }
        CHECK(order == std::vector{0, 1, 2, 3, 4});
    };
    world.run(queue(world, server, client));
}

TEST_CASE("streams that nobody will see are given back") {
    World world;
    auto server = world.make_core(1);
    auto client = world.make_network(2);
    const auto open = [](std::shared_ptr<Network> core,
                         braid::Network& other) -> asio::awaitable<void> {
        auto listening = co_await Network::listen(core, "tcp://127.0.0.1:0");
        auto to_core = co_await other.connect(to_string(listening->address()));
        auto stream = co_await to_core.open();
        auto from_other = co_await Network::connected(core);
        from_other->release();
        const auto end = co_await simulated::error_of(to_core.opened());
        CHECK(end == braid::errc::participant_disconnected);
        CHECK(from_other->try_opened() == nullptr);
    };
    world.run(open(server, client));
    server->close();
    world.pass(1s);
}
