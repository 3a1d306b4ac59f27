#pragma once

#include <braid/export.hpp>
#include <braid/recv_operation.hpp>
#include <braid/run.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace braid {

/// Threads of their own for braid, for programs that have a loop already and no executor:
///
///     braid::IoThread io;
///     braid::Network network{io.executor()};
///     auto server = io.wait(network.connect("tcp://127.0.0.1:14004"));
///     while (playing()) server_stream.try_recv(state);
///
/// What is made on it (Networks, Participants, Streams) may be destroyed before or after it; after
/// it they report errc::network_closed. An exception that leaves a handler or a coroutine that was
/// spawned on executor() ends the program, as one that leaves a thread does; those of wait() and
/// start() reach their caller.
class IoThread {
public:
    /// @throws NetworkError (errc::options_invalid) for 0 threads, std::system_error if the system
    ///         gives no thread
    BRAID_API explicit IoThread(unsigned threads = 1);

    /// Drops the coroutines that still run, and joins the threads. Not to be called by one of them,
    /// nor while another thread is in wait().
    BRAID_API ~IoThread();
    IoThread(const IoThread&) = delete;
    IoThread& operator=(const IoThread&) = delete;

    /// What Networks and coroutines are given to run there.
    BRAID_API asio::any_io_executor executor() const noexcept;

    /// Runs the coroutine there and blocks until it is done; returns or throws what it does.
    /// @throws std::system_error (std::errc::resource_deadlock_would_occur) if called by one of its
    ///         own threads
    BRAID_API void wait(asio::awaitable<void> coroutine);
    template <typename T>
    T wait(asio::awaitable<T> coroutine);
#ifndef BRAID_NO_READY_AWAIT
    template <typename Operation>
    auto wait(asio::awaitable<detail::Ready<Operation>> operation) {
        return wait(std::move(operation).as_awaitable());
    }
#endif

    /// Runs the coroutine there, and does not wait for it. If the IoThread is destroyed first, the
    /// future has std::future_errc::broken_promise.
    template <typename T>
    std::future<T> start(asio::awaitable<T> coroutine);

private:
    class Core;

    BRAID_API void begin(asio::awaitable<void> coroutine);

    std::unique_ptr<Core> core_;
};

namespace detail {

template <typename T>
asio::awaitable<void> keep_promise(std::promise<T> promise, asio::awaitable<T> coroutine) {
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(coroutine);
            promise.set_value();
        } else {
            promise.set_value(co_await std::move(coroutine));
        }
    } catch (...) {
        promise.set_exception(std::current_exception());
    }
}

}  // namespace detail

template <typename T>
T IoThread::wait(asio::awaitable<T> coroutine) {
    std::optional<T> result;
    wait(detail::keep_result(std::move(coroutine), result));
    return std::move(*result);
}

template <typename T>
std::future<T> IoThread::start(asio::awaitable<T> coroutine) {
    std::promise<T> promise;
    auto future = promise.get_future();
    begin(detail::keep_promise(std::move(promise), std::move(coroutine)));
    return future;
}

}  // namespace braid
