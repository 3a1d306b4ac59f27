#include "transport/doorbell.hpp"

#include "catch.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/strand.hpp>

#include <memory>
#include <thread>

using braid::transport::Doorbell;

namespace {

asio::awaitable<void> count_rings(std::shared_ptr<Doorbell> bell, int& rings,
                                  std::shared_ptr<int> frame) {
    for (;; ++*frame) {
        co_await Doorbell::wait(bell);
        ++rings;
    }
}

}  // namespace

TEST_CASE("a doorbell wakes who waits from any thread, once for each round of the strand") {
    asio::io_context context;
    const auto strand = asio::make_strand(context);
    const auto bell = Doorbell::make(strand);
    int rings = 0;
    asio::co_spawn(strand, count_rings(bell, rings, std::make_shared<int>()), asio::detached);
    context.poll();
    CHECK(rings == 0);
    std::thread{[&] { bell->ring(); }}.join();
    CHECK(rings == 0);
    context.poll();
    CHECK(rings == 1);
    bell->take_down();
    bell->ring();
    context.poll();
    CHECK(rings == 1);
}

TEST_CASE("a doorbell that rang before somebody waits is heard") {
    asio::io_context context;
    const auto strand = asio::make_strand(context);
    const auto bell = Doorbell::make(strand);
    bell->ring();
    context.poll();
    context.restart();
    int rings = 0;
    asio::co_spawn(strand, count_rings(bell, rings, std::make_shared<int>()), asio::detached);
    context.poll();
    CHECK(rings == 1);
    bell->take_down();
}

TEST_CASE("who waits at a doorbell dies with its context, and ringing later does nothing") {
    const auto frame = std::make_shared<int>();
    std::shared_ptr<Doorbell> bell;
    int rings = 0;
    {
        asio::io_context context;
        const auto strand = asio::make_strand(context);
        bell = Doorbell::make(strand);
        asio::co_spawn(strand, count_rings(bell, rings, frame), asio::detached);
        context.poll();
        CHECK(frame.use_count() == 2);
    }
    CHECK(frame.use_count() == 1);
    bell->ring();
    CHECK(rings == 0);
}

TEST_CASE("a thread may ring while the context dies") {
    for (int round = 0; round < 200; ++round) {
        auto context = std::make_unique<asio::io_context>();
        const auto bell = Doorbell::make(asio::make_strand(*context));
        std::thread ringing{[bell] {
            for (int i = 0; i < 50; ++i) bell->ring();
        }};
        context.reset();
        ringing.join();
        CHECK(bell.use_count() == 1);
    }
}
