#include "runtime/stream.hpp"

#include "catch.hpp"
#include "runtime/simulated_world.hpp"

using namespace std::chrono_literals;
using braid::runtime::Network;
using braid::runtime::Participant;
using braid::runtime::Stream;
using simulated::World;

TEST_CASE("a large message is sent on many streams without a copy") {
    World world;
    auto server = world.make_core(1);
    auto client = world.make_network(2);
    const auto relay = [](std::shared_ptr<Network> core,
                          braid::Network& other) -> asio::awaitable<void> {
        auto listening = co_await Network::listen(core, "tcp://127.0.0.1:0");
        auto to_core = co_await other.connect(to_string(listening->address()));
        auto incoming = co_await to_core.open(4);
        incoming.send(std::string(100'000, 'x'));
        auto from_other = co_await Network::connected(core);
        auto opened = co_await Participant::opened(from_other);
        co_await Stream::wait(opened);
        braid::detail::Arrived arrived;
        REQUIRE(opened->look(arrived) == Stream::Arrival::message);
        REQUIRE(arrived.large != nullptr);
        const auto received = *arrived.large;
        opened->taken();

        const auto packed = braid::Message::pack(std::string(100'000, 'y'));
        const auto compressible = braid::Message::pack(
            std::string(10'000'000, 'z'), braid::Promises::reliable | braid::Promises::compressed);
        const auto compressing = co_await Participant::open(
            from_other, {4, braid::Promises::reliable | braid::Promises::compressed});
        for (int i = 0; i < 3; ++i) {
            const auto reliable = co_await Participant::open(from_other, {4});
            for (const auto* const message : {&received, &packed}) {
                CHECK_FALSE(reliable->send(*message));
                std::size_t records = 0;
                from_other->intake().flush([&](const braid::runtime::Intake::Record& record) {
                    if (record.kind != braid::runtime::Intake::Kind::large) return;
                    ++records;
                    const braid::protocol::BlockReference reference{*record.block};
                    CHECK(record.block->data + 5 == message->bytes().data());
                    CHECK(record.messages.front().bytes == message->size() + 5);
                    reliable->drop_unsent(record.messages.front().bytes);
                });
                CHECK(records == 1);
            }
            CHECK_FALSE(compressing->send(compressible));
            std::size_t records = 0;
            from_other->intake().flush([&](const braid::runtime::Intake::Record& record) {
                if (record.kind != braid::runtime::Intake::Kind::large) return;
                ++records;
                const braid::protocol::BlockReference reference{*record.block};
                CHECK(record.messages.front().bytes < compressible.size() / 100);
                CHECK(record.block->data > compressible.bytes().data() + compressible.size());
                CHECK(record.block->data < compressible.bytes().data() + compressible.size() + 10);
                compressing->drop_unsent(record.messages.front().bytes);
            });
            CHECK(records == 1);
            reliable->release();
        }
        compressing->release();
        opened->release();
    };
    world.run(relay(server, client));
    server->close();
    world.pass(1s);
}

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
        const auto dropped = from_other->stats().messages_dropped_unread;
        CHECK(dropped + static_cast<unsigned>(count) == 1000);
        opened->release();
    };
    world.run(flood(server, client));
    server->close();
    world.pass(1s);
}
