#pragma once

#include "runtime/spin_lock.hpp"
#include "runtime/waiter.hpp"

#include <asio/awaitable.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <system_error>

namespace braid::runtime {

class Woken;

/// Coroutines that wait until something has changed. What that is lies elsewhere, under whatever
/// lock; nothing is missed if it is looked at between ticket() and wait():
///
///     for (;;) {
///         const auto ticket = changes.ticket();
///         if (there_is_something()) break;
///         co_await changes.wait(ticket, owner);
///     }
///
/// Any thread.
class WaitList {
public:
    using Ticket = std::uint32_t;

    WaitList() = default;
    WaitList(const WaitList&) = delete;
    WaitList& operator=(const WaitList&) = delete;

    /// Whoever still waits never goes on.
    ~WaitList();

    Ticket ticket() const noexcept { return epoch_.load(std::memory_order_seq_cst); }

    /// Waits for the next notify() after `ticket` was drawn. Can be cancelled.
    /// @param owner of this list: it may be gone when a cancellation comes late
    /// @throws std::system_error (operation_aborted) if cancelled
    asio::awaitable<void> wait(Ticket ticket, std::weak_ptr<const void> owner);

    /// Something has changed: all go on, each on its own executor.
    void notify() noexcept;

    /// The same, when `woken` says so.
    void notify(Woken& woken) noexcept;

    bool waiting() const noexcept { return count_.load(std::memory_order_seq_cst) != 0; }

private:
    /// A waiter in the list. Evicted when its context dies, which need not be that of the owner.
    class Entry : public Waiter, public transport::Resident {
    public:
        Entry(WaitList& list, std::shared_ptr<transport::Residents> residents) noexcept
            : list_{list}, residents_{std::move(residents)} {}

    protected:
        ~Entry() override { residents_->leave(*this); }

    private:
        friend class WaitList;
        friend class Woken;
        bool claim() noexcept override { return list_.unlink(*this); }
        void evict() noexcept override { destroy(); }

        WaitList& list_;
        std::shared_ptr<transport::Residents> residents_;
        std::uint64_t number_ = 0;
        Entry* previous_entry_ = nullptr;
        Entry* next_entry_ = nullptr;
        bool linked_ = false;
    };

    friend class Woken;
    struct Start;

    void start(Entry& entry, Ticket ticket) noexcept;
    void cancel(std::uint64_t number) noexcept;
    bool unlink(Entry& entry) noexcept;
    void unlink_locked(Entry& entry) noexcept;
    Entry* take_all() noexcept;

    std::atomic<Ticket> epoch_{0};
    std::atomic<std::uint32_t> count_{0};
    SpinLock lock_;
    Entry* first_ = nullptr;
    Entry* last_ = nullptr;
    std::atomic<std::uint64_t> number_{0};
};

/// Coroutines that have what they waited for, and go on when the one who gave it to them has
/// finished his own work.
class Woken {
public:
    Woken() = default;
    Woken(const Woken&) = delete;
    Woken& operator=(const Woken&) = delete;
    ~Woken();

    bool empty() const noexcept { return first_ == nullptr; }

    /// All go on, within this call where the thread may run them. What one of them throws, its
    /// context throws later.
    void go_on() noexcept;

private:
    friend class WaitList;
    void add(WaitList::Entry* first) noexcept;

    WaitList::Entry* first_ = nullptr;
    WaitList::Entry* last_ = nullptr;
};

}  // namespace braid::runtime
