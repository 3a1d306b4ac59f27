#pragma once

#include "catch.hpp"

#include <braid/braid.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

/// Coroutines as tests, over TCP on loopback.
namespace trial {

using namespace std::chrono_literals;
using asio::awaitable;

/// Runs `main` to its end on `threads` threads. Fails if it throws or takes much too long.
inline void run(asio::io_context& context, awaitable<void> main, unsigned threads = 1) {
    std::exception_ptr error;
    bool done = false;
    asio::co_spawn(context, std::move(main), [&](std::exception_ptr thrown) {
        error = thrown;
        done = true;
        context.stop();
    });
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads; ++i) {
        others.emplace_back([&] { context.run_for(60s); });
    }
    context.run_for(60s);
    for (auto& other : others) other.join();
    if (error) std::rethrow_exception(error);
    REQUIRE(done);
}

inline void run(awaitable<void> main, unsigned threads = 1) {
    asio::io_context context;
    run(context, std::move(main), threads);
}

/// Two Networks that know each other.
class Pair {
public:
    Pair(braid::Network server_, braid::Network client_, braid::Participant at_server_,
         braid::Participant at_client_)
        : server{std::move(server_)},
          client{std::move(client_)},
          at_server{std::move(at_server_)},
          at_client{std::move(at_client_)} {}

    braid::Network server;
    braid::Network client;
    braid::Participant at_server;  ///< the client, as the server sees it
    braid::Participant at_client;  ///< the server, as the client sees it
};

inline braid::NetworkOptions with(const braid::Limits& limits) {
    return braid::NetworkOptions{}.limits(limits).log_level(braid::LogLevel::off);
}

/// The server listens at `where`, which has to be free.
inline awaitable<Pair> make_pair_at(std::string where, braid::NetworkOptions server_options,
                                    braid::NetworkOptions client_options) {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network server{executor, server_options};
    braid::Network client{executor, client_options};
    auto listener = co_await server.listen(where);
    const auto address = to_string(listener.address());
    auto at_client = co_await client.connect(address);
    auto at_server = co_await server.connected();
    co_return Pair{std::move(server), std::move(client), std::move(at_server),
                   std::move(at_client)};
}

inline awaitable<Pair> make_pair(braid::Limits server_limits = {},
                                 braid::Limits client_limits = {}) {
    return make_pair_at("tcp://127.0.0.1:0", with(server_limits), with(client_limits));
}

/// Both ends of one stream, opened by the client.
class Lane {
public:
    Lane(braid::Stream client_, braid::Stream server_)
        : client{std::move(client_)}, server{std::move(server_)} {}

    braid::Stream client;
    braid::Stream server;
};

inline awaitable<Lane> make_lane(Pair& pair, braid::StreamOptions options = {}) {
    auto client = co_await pair.at_client.open(options);
    auto server = co_await pair.at_server.opened();
    co_return Lane{std::move(client), std::move(server)};
}

/// The error with which `operation` ends; none if it succeeds.
template <typename T>
awaitable<std::error_code> error_of(awaitable<T> operation) {
    std::error_code error;
    try {
        co_await std::move(operation);
    } catch (const std::system_error& thrown) {
        error = thrown.code();
    }
    co_return error;
}

template <typename Function>
std::error_code thrown_by(Function function) {
    try {
        function();
    } catch (const std::system_error& thrown) {
        return thrown.code();
    }
    return {};
}

/// Waits in virtual patience: lets all else that is ready run first.
inline awaitable<void> give_way(int times = 20) {
    for (int i = 0; i < times; ++i) co_await asio::post(asio::use_awaitable);
}

/// Waits until `condition` holds, for things that no event announces.
template <typename Condition>
awaitable<void> until(Condition condition) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    for (int i = 0; i < 20'000 && !condition(); ++i) {
        timer.expires_after(1ms);
        co_await timer.async_wait(asio::use_awaitable);
    }
    CHECK(condition());
}

}  // namespace trial
