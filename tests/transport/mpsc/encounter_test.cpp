#include "transport/mpsc/encounter.hpp"

#include "catch.hpp"
#include "transport/loopback.hpp"

#include <braid/error.hpp>

#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <string>
#include <system_error>

using namespace braid;
using namespace braid::test;
using namespace braid::transport;

namespace {

protocol::Hello hello_of(std::string name) {
    protocol::Hello hello;
    hello.application_name = std::move(name);
    hello.idle_ms = 1000;
    return hello;
}

/// Runs the two sides of a handshake, each on its own strand of one context.
void meet(asio::io_context& context, Listener& listener,
          std::function<asio::awaitable<void>(Encounter&)> dialling,
          std::function<asio::awaitable<void>(Encounter&)> accepting) {
    auto transports = system_transports();
    bool accepted = false;
    const auto accept = [&]() -> asio::awaitable<void> {
        const auto encounter = co_await listener.accept();
        co_await accepting(*encounter);
        accepted = true;
    };
    asio::co_spawn(asio::make_strand(context), accept(), [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
    });
    const auto dial = [&]() -> asio::awaitable<void> {
        const ConnectAddr address{to_string(listener.address())};
        const auto encounter = co_await transports.dial(address);
        co_await dialling(*encounter);
        while (!accepted) co_await asio::post(asio::use_awaitable);
    };
    asio::co_spawn(asio::make_strand(context), dial(), [&](std::exception_ptr error) {
        context.stop();
        if (error) std::rethrow_exception(error);
    });
    context.restart();
    context.run_for(std::chrono::seconds{20});
    REQUIRE(accepted);
}

asio::awaitable<std::error_code> error_of(asio::awaitable<protocol::Hello> operation,
                                          std::string* text = nullptr) {
    std::error_code error;
    try {
        co_await std::move(operation);
    } catch (const std::system_error& thrown) {
        error = thrown.code();
        if (text != nullptr) *text = thrown.what();
    }
    co_return error;
}

}  // namespace

TEST_CASE("hellos are handed over as they are, and a connection follows") {
    asio::io_context context;
    const auto listener = listen(context, "mpsc://0");
    Connection left;
    Connection right;
    meet(
        context, *listener,
        [&](Encounter& encounter) -> asio::awaitable<void> {
            auto hello = hello_of("dialling");
            co_await encounter.send_hello(std::move(hello));
            const auto heard = co_await encounter.receive_hello();
            CHECK(heard == hello_of("accepting"));
            left = encounter.established();
        },
        [&](Encounter& encounter) -> asio::awaitable<void> {
            const auto heard = co_await encounter.receive_hello();
            CHECK(heard == hello_of("dialling"));
            auto hello = hello_of("accepting");
            co_await encounter.send_hello(std::move(hello));
            right = encounter.established();
        });
    REQUIRE(left.link != nullptr);
    REQUIRE(right.link != nullptr);
    CHECK_FALSE(left.link->failure());
    CHECK_FALSE(right.link->failure());
}

TEST_CASE("a refusal within the process says why") {
    asio::io_context context;
    const auto listener = listen(context, "mpsc://0");
    std::error_code error;
    std::string text;
    meet(
        context, *listener,
        [&](Encounter& encounter) -> asio::awaitable<void> {
            auto hello = hello_of("dialling");
            co_await encounter.send_hello(std::move(hello));
            error = co_await error_of(encounter.receive_hello(), &text);
        },
        [&](Encounter& encounter) -> asio::awaitable<void> {
            co_await encounter.receive_hello();
            protocol::Refusal refusal;
            refusal.reason = errc::too_many_participants;
            refusal.text = "42 of 42";
            co_await encounter.refuse(std::move(refusal));
        });
    CHECK(error == errc::too_many_participants);
    CHECK(text.find(to_string(listener->address()) + ": 42 of 42") != std::string::npos);
}

TEST_CASE("who is not answered before the other is gone, is reset") {
    asio::io_context context;
    const auto listener = listen(context, "mpsc://0");
    std::error_code error;
    meet(
        context, *listener,
        [&](Encounter& encounter) -> asio::awaitable<void> {
            auto hello = hello_of("dialling");
            co_await encounter.send_hello(std::move(hello));
            error = co_await error_of(encounter.receive_hello());
        },
        [&](Encounter& encounter) -> asio::awaitable<void> {
            encounter.close();
            co_return;
        });
    CHECK(error == asio::error::connection_reset);
}

TEST_CASE("close() ends the wait for a hello") {
    asio::io_context context;
    const auto listener = listen(context, "mpsc://0");
    auto transports = system_transports();
    std::unique_ptr<Encounter> encounter;
    std::error_code error;
    const auto dial = [&]() -> asio::awaitable<void> {
        const ConnectAddr address{to_string(listener->address())};
        encounter = co_await transports.dial(address);
        auto hello = hello_of("dialling");
        co_await encounter->send_hello(std::move(hello));
        error = co_await error_of(encounter->receive_hello());
    };
    const auto strand = asio::make_strand(context);
    asio::co_spawn(strand, dial(), [](std::exception_ptr) {});
    context.restart();
    context.poll();
    CHECK_FALSE(error);
    asio::post(strand, [&] { encounter->close(); });
    context.poll();
    CHECK(error == asio::error::operation_aborted);
}

TEST_CASE("who waits for a hello dies with its context") {
    asio::io_context far;
    const auto listener = listen(far, "mpsc://0");
    const auto held = std::make_shared<int>();
    {
        asio::io_context near;
        const auto dial = [](ConnectAddr address, std::shared_ptr<int>) -> asio::awaitable<void> {
            auto transports = system_transports();
            std::shared_ptr<Encounter> encounter = co_await transports.dial(std::move(address));
            auto hello = hello_of("dialling");
            co_await encounter->send_hello(std::move(hello));
            co_await encounter->receive_hello();
        };
        const ConnectAddr address{to_string(listener->address())};
        asio::co_spawn(near, dial(address, held), [](std::exception_ptr) {});
        near.poll();
        CHECK(held.use_count() == 2);
    }
    CHECK(held.use_count() == 1);
}
