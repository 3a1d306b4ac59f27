// A game server with a loop of its own, 60 ticks a second, and no coroutine: braid works on the
// threads of an IoThread, the loop asks what has come and sends what is new. Each client gets only
// what has changed since the last snapshot that it is known to have.

#include "command_line.hpp"

#include <braid/braid.hpp>
#include <braid/io_thread.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <iostream>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using braid::Promises;

constexpr auto usage = "tick_server [ticks (120)] [address (tcp://127.0.0.1:0)]\n";
constexpr auto tick_time = std::chrono::nanoseconds{1s} / 60;
constexpr int bots = 3;

/// What a stream is for; the client opens both of them.
enum Tag : std::uint64_t { inputs = 1, snapshots = 2 };

struct Input {
    std::int32_t step;
};

/// Positions by player, of those that moved since `baseline`.
struct Snapshot {
    std::uint32_t tick;
    std::uint32_t baseline;
    std::map<std::uint32_t, std::int32_t> moved;
};

class Client {
public:
    Client(std::uint32_t number, braid::Participant participant)
        : number_{number}, participant_{std::move(participant)} {}

    /// Takes what has come from the client.
    /// @returns false if it has gone
    bool receive(std::map<std::uint32_t, std::int32_t>& positions) {
        while (auto stream = participant_.try_opened()) {
            (stream->options().tag == inputs ? inputs_ : snapshots_).emplace(std::move(*stream));
        }
        if (!inputs_) return true;
        Input input;
        auto status = inputs_->try_recv(input);
        for (; status == braid::RecvStatus::ok; status = inputs_->try_recv(input)) {
            positions[number_] += input.step;
        }
        return status != braid::RecvStatus::closed;
    }

    /// Sends what the client does not know yet.
    void send(std::uint32_t tick, const std::map<std::uint32_t, std::int32_t>& positions) {
        if (!snapshots_) return;
        for (braid::MessageId id; snapshots_->try_receipt(id);) confirm(id);
        Snapshot snapshot{tick, known_tick_, {}};
        for (const auto& [player, position] : positions) {
            const auto known = known_.find(player);
            if (known == known_.end() || known->second != position) {
                snapshot.moved.emplace(player, position);
            }
        }
        braid::MessageId id;
        if (!snapshots_->try_send(snapshot, id)) under_way_.push_back({id, tick, positions});
        if (under_way_.size() > 60) under_way_.pop_front();
    }

private:
    struct Sent {
        braid::MessageId id;
        std::uint32_t tick;
        std::map<std::uint32_t, std::int32_t> positions;
    };

    void confirm(braid::MessageId id) {
        while (!under_way_.empty() && under_way_.front().id <= id) {
            if (under_way_.front().id == id) {
                known_tick_ = under_way_.front().tick;
                known_ = std::move(under_way_.front().positions);
            }
            under_way_.pop_front();
        }
    }

    std::uint32_t number_;
    braid::Participant participant_;
    std::optional<braid::Stream> inputs_;
    std::optional<braid::Stream> snapshots_;
    std::deque<Sent> under_way_;
    std::uint32_t known_tick_ = 0;
    std::map<std::uint32_t, std::int32_t> known_;
};

void serve(braid::Network& network, std::uint32_t ticks) {
    std::map<std::uint32_t, std::int32_t> positions;
    std::list<Client> clients;
    std::uint32_t next_number = 0;
    auto next_tick = std::chrono::steady_clock::now();
    for (std::uint32_t tick = 1; tick <= ticks; ++tick) {
        while (auto participant = network.try_connected()) {
            clients.emplace_back(next_number++, std::move(*participant));
        }
        clients.remove_if([&](Client& client) { return !client.receive(positions); });
        {
            // Everything of this tick leaves at its end: one system call for each client.
            const braid::Cork cork;
            for (auto& client : clients) client.send(tick, positions);
        }
        next_tick += tick_time;
        std::this_thread::sleep_until(next_tick);
    }
    std::cout << ticks << " ticks, " << clients.size() << " clients\n";
}

/// A client that walks, and checks that what it is told can be put together.
void play(std::string address, int step) {
    braid::IoThread io;
    braid::Network network{io.executor()};
    auto server = io.wait(network.connect(address));
    auto input = io.wait(server.open({.tag = inputs}));
    auto news = io.wait(
        server.open({.promises = Promises::ordered, .tag = snapshots, .latest_only = true}));

    std::map<std::uint32_t, std::map<std::uint32_t, std::int32_t>> worlds{{0, {}}};
    std::size_t received = 0;
    std::size_t bytes = 0;
    for (auto status = braid::RecvStatus::empty; status != braid::RecvStatus::closed;) {
        Snapshot snapshot;
        while ((status = news.try_recv(snapshot)) == braid::RecvStatus::ok) {
            const auto baseline = worlds.find(snapshot.baseline);
            if (baseline == worlds.end()) continue;  // this end was too slow to keep what it got
            auto world = baseline->second;
            for (const auto& [player, position] : snapshot.moved) world[player] = position;
            worlds.erase(worlds.begin(), baseline);
            worlds.insert_or_assign(snapshot.tick, std::move(world));
            bytes += braid::packed_size(snapshot);
            ++received;
        }
        if (input.try_send(Input{step})) break;
        std::this_thread::sleep_for(tick_time);
    }
    std::cout << "bot " + std::to_string(step) + ": " + std::to_string(received) + " snapshots, " +
                     std::to_string(bytes) + " bytes, knows " +
                     std::to_string(worlds.rbegin()->second.size()) + " players\n";
}

}  // namespace

int main(int argc, char** argv) {
    const auto words = arguments(argc, argv, usage, 2);
    try {
        const auto ticks = static_cast<std::uint32_t>(std::stoul(argument_or(words, 0, "120")));
        braid::IoThread io;
        braid::Network network{io.executor()};
        const auto listener = io.wait(network.listen(argument_or(words, 1, "tcp://127.0.0.1:0")));
        const auto address = to_string(listener.address());
        std::cout << "listening on " << address << std::endl;

        std::vector<std::thread> players;
        for (int step = 1; step <= bots; ++step) players.emplace_back(play, address, step);
        serve(network, ticks);
        io.wait(network.shutdown());
        for (auto& player : players) player.join();
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n' << usage;
        return 1;
    }
}
