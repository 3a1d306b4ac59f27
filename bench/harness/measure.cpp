#include "harness/measure.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <string_view>
#include <system_error>

namespace bench {

std::int64_t now_ns() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::int64_t cpu_ns() noexcept {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto nanoseconds = [](const timeval& time) {
        return std::int64_t{time.tv_sec} * 1'000'000'000 + std::int64_t{time.tv_usec} * 1'000;
    };
    return nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
}

void sleep_ns(std::int64_t duration_ns) noexcept {
    timespec time{};
    time.tv_sec = duration_ns / 1'000'000'000;
    time.tv_nsec = duration_ns % 1'000'000'000;
    while (::nanosleep(&time, &time) != 0 && errno == EINTR) {
    }
}

Spread spread_of(std::vector<double> values) {
    std::erase_if(values, [](double value) { return std::isnan(value); });
    if (values.empty()) {
        return {};
    }
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    const double median =
        values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    return {median, values.front(), values.back(), values.size()};
}

Spread ratio_of(const std::vector<double>& values, const std::vector<double>& references) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < std::min(values.size(), references.size()); ++round) {
        if (references[round] > 0) {
            ratios.push_back(values[round] / references[round]);
        }
    }
    return spread_of(std::move(ratios));
}

double percentile(const std::vector<std::uint32_t>& sorted, double fraction) {
    if (sorted.empty()) {
        return std::nan("");
    }
    const auto place = static_cast<std::size_t>(fraction * static_cast<double>(sorted.size()));
    return sorted[std::min(place, sorted.size() - 1)];
}

const char* name_of(Placement placement) noexcept {
    switch (placement) {
        case Placement::same: return "same";
        case Placement::split: return "split";
        case Placement::anywhere: break;
    }
    return "anywhere";
}

std::vector<int> allowed_processors() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    std::vector<int> processors;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
            if (CPU_ISSET(static_cast<std::size_t>(processor), &allowed)) {
                processors.push_back(processor);
            }
        }
    }
    return processors;
}

void pin_to(int processor) {
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    CPU_SET(static_cast<std::size_t>(processor), &wanted);
    if (::sched_setaffinity(0, sizeof wanted, &wanted) != 0) {
        throw std::system_error(errno, std::system_category(), "sched_setaffinity");
    }
}

bool raise_autogroup_priority() noexcept {
    // A new session gets a new autogroup. setsid fails in a process that leads its group already;
    // then the group that exists is raised.
    ::setsid();
    const int file = ::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    constexpr std::string_view nice = "-19";
    const bool written =
        ::write(file, nice.data(), nice.size()) == static_cast<ssize_t>(nice.size());
    ::close(file);
    return written;
}

std::size_t raise_open_files(std::size_t wanted) noexcept {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < wanted) {
        rlimit raised{wanted, wanted};
        if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            return wanted;
        }
    }
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

void interleave(unsigned rounds, std::size_t peers,
                const std::function<void(unsigned round, std::size_t peer)>& measure) {
    for (unsigned round = 0; round < rounds; ++round) {
        for (std::size_t peer = 0; peer < peers; ++peer) {
            measure(round, peer);
        }
    }
}

}  // namespace bench
