#include "transport/udp/driver.hpp"

#include "catch.hpp"
#include "transport/udp/rendezvous.hpp"

#include <asio/error.hpp>
#include <asio/post.hpp>

#include <chrono>
#include <memory>
#include <vector>

using namespace braid;
using namespace braid::test;
using namespace braid::transport;

namespace {

asio::awaitable<void> note(asio::awaitable<void> what, bool& done) {
    co_await std::move(what);
    done = true;
}

UdpLink& link_of(Rendezvous::End& end) { return dynamic_cast<UdpLink&>(*end.connection.link); }

}  // namespace

TEST_CASE("what one end of a UDP connection sends the other one reads") {
    asio::io_context context;
    Rendezvous both{context};
    std::vector<Bytes> sent;
    for (unsigned i = 0; i < 40; ++i) {
        sent.push_back(payload(900, i));
        both.left.source.push(sent.back());
    }
    spawn(context, both.left.write_all());
    run(context, both.right.read_messages(sent.size()));
    CHECK(both.right.messages() == sent);
}

TEST_CASE("mail that has come is read without waiting for the socket") {
    asio::io_context context;
    Rendezvous both{context};
    CHECK_FALSE(both.right.connection.driver->catch_up());
    both.left.source.push(payload(100, 1));
    run(context, both.left.write_all());
    // Nobody runs the context from here on.
    REQUIRE(both.right.connection.driver->catch_up());
    both.right.connection.link->drain(both.right.sink, {});
    CHECK(both.right.messages() == std::vector<Bytes>{payload(100, 1)});
}

TEST_CASE("close() ends the wait for UDP mail") {
    asio::io_context context;
    Rendezvous both{context};
    auto& driver = *both.left.connection.driver;
    bool done = false;
    spawn(context, note(driver.read(), done));
    context.restart();
    context.poll();
    CHECK_FALSE(done);
    driver.close();
    driver.close();
    // Whoever closes is not entered again within that call.
    CHECK_FALSE(done);
    context.restart();
    while (!done) REQUIRE(context.run_one_for(std::chrono::seconds{20}) != 0);
    CHECK(both.left.connection.link->failure() == asio::error::operation_aborted);
    CHECK_FALSE(driver.try_write());
    CHECK_FALSE(driver.catch_up());
}

TEST_CASE("who is accepted and cancels ends the wait for its mail") {
    asio::io_context context;
    const auto listener = listen(context, "udp://127.0.0.1:0");
    auto transports = system_transports();
    std::unique_ptr<Encounter> accepted;
    spawn(context, meet_accepting(*listener, accepted));
    const auto dialled = dial(context, transports, connect_address(listener->address()));
    run(context, meet_dialling(*dialled));
    const auto connection = accepted->established();
    dialled->close();
    run(context, connection.driver->read());
    CHECK(connection.link->failure() == asio::error::connection_reset);
}

TEST_CASE("a UDP connection outlives its listener") {
    asio::io_context context;
    Rendezvous both{context};
    both.listener->close();
    both.listener = nullptr;
    both.left.source.push(payload(100, 1));
    run(context, both.left.write_all());
    run(context, both.right.read_messages(1));
    CHECK(both.right.messages() == std::vector<Bytes>{payload(100, 1)});
}

TEST_CASE("two connections of one listener do not read each other's mail") {
    asio::io_context context;
    Rendezvous one{context};
    std::unique_ptr<Encounter> accepted;
    spawn(context, meet_accepting(*one.listener, accepted));
    const auto dialled = dial(context, one.transports, connect_address(one.listener->address()));
    run(context, meet_dialling(*dialled));
    Rendezvous::End left;
    Rendezvous::End right;
    left.connection = dialled->established();
    right.connection = accepted->established();
    left.source.push(payload(100, 1));
    one.left.source.push(payload(200, 2));
    run(context, left.write_all());
    run(context, one.left.write_all());
    run(context, right.read_messages(1));
    run(context, one.right.read_messages(1));
    CHECK(right.messages() == std::vector<Bytes>{payload(100, 1)});
    CHECK(one.right.messages() == std::vector<Bytes>{payload(200, 2)});
    CHECK(link_of(one.right).counters().datagrams_unknown == 0);
}

TEST_CASE("a context may die under a UDP connection, in any order") {
    auto context = std::make_unique<asio::io_context>();
    auto both = std::make_unique<Rendezvous>(*context);
    // Whoever holds an encounter drops it when the context dies, as it holds the strand.
    both->dialled.reset();
    both->accepted.reset();
    bool done = false;
    spawn(*context, note(both->left.connection.driver->read(), done));
    context->restart();
    context->poll();
    SECTION("which is closed first") { both->left.connection.driver->close(); }
    SECTION("which is not") {}
    context.reset();
    both.reset();
    CHECK_FALSE(done);
}
