#pragma once

#include "runtime/clock.hpp"
#include "runtime/timers.hpp"
#include "runtime/wait_list.hpp"

#include <asio/awaitable.hpp>

#include <atomic>
#include <memory>

namespace braid::runtime {

/// Waits for a time to pass, by the clock that everything else goes by. Any thread.
class Pause final : public Alarmed, public std::enable_shared_from_this<Pause> {
public:
    static std::shared_ptr<Pause> make(std::shared_ptr<Clock> clock,
                                       std::shared_ptr<Timers> timers);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

    /// Not twice at the same time.
    /// @throws std::system_error (operation_aborted) if end() was called
    static asio::awaitable<void> pass(std::shared_ptr<Pause> self, protocol::Duration time);

    /// Nobody waits any more.
    void end() noexcept;

private:
    Pause(std::shared_ptr<Clock> clock, std::shared_ptr<Timers> timers) noexcept;

    void alarm() noexcept override { changes_.notify(); }

    const std::shared_ptr<Clock> clock_;
    const std::shared_ptr<Timers> timers_;
    Timers::Entry entry_;
    std::atomic<bool> ended_{false};
    WaitList changes_;
};

}  // namespace braid::runtime
