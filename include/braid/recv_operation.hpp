#pragma once

#include <braid/error.hpp>
#include <braid/export.hpp>
#include <braid/id.hpp>
#include <braid/message.hpp>
#include <braid/serialize.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

namespace braid::runtime {
class Stream;
}

// How a coroutine takes messages from a stream: without a coroutine frame of its own when one is
// there, which is what most of the cost would be.

namespace braid::detail {

/// From this size on a message is not copied on its way out.
inline constexpr std::size_t large_bytes_min = 16u << 10;

/// A message where it lies, until taken() is called.
struct Arrived {
    MessageId number{};
    std::chrono::steady_clock::time_point at;
    std::span<const std::byte> bytes;
    Message* large = nullptr;  ///< owns `bytes` if not null; may be moved from
};

enum class Arrival : std::uint8_t { message, nothing, ended };

BRAID_API bool ready(runtime::Stream& stream);
BRAID_API Arrival look(runtime::Stream& stream, Arrived& arrived);
BRAID_API void taken(runtime::Stream& stream);
BRAID_API std::error_code end_of(const runtime::Stream& stream);
BRAID_API asio::awaitable<void> wait(std::shared_ptr<runtime::Stream> stream);
BRAID_API std::shared_ptr<runtime::Stream> keep(runtime::Stream& stream);

/// Takes the message, even if it turns out to be no T.
class Taking {
public:
    explicit Taking(runtime::Stream& stream) noexcept : stream_{stream} {}
    Taking(const Taking&) = delete;
    Taking& operator=(const Taking&) = delete;
    ~Taking() { taken(stream_); }

private:
    runtime::Stream& stream_;
};

/// @throws StreamError (errc::message_malformed)
template <typename T>
T take(runtime::Stream& stream, Arrived& arrived) {
    const Taking taking{stream};
    if constexpr (std::same_as<T, Message>) {
        return arrived.large != nullptr ? std::move(*arrived.large) : Message{arrived.bytes};
    } else {
        return unpack<T>(arrived.bytes);
    }
}

/// What recv() gives: the message, or an exception at the end.
template <typename T>
struct Recv {
    using Result = T;
    static Result resume(runtime::Stream& stream) {
        Arrived arrived;
        if (look(stream, arrived) == Arrival::message) return take<T>(stream, arrived);
        const auto error = end_of(stream);
        throw StreamError{error ? error : errc::stream_closed};
    }
};

/// What next() gives: nothing at a clean end.
template <typename T>
struct Next {
    using Result = std::optional<T>;
    static Result resume(runtime::Stream& stream) {
        Arrived arrived;
        if (look(stream, arrived) == Arrival::message) return take<T>(stream, arrived);
        if (const auto error = end_of(stream)) throw StreamError{error};
        return std::nullopt;
    }
};

template <typename Operation>
asio::awaitable<typename Operation::Result> as_awaitable(std::shared_ptr<runtime::Stream> stream) {
    co_await wait(stream);
    co_return Operation::resume(*stream);
}

}  // namespace braid::detail

#ifndef BRAID_NO_READY_AWAIT

// asio's coroutines can await asio::awaitable<T, Executor> and little else, and hand it through by
// value: a specialisation for a T of our own is let through as it is.
namespace braid::detail {

template <typename Operation>
struct Ready;

}  // namespace braid::detail

template <typename Operation>
class asio::awaitable<braid::detail::Ready<Operation>, asio::any_io_executor> {
public:
    explicit awaitable(braid::runtime::Stream& stream) noexcept : stream_{&stream} {}

    /// For what takes ordinary awaitables only: `||`, co_spawn, returning it from a function.
    /// Cancelling it loses no message.
    asio::awaitable<typename Operation::Result> as_awaitable() && {
        return braid::detail::as_awaitable<Operation>(braid::detail::keep(*stream_));
    }

    bool await_ready() const { return braid::detail::ready(*stream_); }

    template <typename Handle>
    void await_suspend(Handle caller) {
        keeper_ = braid::detail::keep(*stream_);
        slow_.emplace(braid::detail::wait(keeper_));
        slow_->await_suspend(caller);
    }

    typename Operation::Result await_resume() {
        if (slow_) slow_->await_resume();
        return Operation::resume(*stream_);
    }

private:
    braid::runtime::Stream* stream_;
    std::shared_ptr<braid::runtime::Stream> keeper_;
    std::optional<asio::awaitable<void>> slow_;
};

namespace braid {

template <typename T>
using RecvOperation = asio::awaitable<detail::Ready<detail::Recv<T>>>;
template <typename T>
using NextOperation = asio::awaitable<detail::Ready<detail::Next<T>>>;

}  // namespace braid

#else

namespace braid {

template <typename T>
using RecvOperation = asio::awaitable<T>;
template <typename T>
using NextOperation = asio::awaitable<std::optional<T>>;

}  // namespace braid

#endif
