#pragma once

#include "transport/strand_executor.hpp"

#include <asio/any_io_executor.hpp>

#include <mutex>
#include <utility>

namespace braid::runtime {

/// A strand that can be given up, so that it does not outlive its execution context. Any thread.
class Strand {
public:
    explicit Strand(asio::any_io_executor strand) noexcept : strand_{std::move(strand)} {}

    /// A new one on `executor`.
    static asio::any_io_executor make(const asio::any_io_executor& executor) {
        return transport::strand_over(executor);
    }

    /// @returns false if the strand was given up: `function` will not run
    template <typename Function>
    bool post(Function function) {
        const std::lock_guard lock{mutex_};
        if (!strand_) return false;
        transport::post_to(strand_, std::move(function));
        return true;
    }

    /// Empty if it was given up.
    asio::any_io_executor executor() const {
        const std::lock_guard lock{mutex_};
        return strand_;
    }

    void give_up() noexcept {
        asio::any_io_executor dropped;
        const std::lock_guard lock{mutex_};
        std::swap(dropped, strand_);
    }

private:
    mutable std::mutex mutex_;
    asio::any_io_executor strand_;
};

}  // namespace braid::runtime
