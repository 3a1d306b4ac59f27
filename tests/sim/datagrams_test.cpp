// The network below UDP's link does what its options say: what is tested over it rests on that.

#include "sim/datagrams.hpp"

#include "catch.hpp"
#include "sim/check.hpp"

#include <algorithm>
#include <set>
#include <vector>

using namespace std::chrono_literals;
using sim::DatagramNetwork;
using sim::PathOptions;
using sim::Time;

namespace {

constexpr Time start{1'000s};

std::vector<std::byte> bytes_of(std::size_t size, std::uint8_t value = 1) {
    return std::vector<std::byte>(size, std::byte{value});
}

PathOptions ample() {
    PathOptions path;
    path.rate_bytes_per_second = 1'000'000'000;
    path.queue_bytes = 100'000'000;
    path.delay = 10ms;
    return path;
}

struct Trial {
    explicit Trial(const PathOptions& path) : network{{path, path}, 7} {}

    void send(std::size_t count, std::size_t size, Time at = start) {
        for (std::size_t i = 0; i < count; ++i) {
            network.send(0, network.address(1), bytes_of(size, static_cast<std::uint8_t>(i)), at);
        }
    }

    /// Reads as each arrives.
    std::vector<DatagramNetwork::Datagram> all(std::size_t side = 1) {
        std::vector<DatagramNetwork::Datagram> arrived;
        while (network.next_arrival(side) != braid::protocol::never) {
            last = network.next_arrival(side);
            while (auto datagram = network.receive(side, last)) arrived.push_back(*datagram);
        }
        return arrived;
    }

    DatagramNetwork network;
    Time last{};
};

bool near(std::size_t count, double expected) {
    return static_cast<double>(count) > 0.8 * expected &&
           static_cast<double>(count) < 1.2 * expected;
}

}  // namespace

TEST_CASE("A path carries its rate after its delay and drops what its queue does not hold") {
    auto path = ample();
    path.rate_bytes_per_second = 250'000;
    path.queue_bytes = 20'000;
    Trial trial{path};
    trial.send(100, 1'000);
    const auto arrived = trial.all();
    CHECK(near(arrived.size(), 20));
    const auto wire =
        std::chrono::duration<double>(static_cast<double>(arrived.size()) * 1'028 / 250'000);
    const std::chrono::duration<double> took = trial.last - start - path.delay;
    CHECK(took.count() == Approx(wire.count()).epsilon(0.01));
    CHECK(trial.network.counters(0).dropped == 100 - arrived.size());
}

TEST_CASE("A path loses its share evenly or in bursts") {
    auto path = ample();
    SECTION("evenly") { path.loss = 0.3; }
    SECTION("in bursts") {
        path.burst_begin = 0.1;
        path.burst_end = 0.2;
        path.burst_loss = 0.9;  // a third of the time is bad
    }
    Trial trial{path};
    trial.send(5'000, 10);
    trial.all();
    CHECK(near(trial.network.counters(0).lost, 1'500));
}

TEST_CASE("A path doubles damages shortens and lets overtake") {
    auto path = ample();
    path.duplicated = 0.1;
    path.corrupted = 0.1;
    path.truncated = 0.1;
    path.late = 0.1;
    path.late_by = 20ms;
    Trial trial{path};
    trial.send(5'000, 100, start);
    const auto arrived = trial.all();
    CHECK(near(arrived.size() - 5'000, 500));
    std::size_t shorter = 0;
    std::size_t damaged = 0;
    std::size_t overtaken = 0;
    int last = 0;
    for (const auto& datagram : arrived) {
        const auto& bytes = datagram.bytes;
        if (bytes.size() < 100) ++shorter;
        if (bytes.empty()) continue;
        const bool even = std::all_of(bytes.begin(), bytes.end(),
                                      [&](std::byte byte) { return byte == bytes.front(); });
        if (!even) ++damaged;
        const auto number = std::to_integer<int>(bytes.front());
        if (number < last && last - number < 128) ++overtaken;
        last = number;
    }
    CHECK(near(shorter, 550));
    CHECK(damaged > 400);
    CHECK(overtaken > 100);
}

TEST_CASE("What is too long for a path vanishes and what is held up comes at once") {
    auto path = ample();
    path.bytes_max = 1'300;
    path.held_until = start + 1s;
    Trial trial{path};
    trial.send(5, 1'300);
    trial.send(5, 1'301);
    trial.send(5, 100, start + 500ms);
    CHECK(trial.network.next_arrival(1) == start + 1s);
    CHECK(trial.all().size() == 10);
    CHECK(trial.last == start + 1s);
}

TEST_CASE("A socket holds what the system holds while its process does not read") {
    Trial trial{ample()};
    trial.send(300, 1'000);
    std::size_t count = 0;
    while (trial.network.receive(1, start + 10s)) ++count;
    CHECK(count == 212'992 / 1'028);
    CHECK(trial.network.counters(0).dropped == 300 - count);
}

TEST_CASE("After a NAT forgot a host nothing reaches its old address") {
    Trial trial{ample()};
    auto& network = trial.network;
    const auto old = network.address(0);
    network.rebind(0, false);
    CHECK(network.address(0).same_host(old));
    CHECK(network.address(0) != old);
    network.send(1, old, bytes_of(10), start);
    CHECK(trial.all(0).empty());
    network.send(1, network.address(0), bytes_of(10), start);
    CHECK(trial.all(0).size() == 1);
    network.rebind(0, true);
    CHECK_FALSE(network.address(0).same_host(old));
    trial.send(1, 10);
    CHECK(trial.all().front().from == network.address(0));
}

TEST_CASE("An adversary copies replays and makes up datagrams and is sent thrice as much at most") {
    auto path = ample();
    Trial trial{path};
    auto& network = trial.network;
    network.adversary(0) = {.copied = 0.5, .replayed = 0.3, .junk = 0.2, .resets = 0.1};
    trial.send(1'000, 100);
    const auto arrived = trial.all();
    CHECK(near(network.counters(0).injected, 1'100));
    CHECK(arrived.size() == 1'000 + network.counters(0).injected);
    const auto stranger = std::find_if(arrived.begin(), arrived.end(), [](const auto& datagram) {
        return DatagramNetwork::is_stranger(datagram.from);
    });
    REQUIRE(stranger != arrived.end());
    std::size_t received = 0;
    for (const auto& datagram : arrived) {
        if (datagram.from == stranger->from) received += datagram.bytes.size();
    }
    CHECK_NOTHROW(network.send(1, stranger->from, bytes_of(3 * received), start));
    CHECK_THROWS_AS(network.send(1, stranger->from, bytes_of(1), start), sim::Violation);
}
