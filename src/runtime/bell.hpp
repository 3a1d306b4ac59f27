#pragma once

#include "runtime/waiter.hpp"

#include <asio/awaitable.hpp>

#include <utility>

namespace braid::runtime {

/// Wakes the one coroutine that waits for it, within its own strand: all calls on that strand.
class Bell {
public:
    Bell() = default;
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    ~Bell() { drop(); }

    /// Returns at once if the bell rang since the last time.
    asio::awaitable<void> wait();

    /// The waiting coroutine runs within this call.
    void ring();

    /// The waiting coroutine never goes on.
    void drop() noexcept;

private:
    struct Start;

    Waiter* waiter_ = nullptr;
    bool rung_ = false;
};

}  // namespace braid::runtime
