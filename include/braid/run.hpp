#pragma once

#include <braid/export.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <optional>
#include <utility>

namespace braid {

/// Runs a program that is a coroutine, on one thread; returns or throws what it does. Coroutines
/// that it has spawned and that still run then are dropped.
BRAID_API void run(asio::awaitable<void> main);

namespace detail {
template <typename T>
asio::awaitable<void> keep_result(asio::awaitable<T> main, std::optional<T>& result) {
    result.emplace(co_await std::move(main));
}
}  // namespace detail

template <typename T>
T run(asio::awaitable<T> main) {
    std::optional<T> result;
    run(detail::keep_result(std::move(main), result));
    return std::move(*result);
}

/// Starts a coroutine on `executor` and lets it go. An exception that leaves it ends the program,
/// as it does with a thread.
BRAID_API void spawn(asio::any_io_executor executor, asio::awaitable<void> coroutine);

}  // namespace braid
