#pragma once

#include <atomic>
#include <thread>

namespace braid::runtime {

/// A lock of one byte for sections of a few dozen nanoseconds. Gives way after a few spins: on a
/// busy machine the holder may be the one that waits for a core.
class SpinLock {
public:
    void lock() noexcept {
        while (locked_.exchange(true, std::memory_order_acquire)) wait();
    }
    void unlock() noexcept { locked_.store(false, std::memory_order_release); }

private:
    static constexpr unsigned spins_max = 64;

    void wait() const noexcept {
        for (unsigned spins = 0; locked_.load(std::memory_order_relaxed);) {
            if (++spins < spins_max) continue;
            spins = 0;
            std::this_thread::yield();
        }
    }

    std::atomic<bool> locked_{false};
};

}  // namespace braid::runtime
