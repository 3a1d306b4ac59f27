#include "transport/mpsc/listener.hpp"

#include "catch.hpp"
#include "transport/loopback.hpp"

#include <braid/error.hpp>

#include <asio/error.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace braid;
using namespace braid::test;
using namespace braid::transport;

namespace {

template <typename Function>
std::error_code code_of(Function function) {
    try {
        function();
    } catch (const std::system_error& error) {
        return error.code();
    }
    return {};
}

PassageEnd knock_at(const ListenAddr& address) {
    auto passage = std::make_shared<Passage>();
    knock(address.channel(), passage);
    return PassageEnd{std::move(passage), Passage::Side::dialling};
}

}  // namespace

TEST_CASE("number 0 takes a free one, and each listener another") {
    asio::io_context context;
    const auto one = listen(context, "mpsc://0");
    const auto two = listen(context, "mpsc://0");
    CHECK(one->address().channel() != 0);
    CHECK(one->address() != two->address());
}

TEST_CASE("a number that is taken is refused as a port is, until it is free again") {
    asio::io_context context;
    auto first = listen(context, "mpsc://4711");
    CHECK(code_of([&] { listen(context, "mpsc://4711"); }) == asio::error::address_in_use);
    first->close();
    auto second = listen(context, "mpsc://4711");
    first.reset();
    CHECK(code_of([&] { listen(context, "mpsc://4711"); }) == asio::error::address_in_use);
    second.reset();
    CHECK_FALSE(code_of([&] { listen(context, "mpsc://4711"); }));
}

TEST_CASE("a number is free again when its context dies") {
    {
        asio::io_context context;
        std::shared_ptr<Listener> listener = listen(context, "mpsc://4712");
        const auto accept = [](std::shared_ptr<Listener> held) -> asio::awaitable<void> {
            co_await held->accept();
        };
        asio::co_spawn(context, accept(std::move(listener)), [](std::exception_ptr) {});
        context.restart();
        context.poll();
    }
    asio::io_context other;
    CHECK_FALSE(code_of([&] { listen(other, "mpsc://4712"); }));
}

TEST_CASE("nobody listens: refused, with a text that says so") {
    try {
        knock_at("mpsc://4713");
        FAIL("it was taken");
    } catch (const ConnectError& error) {
        CHECK(error.code() == asio::error::connection_refused);
        CHECK(std::string{error.what()}.find("mpsc://4713: nobody in this process") !=
              std::string::npos);
    }
}

TEST_CASE("so many wait to be taken, and no more, unless some have given up") {
    asio::io_context context;
    const auto listener = listen(context, "mpsc://0");
    std::vector<PassageEnd> waiting;
    for (std::size_t i = 0; i < MpscListener::backlog_max; ++i) {
        waiting.push_back(knock_at(listener->address()));
    }
    CHECK(code_of([&] { knock_at(listener->address()); }) == asio::error::connection_refused);
    waiting.pop_back();
    CHECK_FALSE(code_of([&] { waiting.push_back(knock_at(listener->address())); }));
}

TEST_CASE("those who have left are not accepted") {
    asio::io_context context;
    const auto listener = listen(context, "mpsc://0");
    knock_at(listener->address());
    auto stays = knock_at(listener->address());
    protocol::Hello hello;
    hello.application_name = "stays";
    stays.say(hello);
    std::unique_ptr<Encounter> encounter;
    std::string name;
    const auto accept = [&]() -> asio::awaitable<void> {
        encounter = co_await listener->accept();
        const auto heard = co_await encounter->receive_hello();
        name = heard.application_name;
    };
    run(context, accept());
    CHECK(name == "stays");
    CHECK(encounter->peer_host().empty());
    CHECK(encounter->peer_address() == to_string(listener->address()));
}

TEST_CASE("close() ends accept() and turns away those who wait") {
    asio::io_context context;
    const auto listener = listen(context, "mpsc://0");
    std::error_code code;
    const auto accept = [&]() -> asio::awaitable<void> {
        try {
            co_await listener->accept();
        } catch (const NetworkError& error) {
            code = error.code();
        }
    };
    asio::co_spawn(context, accept(), [](std::exception_ptr) {});
    context.restart();
    context.poll();
    listener->close();
    context.poll();
    CHECK(code == asio::error::operation_aborted);
    CHECK(code_of([&] { knock_at(listener->address()); }) == asio::error::connection_refused);
}
