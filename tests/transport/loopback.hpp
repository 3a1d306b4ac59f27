// Connected sockets and a way to run coroutines for tests of what touches the system.
#pragma once

#include "runtime/clock.hpp"
#include "runtime/entropy.hpp"
#include "transport/driver.hpp"
#include "transport/socket_io.hpp"
#include "transport/transport.hpp"

#include <braid/address.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>

namespace braid::test {

/// Two ends of a connection over the loopback interface, ready for use.
struct SocketPair {
    explicit SocketPair(asio::io_context& context) : left{context}, right{context} {
        using asio::ip::tcp;
        tcp::acceptor acceptor{context, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
        left.connect(acceptor.local_endpoint());
        right = acceptor.accept();
        transport::socket_io::prepare(left, true);
        transport::socket_io::prepare(right, true);
    }

    asio::ip::tcp::socket left;
    asio::ip::tcp::socket right;
};

/// Runs `context` until the coroutine is through; rethrows what it throws. The limit only ends
/// tests that would hang.
template <typename T>
void run(asio::io_context& context, asio::awaitable<T> coroutine) {
    bool done = false;
    std::exception_ptr failure;
    const auto finish = [&](std::exception_ptr thrown, auto&&...) {
        done = true;
        failure = thrown;
        context.stop();
    };
    asio::co_spawn(context, std::move(coroutine), finish);
    context.restart();
    context.run_for(std::chrono::seconds{20});
    if (failure) std::rethrow_exception(failure);
    if (!done) throw std::runtime_error{"the coroutine does not end"};
}

/// What users get.
inline transport::SystemTransports system_transports() {
    return {std::make_shared<runtime::SystemClock>(), std::make_shared<runtime::SystemEntropy>()};
}

/// Listens there with the transports that users get.
inline std::unique_ptr<transport::Listener> listen(asio::io_context& context, ListenAddr address,
                                                   Limits limits = {}) {
    std::unique_ptr<transport::Listener> listener;
    auto transports = system_transports();
    const auto start = [&]() -> asio::awaitable<void> {
        listener = co_await transports.listen(address, limits);
    };
    run(context, start());
    return listener;
}

}  // namespace braid::test
