#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Counts the system calls of the whole process, by name, without ptrace. A program that links
/// system_call_count.cpp has the C library's wrappers of these calls replaced by counting ones.
/// Not seen: calls that the C library makes by itself (mmap and brk in malloc, futex in mutexes and
/// condition variables) and clock_gettime, which normally is no system call. `strace -c -f` checks.
namespace bench {

enum class SystemCall : std::uint8_t {
    read,
    write,
    readv,
    writev,
    send,
    recv,
    sendto,
    recvfrom,
    sendmsg,
    recvmsg,
    sendmmsg,
    recvmmsg,
    epoll_wait,
    epoll_ctl,
    poll,
    select,
    ioctl,
    fcntl,
    getsockopt,
    setsockopt,
    timerfd_settime,
    nanosleep,
    sched_yield,
    getpid,
    count,
};

const char* name_of(SystemCall call) noexcept;

struct SystemCallCount {
    std::array<std::uint64_t, static_cast<std::size_t>(SystemCall::count)> by_call{};

    std::uint64_t operator[](SystemCall call) const noexcept {
        return by_call[static_cast<std::size_t>(call)];
    }
    std::uint64_t total() const noexcept;
};

SystemCallCount operator-(const SystemCallCount& later, const SystemCallCount& earlier) noexcept;

/// Since the process started.
SystemCallCount system_calls_so_far() noexcept;

}  // namespace bench
