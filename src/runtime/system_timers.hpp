#pragma once

#include "runtime/clock.hpp"
#include "runtime/timers.hpp"
#include "transport/context_service.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace braid::runtime {

/// All deadlines of a Network on one timer of asio's.
class SystemTimers final : public Timers,
                           private transport::Resident,
                           public std::enable_shared_from_this<SystemTimers> {
public:
    static std::shared_ptr<SystemTimers> make(const asio::any_io_executor& executor,
                                              std::shared_ptr<Clock> clock);
    ~SystemTimers() override;

    void arm(Entry& entry, protocol::Time at) override;
    void remove(Entry& entry) noexcept override;

private:
    SystemTimers(const asio::any_io_executor& executor, std::shared_ptr<Clock> clock);

    enum class Ringer { timer, post };

    bool claim() noexcept override;
    void evict() noexcept override;
    void set_timer();
    void rang(Ringer by);

    std::shared_ptr<Clock> clock_;
    std::shared_ptr<transport::Residents> residents_;
    std::shared_ptr<SystemTimers> claimed_;

    std::mutex mutex_;
    TimerHeap heap_;
    std::optional<asio::steady_timer> timer_;  // none once its context died
    protocol::Time timer_at_ = protocol::never;
    bool posted_ = false;  // for a deadline that was due when it was armed
};

}  // namespace braid::runtime
