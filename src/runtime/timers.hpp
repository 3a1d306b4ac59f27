#pragma once

#include "protocol/time.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace braid::runtime {

/// Has deadlines.
class Alarmed {
public:
    /// A deadline of it has passed, perhaps: it may have been moved just now. Any thread, no locks
    /// held; the deadline is to be armed again if there is a next one.
    virtual void alarm() noexcept = 0;

protected:
    ~Alarmed() = default;
};

/// Rings at deadlines. Any thread.
class Timers {
public:
    /// One deadline. To be removed before it is destroyed.
    class Entry {
    public:
        Entry() = default;
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;

        /// Before it is armed for the first time.
        void set_target(std::weak_ptr<Alarmed> target) noexcept { target_ = std::move(target); }

    private:
        friend class TimerHeap;
        static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

        std::weak_ptr<Alarmed> target_;
        std::atomic<protocol::Duration::rep> wanted_{protocol::never.time_since_epoch().count()};
        std::atomic<protocol::Duration::rep> key_{protocol::never.time_since_epoch().count()};
        std::size_t position_ = nowhere;
    };

    virtual ~Timers() = default;

    /// Sets or moves the deadline; `never` clears it. Moving it to a later time costs next to
    /// nothing, so it may be done for every batch.
    virtual void arm(Entry& entry, protocol::Time at) = 0;

    virtual void remove(Entry& entry) noexcept = 0;
};

/// The deadlines, earliest first. Entries whose deadline moved to a later time stay where they are
/// until their old one comes. Not thread-safe but for postpone().
class TimerHeap {
public:
    TimerHeap() = default;
    TimerHeap(const TimerHeap&) = delete;
    TimerHeap& operator=(const TimerHeap&) = delete;

    /// Any thread, no lock.
    /// @returns false if the entry must move in the heap: arm() it
    static bool postpone(Timers::Entry& entry, protocol::Time at) noexcept;

    void arm(Timers::Entry& entry);
    void remove(Timers::Entry& entry) noexcept;

    /// When expire() is due.
    protocol::Time earliest() const noexcept;

    /// Appends those whose deadline has come. The caller calls alarm() without its lock.
    void expire(protocol::Time now, std::vector<std::shared_ptr<Alarmed>>& due);

private:
    static protocol::Time key_of(const Timers::Entry& entry) noexcept;
    void place(Timers::Entry& entry, std::size_t position) noexcept;
    void sift_up(std::size_t position) noexcept;
    void sift_down(std::size_t position) noexcept;

    std::vector<Timers::Entry*> heap_;
};

}  // namespace braid::runtime
