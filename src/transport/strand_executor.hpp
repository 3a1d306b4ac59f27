#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/dispatch.hpp>
#include <asio/execution/outstanding_work.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/require.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>

#include <typeinfo>
#include <utility>

// asio::any_io_executor allocates for what does not fit it and for most of what is asked of it. The
// executors that nearly everybody uses are taken out of it first.
namespace braid::transport {

/// As executor.target<T>(), which asio 1.22 does not check.
template <typename T>
const T* target_of(const asio::any_io_executor& executor) noexcept {
    return executor.target_type() == typeid(T) ? executor.target<T>() : nullptr;
}

namespace executor_types {

using Plain = asio::io_context::executor_type;
using Tracked =
    decltype(asio::require(std::declval<Plain>(), asio::execution::outstanding_work.tracked));

template <typename Call>
void with_executor(const asio::any_io_executor& executor, Call call) {
    if (const auto* plain = target_of<Plain>(executor)) return call(*plain);
    if (const auto* tracked = target_of<Tracked>(executor)) return call(*tracked);
    if (const auto* strand = target_of<asio::strand<Plain>>(executor)) return call(*strand);
    call(executor);
}

}  // namespace executor_types

/// As asio::post(). `function` must not have an executor of its own.
template <typename Function>
void post_to(const asio::any_io_executor& executor, Function function) {
    executor_types::with_executor(
        executor, [&](const auto& concrete) { asio::post(concrete, std::move(function)); });
}

/// As asio::dispatch(). `function` must not have an executor of its own.
template <typename Function>
void dispatch_to(const asio::any_io_executor& executor, Function function) {
    executor_types::with_executor(
        executor, [&](const auto& concrete) { asio::dispatch(concrete, std::move(function)); });
}

/// A new strand.
inline asio::any_io_executor strand_over(const asio::any_io_executor& executor) {
    if (const auto* plain = target_of<executor_types::Plain>(executor))
        return asio::make_strand(*plain);
    return asio::make_strand(executor);
}

/// What lies under a strand; the executor itself if it is none.
inline asio::any_io_executor beneath(const asio::any_io_executor& executor) {
    if (const auto* strand = target_of<asio::strand<asio::any_io_executor>>(executor)) {
        return strand->get_inner_executor();
    }
    if (const auto* strand = target_of<asio::strand<executor_types::Plain>>(executor)) {
        return strand->get_inner_executor();
    }
    if (const auto* strand = target_of<asio::strand<asio::thread_pool::executor_type>>(executor)) {
        return strand->get_inner_executor();
    }
    return executor;
}

}  // namespace braid::transport
