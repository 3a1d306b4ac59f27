#pragma once

#include "runtime/strand.hpp"
#include "runtime/timers.hpp"
#include "transport/context_service.hpp"
#include "transport/driver.hpp"

#include <asio/any_io_executor.hpp>

#include <atomic>
#include <memory>

namespace braid::runtime {

/// An encounter with somebody unknown, under a deadline.
class Meeting final : public Alarmed,
                      private transport::Resident,
                      public std::enable_shared_from_this<Meeting> {
public:
    static std::shared_ptr<Meeting> make(const asio::any_io_executor& strand,
                                         std::shared_ptr<Timers> timers);
    ~Meeting();

    /// Ends what it awaits, now or as soon as it awaits something. Any thread.
    void close();
    bool closed() const noexcept { return closed_; }
    bool timed_out() const noexcept { return timed_out_; }

    // On the strand.

    void begin(std::unique_ptr<transport::Encounter> encounter);
    transport::Encounter& encounter() noexcept { return *encounter_; }

    /// Closes at that time.
    void limit(protocol::Time by) { timers_->arm(deadline_, by); }

private:
    Meeting(const asio::any_io_executor& strand, std::shared_ptr<Timers> timers);

    void alarm() noexcept override;
    bool claim() noexcept override;
    void evict() noexcept override;

    const std::shared_ptr<transport::Residents> residents_;
    const std::shared_ptr<Timers> timers_;
    Strand strand_;
    Timers::Entry deadline_;
    std::atomic<bool> closed_{false};
    std::atomic<bool> timed_out_{false};
    std::unique_ptr<transport::Encounter> encounter_;
    std::shared_ptr<Meeting> claimed_;
};

}  // namespace braid::runtime
