#include "peers/asio_idle.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <utility>

namespace bench {

namespace {

using asio::ip::tcp;

asio::awaitable<void> wait_for_input(tcp::socket socket) {
    asio::error_code error;
    co_await socket.async_wait(tcp::socket::wait_read,
                               asio::redirect_error(asio::use_awaitable, error));
}

asio::awaitable<void> listen(IdleSide& side) {
    const auto executor = co_await asio::this_coro::executor;
    tcp::acceptor acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    side.begin();
    side.listening(acceptor.local_endpoint().port());
    while (true) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(executor, wait_for_input(std::move(socket)), asio::detached);
        side.established();
    }
}

asio::awaitable<void> dial(IdleSide& side) {
    const auto executor = co_await asio::this_coro::executor;
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), side.port());
    side.begin();
    for (unsigned index = 0; index < side.participants(); ++index) {
        tcp::socket socket(executor);
        co_await socket.async_connect(endpoint, asio::use_awaitable);
        asio::co_spawn(executor, wait_for_input(std::move(socket)), asio::detached);
        side.established();
    }
}

void run(asio::awaitable<void> work) {
    asio::io_context context(1);
    std::exception_ptr failure;
    asio::co_spawn(context, std::move(work),
                   [&failure](std::exception_ptr thrown) { failure = std::move(thrown); });
    context.run();
    if (failure) {
        std::rethrow_exception(failure);
    }
}

}  // namespace

IdlePeer asio_idle() {
    return {"asio-wait", [](IdleSide& side) { run(listen(side)); },
            [](IdleSide& side) { run(dial(side)); }};
}

}  // namespace bench
