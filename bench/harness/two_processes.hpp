#pragma once

#include "harness/measure.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <system_error>

namespace bench {

/// An object that this process and the ones it forks later see alike. T must hold no pointers.
template <typename T>
class SharedBoard {
public:
    SharedBoard() {
        void* memory =
            ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            throw std::system_error(errno, std::system_category(), "mmap");
        }
        board_.reset(::new (memory) T());
    }

    T& operator*() const noexcept { return *board_; }
    T* operator->() const noexcept { return board_.get(); }

private:
    struct Unmap {
        void operator()(T* board) const noexcept {
            board->~T();
            ::munmap(board, sizeof(T));
        }
    };
    std::unique_ptr<T, Unmap> board_;
};

/// Runs the two functions in a process each, so that a peer starts with a fresh heap every time and
/// each side's processor time is its own. The first runs on the first processor, the second on the
/// first or second as `placement` says. Both are ended when one fails or the time is over.
/// Returns what went wrong, empty when nothing did.
std::string run_two_processes(const std::function<void()>& first,
                              const std::function<void()>& second, Placement placement,
                              double seconds_max);

/// The same in one process, on two threads: its processor time is that of both.
std::string run_two_threads(const std::function<void()>& first, const std::function<void()>& second,
                            Placement placement, double seconds_max);

/// Waits, without spinning, until the condition holds; throws std::runtime_error naming `what` when
/// it does not in time.
void wait_until(const std::function<bool()>& condition, double seconds_max, const char* what);

}  // namespace bench
