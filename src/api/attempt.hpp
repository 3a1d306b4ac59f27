#pragma once

#include <braid/result.hpp>

#include <asio/awaitable.hpp>
#include <asio/error.hpp>

#include <exception>
#include <system_error>
#include <utility>

namespace braid {

/// A failure as the result of another type.
template <typename T, typename From>
Result<T> passed_on(Result<From> failure) {
    try {
        std::move(failure).value();
        std::terminate();
    } catch (const std::system_error& error) {
        return {error, std::current_exception()};
    }
}

/// What `operation` gives or throws, as a result. A cancellation is no result.
template <typename T>
asio::awaitable<Result<T>> attempt(asio::awaitable<T> operation) {
    try {
        auto value = co_await std::move(operation);
        co_return Result<T>{std::move(value)};
    } catch (const std::system_error& error) {
        if (error.code() == asio::error::operation_aborted) throw;
        co_return Result<T>{error, std::current_exception()};
    }
}

}  // namespace braid
