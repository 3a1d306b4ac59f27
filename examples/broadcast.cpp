// One server sends the same world to many clients: packed, checksummed and compressed once.

#include "command_line.hpp"

#include <braid/braid.hpp>

#include <asio/this_coro.hpp>

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

namespace {

constexpr auto usage = "broadcast [clients (100)] [address (tcp://127.0.0.1:0)]\n";
constexpr auto promises = braid::Promises::reliable | braid::Promises::compressed;

struct Tile {
    std::uint16_t kind;
    std::uint16_t height;
};

struct World {
    std::string name;
    std::vector<Tile> tiles;
};

/// Answers with what it got, so that the server can tell.
asio::awaitable<void> watch(std::string address) {
    braid::Network network{co_await asio::this_coro::executor};
    auto server = co_await network.connect(address);
    auto stream = co_await server.opened();
    const auto world = co_await stream.recv<World>();
    stream.send(static_cast<std::uint64_t>(world.tiles.size()));
    co_await network.shutdown();
}

asio::awaitable<void> broadcast(std::size_t clients, std::string address) {
    const auto executor = co_await asio::this_coro::executor;
    // All clients are on this machine, which is exempt from the limit for each address.
    braid::Network network{executor};
    const auto listener = co_await network.listen(address);

    std::vector<braid::Participant> participants;
    std::vector<braid::Stream> streams;
    for (std::size_t i = 0; i < clients; ++i) {
        braid::spawn(executor, watch(to_string(listener.address())));
        participants.push_back(co_await network.connected());
        streams.push_back(co_await participants.back().open(4, promises));
    }

    const World world{"Midgard", std::vector<Tile>(64 * 64, Tile{3, 140})};
    const auto message = braid::Message::pack(world, promises);
    for (auto& stream : streams) stream.send(message);
    std::cout << "sent " << message.size() << " bytes to " << streams.size() << " clients\n";

    std::size_t complete = 0;
    for (auto& stream : streams) {
        if (co_await stream.recv<std::uint64_t>() == world.tiles.size()) ++complete;
    }
    std::cout << complete << " of " << streams.size() << " have the whole world\n";
    co_await network.shutdown();
}

}  // namespace

int main(int argc, char** argv) {
    const auto words = arguments(argc, argv, usage, 2);
    try {
        braid::run(broadcast(std::stoul(argument_or(words, 0, "100")),
                             argument_or(words, 1, "tcp://127.0.0.1:0")));
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n' << usage;
        return 1;
    }
}
