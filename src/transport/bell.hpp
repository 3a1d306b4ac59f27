#pragma once

#include <asio/awaitable.hpp>

#include <utility>

namespace braid::transport {

/// Wakes the one coroutine that waits for it, within its own strand: all calls on that strand.
class Bell {
public:
    Bell() = default;
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    ~Bell() { drop(); }

    /// True, once, if the bell rang while nobody waited.
    bool take_ring() noexcept { return std::exchange(rung_, false); }

    /// Waits for the next ring(). Does not keep the context busy.
    asio::awaitable<void> wait();

    /// The waiting coroutine runs within this call.
    void ring();

    /// The waiting coroutine never goes on.
    void drop() noexcept;

private:
    /// The coroutine's completion handler.
    class Sleeper {
    public:
        virtual void wake() = 0;
        virtual void destroy() noexcept = 0;

    protected:
        ~Sleeper() = default;
    };
    template <typename Handler>
    class HandlerSleeper;
    struct Start;

    Sleeper* sleeper_ = nullptr;
    bool rung_ = false;
};

}  // namespace braid::transport
