#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

/// CLOCK_MONOTONIC, which all processes of this machine share.
std::int64_t now_ns() noexcept;

/// User and system time that this process, with all its threads, has used so far.
std::int64_t cpu_ns() noexcept;

/// Sleeps without a spin; used while waiting for the other process outside of what is measured.
void sleep_ns(std::int64_t duration_ns) noexcept;

/// The median of some rounds, and how far they lay apart. An empty one has `count` 0.
struct Spread {
    double median = 0;
    double minimum = 0;
    double maximum = 0;
    std::size_t count = 0;
};

Spread spread_of(std::vector<double> values);

/// The ratio of each value to the reference of the same round. Rounds that either side lacks (NaN)
/// are left out.
Spread ratio_of(const std::vector<double>& values, const std::vector<double>& references);

/// The value below which `fraction` of the sorted samples lie.
double percentile(const std::vector<std::uint32_t>& sorted, double fraction);

/// Where the two processes of one measurement run. `split` gives each its own processor, `same`
/// puts both on one, `anywhere` leaves it to the scheduler.
enum class Placement : std::uint8_t { anywhere, same, split };

const char* name_of(Placement placement) noexcept;

/// Processors that this process may use.
std::vector<int> allowed_processors();

/// Binds this process to a processor; throws std::system_error.
void pin_to(int processor);

/// Puts this process and its children in a scheduler autogroup of their own at nice -19. Plain nice
/// does nothing across autogroups. Returns whether the system allowed it.
bool raise_autogroup_priority() noexcept;

/// Raises the limit of open files as far as the system allows, and returns what it is then.
std::size_t raise_open_files(std::size_t wanted) noexcept;

/// Calls `measure(round, peer)` round by round (A, B, C, A, B, C), so that what else the machine
/// does meets all peers alike.
void interleave(unsigned rounds, std::size_t peers,
                const std::function<void(unsigned round, std::size_t peer)>& measure);

}  // namespace bench
