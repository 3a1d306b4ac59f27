#include "protocol/message_queue.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <algorithm>
#include <deque>

using braid::Message;
using braid::protocol::Duration;
using braid::protocol::MessageQueue;
using braid::protocol::Time;

namespace {

struct Expected {
    std::uint64_t number;
    std::size_t charge;
    std::vector<std::byte> bytes;
};

class Pair {
public:
    explicit Pair(std::uint64_t seed) : random_{seed} {}

    void push() {
        const bool large = random_.chance(0.05);
        const auto size = large ? random_.between(MessageQueue::large_bytes_min, 40'000)
                                : random_.magnitude(2'000);
        Expected message{random_.next(), random_.below(1'000'000), random_.bytes(size)};
        if (random_.chance(0.5)) {
            queue.push(message.number, message.charge, std::span<const std::byte>{message.bytes});
        } else {
            queue.push(message.number, message.charge, Message{message.bytes});
        }
        expected.push_back(std::move(message));
    }

    void pop() {
        MessageQueue::Front front;
        REQUIRE(queue.front(front));
        const auto& wanted = expected.front();
        REQUIRE(front.number == wanted.number);
        REQUIRE(front.charge == wanted.charge);
        REQUIRE(std::ranges::equal(front.bytes, wanted.bytes));
        if (front.large != nullptr && random_.chance(0.5)) {
            const auto taken = std::move(*front.large);
            REQUIRE(std::ranges::equal(taken.bytes(), wanted.bytes));
        }
        queue.pop();
        expected.pop_front();
    }

    void check() {
        std::size_t bytes = 0;
        for (const auto& message : expected) bytes += message.bytes.size();
        REQUIRE(queue.size() == expected.size());
        REQUIRE(queue.empty() == expected.empty());
        REQUIRE(queue.payload_bytes() == bytes);
        MessageQueue::Front front;
        REQUIRE(queue.front(front) == !expected.empty());
    }

    MessageQueue queue;
    std::deque<Expected> expected;

private:
    sim::Random random_;
};

}  // namespace

TEST_CASE("A message queue gives back what it was given, in order") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed + 1'000};
        Pair pair{seed};
        double growing = 0.6;
        for (int step = 0; step < 600; ++step) {
            if (step % 150 == 149) growing = 1.0 - growing;
            if (pair.expected.empty() || random.chance(growing)) {
                pair.push();
            } else {
                pair.pop();
            }
            if (random.chance(0.1)) pair.queue.shrink();
            pair.check();
        }
        while (!pair.expected.empty()) pair.pop();
        pair.check();
    }
}

TEST_CASE("Message queues can be joined and swapped") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        Pair here{seed + 100};
        Pair there{seed + 200};
        for (int round = 0; round < 20; ++round) {
            for (auto n = random.below(6); n > 0; --n) here.push();
            for (auto n = random.below(6); n > 0; --n) there.push();
            for (auto n = random.below(here.expected.size() + 1); n > 0; --n) here.pop();
            if (random.chance(0.3)) {
                here.queue.swap(there.queue);
                here.expected.swap(there.expected);
            }
            here.queue.append(there.queue, Time{});
            for (auto& message : there.expected) here.expected.push_back(std::move(message));
            there.expected.clear();
            here.check();
            there.check();
        }
        while (!here.expected.empty()) here.pop();
    }
}

TEST_CASE("A message queue knows when each batch came") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        Pair batch{seed + 300};
        Pair incoming{seed + 400};
        Pair taken{seed + 500};
        std::deque<Time> arrived_incoming;
        std::deque<Time> arrived_taken;
        Time now{};
        for (int round = 0; round < 100; ++round) {
            if (random.chance(0.7)) now += Duration{random.between(1, 1'000'000'000'000'000)};
            for (auto n = random.below(4); n > 0; --n) batch.push();
            incoming.queue.append(batch.queue, now);
            for (auto& message : batch.expected) {
                incoming.expected.push_back(std::move(message));
                arrived_incoming.push_back(now);
            }
            batch.expected.clear();
            if (taken.expected.empty()) {
                taken.queue.swap(incoming.queue);
                taken.expected.swap(incoming.expected);
                arrived_taken.swap(arrived_incoming);
            }
            for (auto n = random.below(taken.expected.size() + 1); n > 0; --n) {
                MessageQueue::Front front;
                REQUIRE(taken.queue.front(front));
                REQUIRE(front.arrived == arrived_taken.front());
                arrived_taken.pop_front();
                taken.pop();
            }
            taken.check();
            incoming.check();
        }
    }
}

TEST_CASE("A message queue counts empty messages") {
    MessageQueue queue;
    queue.push(7, 32, std::span<const std::byte>{});
    queue.push(8, 32, Message{});
    MessageQueue::Front front;
    REQUIRE(queue.front(front));
    CHECK(front.number == 7);
    CHECK(front.bytes.empty());
    queue.pop();
    REQUIRE(queue.front(front));
    CHECK(front.number == 8);
    queue.pop();
    CHECK(queue.empty());
}
