// The checked forms of read and its siblings would be inline functions that clash with the ones
// defined here.
#undef _FORTIFY_SOURCE

#include "counting/system_call_count.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace bench {

namespace {

constexpr auto kinds = static_cast<std::size_t>(SystemCall::count);

constinit std::array<std::atomic<std::uint64_t>, kinds> counts{};

/// Counts a call and returns the C library's function of that name. `replacement` only tells the
/// type; `found` keeps the function for the next call.
template <typename Function>
Function counted(SystemCall call, const char* name, Function /*replacement*/,
                 std::atomic<void*>& found) noexcept {
    counts[static_cast<std::size_t>(call)].fetch_add(1, std::memory_order_relaxed);
    void* function = found.load(std::memory_order_relaxed);
    if (function == nullptr) {
        function = ::dlsym(RTLD_NEXT, name);
        if (function == nullptr) {
            std::fprintf(stderr, "no %s behind the counting one\n", name);
            std::abort();
        }
        found.store(function, std::memory_order_relaxed);
    }
    return reinterpret_cast<Function>(function);
}

}  // namespace

const char* name_of(SystemCall call) noexcept {
    constexpr std::array<const char*, kinds> names{"read",       "write",       "readv",
                                                   "writev",     "send",        "recv",
                                                   "sendto",     "recvfrom",    "sendmsg",
                                                   "recvmsg",    "sendmmsg",    "recvmmsg",
                                                   "epoll_wait", "epoll_ctl",   "poll",
                                                   "select",     "ioctl",       "fcntl",
                                                   "getsockopt", "setsockopt",  "timerfd_settime",
                                                   "nanosleep",  "sched_yield", "getpid"};
    return names[static_cast<std::size_t>(call)];
}

std::uint64_t SystemCallCount::total() const noexcept {
    return std::accumulate(by_call.begin(), by_call.end(), std::uint64_t{0});
}

SystemCallCount operator-(const SystemCallCount& later, const SystemCallCount& earlier) noexcept {
    SystemCallCount difference;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        difference.by_call[kind] = later.by_call[kind] - earlier.by_call[kind];
    }
    return difference;
}

SystemCallCount system_calls_so_far() noexcept {
    SystemCallCount result;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
        result.by_call[kind] = counts[kind].load(std::memory_order_relaxed);
    }
    return result;
}

}  // namespace bench

using bench::counted;
using bench::SystemCall;

// The C library's function of that name, counted as `kind`.
#define BRAID_BENCH_NEXT(kind, name)                             \
    [] {                                                         \
        static constinit std::atomic<void*> found{nullptr};      \
        return counted(SystemCall::kind, #name, &::name, found); \
    }()

extern "C" {

ssize_t read(int file, void* data, size_t size) {
    return BRAID_BENCH_NEXT(read, read)(file, data, size);
}

ssize_t write(int file, const void* data, size_t size) {
    return BRAID_BENCH_NEXT(write, write)(file, data, size);
}

ssize_t readv(int file, const iovec* parts, int count) {
    return BRAID_BENCH_NEXT(readv, readv)(file, parts, count);
}

ssize_t writev(int file, const iovec* parts, int count) {
    return BRAID_BENCH_NEXT(writev, writev)(file, parts, count);
}

ssize_t send(int file, const void* data, size_t size, int flags) {
    return BRAID_BENCH_NEXT(send, send)(file, data, size, flags);
}

ssize_t recv(int file, void* data, size_t size, int flags) {
    return BRAID_BENCH_NEXT(recv, recv)(file, data, size, flags);
}

ssize_t sendto(int file, const void* data, size_t size, int flags, const sockaddr* address,
               socklen_t address_size) {
    return BRAID_BENCH_NEXT(sendto, sendto)(file, data, size, flags, address, address_size);
}

ssize_t recvfrom(int file, void* data, size_t size, int flags, sockaddr* address,
                 socklen_t* address_size) {
    return BRAID_BENCH_NEXT(recvfrom, recvfrom)(file, data, size, flags, address, address_size);
}

ssize_t sendmsg(int file, const msghdr* message, int flags) {
    return BRAID_BENCH_NEXT(sendmsg, sendmsg)(file, message, flags);
}

ssize_t recvmsg(int file, msghdr* message, int flags) {
    return BRAID_BENCH_NEXT(recvmsg, recvmsg)(file, message, flags);
}

int sendmmsg(int file, mmsghdr* messages, unsigned count, int flags) {
    return BRAID_BENCH_NEXT(sendmmsg, sendmmsg)(file, messages, count, flags);
}

int recvmmsg(int file, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
    return BRAID_BENCH_NEXT(recvmmsg, recvmmsg)(file, messages, count, flags, timeout);
}

int epoll_wait(int file, epoll_event* events, int count, int timeout_ms) {
    return BRAID_BENCH_NEXT(epoll_wait, epoll_wait)(file, events, count, timeout_ms);
}

int epoll_pwait(int file, epoll_event* events, int count, int timeout_ms, const sigset_t* signals) {
    return BRAID_BENCH_NEXT(epoll_wait, epoll_pwait)(file, events, count, timeout_ms, signals);
}

int epoll_pwait2(int file, epoll_event* events, int count, const timespec* timeout,
                 const sigset_t* signals) {
    return BRAID_BENCH_NEXT(epoll_wait, epoll_pwait2)(file, events, count, timeout, signals);
}

int epoll_ctl(int file, int operation, int target, epoll_event* event) noexcept {
    return BRAID_BENCH_NEXT(epoll_ctl, epoll_ctl)(file, operation, target, event);
}

int poll(pollfd* files, nfds_t count, int timeout_ms) {
    return BRAID_BENCH_NEXT(poll, poll)(files, count, timeout_ms);
}

int ppoll(pollfd* files, nfds_t count, const timespec* timeout, const sigset_t* signals) {
    return BRAID_BENCH_NEXT(poll, ppoll)(files, count, timeout, signals);
}

int select(int count, fd_set* readable, fd_set* writable, fd_set* special, timeval* timeout) {
    return BRAID_BENCH_NEXT(select, select)(count, readable, writable, special, timeout);
}

int ioctl(int file, unsigned long request, ...) noexcept {
    va_list rest;
    va_start(rest, request);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    return BRAID_BENCH_NEXT(ioctl, ioctl)(file, request, argument);
}

int fcntl(int file, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    return BRAID_BENCH_NEXT(fcntl, fcntl)(file, command, argument);
}

int getsockopt(int file, int level, int name, void* value, socklen_t* size) noexcept {
    return BRAID_BENCH_NEXT(getsockopt, getsockopt)(file, level, name, value, size);
}

int setsockopt(int file, int level, int name, const void* value, socklen_t size) noexcept {
    return BRAID_BENCH_NEXT(setsockopt, setsockopt)(file, level, name, value, size);
}

int timerfd_settime(int file, int flags, const itimerspec* next, itimerspec* previous) noexcept {
    return BRAID_BENCH_NEXT(timerfd_settime, timerfd_settime)(file, flags, next, previous);
}

int nanosleep(const timespec* duration, timespec* left) {
    return BRAID_BENCH_NEXT(nanosleep, nanosleep)(duration, left);
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* duration, timespec* left) {
    return BRAID_BENCH_NEXT(nanosleep, clock_nanosleep)(clock, flags, duration, left);
}

int sched_yield() noexcept { return BRAID_BENCH_NEXT(sched_yield, sched_yield)(); }

pid_t getpid() noexcept { return BRAID_BENCH_NEXT(getpid, getpid)(); }

}  // extern "C"

#undef BRAID_BENCH_NEXT
