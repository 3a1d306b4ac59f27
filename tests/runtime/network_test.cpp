#include "runtime/network.hpp"

#include "catch.hpp"
#include "runtime/simulated_world.hpp"

using namespace std::chrono_literals;
using braid::errc;
using braid::runtime::Network;
using simulated::error_of;
using simulated::World;

TEST_CASE("a closed network answers nobody and keeps nothing") {
    World world;
    auto server = world.make_core(1);
    auto client = world.make_network(2);
    const auto close = [](std::shared_ptr<Network> core,
                          braid::Network& other) -> asio::awaitable<void> {
        auto listening = co_await Network::listen(core, "tcp://127.0.0.1:0");
        const auto address = to_string(listening->address());
        auto to_core = co_await other.connect(address);
        core->close();
        auto error = co_await error_of(to_core.opened());
        CHECK(error == errc::participant_disconnected);
        REQUIRE(to_core.close_reason());
        CHECK(to_core.close_reason()->code() == braid::close_code::network_destroyed);
        error = co_await error_of(Network::connected(core));
        CHECK(error == errc::network_closed);
        error = co_await error_of(other.connect(address, 1s));
        CHECK(error);
        CHECK(core->stats().participants == 0);
        co_await Network::shutdown(core, 1s);
    };
    world.run(close(server, client));
    const std::weak_ptr<Network> gone{server};
    server.reset();
    world.pass(1s);
    CHECK(gone.expired());
}
