// The same thousand messages on streams with different promises, to a client whose link is slow:
// what each of them lets through, and what it drops.

#include "command_line.hpp"

#include <braid/braid.hpp>

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <string>
#include <system_error>

namespace {

using namespace std::chrono_literals;
using braid::Promises;

constexpr auto usage = "promises [address (tcp://127.0.0.1:0)]\n";
constexpr std::uint32_t count = 1000;

struct Position {
    std::uint32_t number;
    std::array<float, 60> of_bones;
};

/// A lane for each way to send a position.
struct Lane {
    const char* name;
    braid::StreamOptions options;
};

const std::array lanes{
    Lane{"reliable: all of them, in order", {.promises = Promises::reliable, .tag = 0}},
    Lane{"guaranteed: all of them, in any order",
         {.promises = Promises::guaranteed_delivery, .tag = 1}},
    Lane{"latest only: a new one replaces one that waits",
         {.promises = Promises::ordered, .tag = 2, .latest_only = true}},
    Lane{"time to live: none waits for longer than 200 ms",
         {.promises = Promises::ordered, .tag = 3, .time_to_live = 200ms}},
};

asio::awaitable<void> watch(braid::Stream stream) {
    std::uint32_t received = 0;
    std::uint32_t last = 0;
    bool in_order = true;
    while (auto position = co_await stream.next<Position>()) {
        in_order = in_order && (received == 0 || position->number > last);
        last = position->number;
        ++received;
    }
    std::cout << std::setw(5) << received << " of " << count << ", the last was " << last
              << (in_order ? ", in order" : "") << "  <- " << lanes[stream.options().tag].name
              << std::endl;
}

asio::awaitable<void> client(std::string address) {
    braid::Network network{co_await asio::this_coro::executor};
    auto server = co_await network.connect(address);
    while (auto stream = co_await server.next_opened()) {
        braid::spawn(co_await asio::this_coro::executor, watch(std::move(*stream)));
    }
}

asio::awaitable<void> demonstrate(std::string address) {
    const auto executor = co_await asio::this_coro::executor;
    // Bad links on demand: a quarter of a megabyte a second, 40 ms each way.
    braid::LinkSimulation slow;
    slow.outgoing.rate_bytes_per_second = 250'000;
    slow.outgoing.latency = slow.incoming.latency = 40ms;
    braid::Network network{executor, braid::NetworkOptions{}.simulate_link(slow)};
    const auto listener = co_await network.listen(address);
    braid::spawn(executor, client(to_string(listener.address())));

    auto participant = co_await network.connected();
    std::vector<braid::Stream> streams;
    for (const auto& lane : lanes) streams.push_back(co_await participant.open(lane.options));

    // A message every millisecond on each of them is four times what the link carries.
    asio::steady_timer timer{executor};
    for (std::uint32_t number = 0; number < count; ++number) {
        for (auto& stream : streams) stream.send(Position{number, {}});
        timer.expires_after(1ms);
        co_await timer.async_wait(asio::use_awaitable);
    }
    co_await network.shutdown();
}

}  // namespace

int main(int argc, char** argv) {
    const auto words = arguments(argc, argv, usage, 1);
    try {
        braid::run(demonstrate(argument_or(words, 0, "tcp://127.0.0.1:0")));
    } catch (const std::system_error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
