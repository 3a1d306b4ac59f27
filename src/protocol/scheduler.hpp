#pragma once

#include "protocol/time.hpp"

#include <braid/priority.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace braid::protocol {

struct Stream;

/// A stream as its scheduler sees it. A stream is backlogged while it has something that may be
/// sent; only then is it linked in.
struct SchedulerEntry {
    Stream* stream = nullptr;  ///< whose it is; not looked at
    std::uint8_t level = 0;
    std::uint64_t guaranteed_bytes_per_second = 0;
    std::uint64_t order = 0;  ///< breaks ties, so that the same run gives the same order

    // The scheduler's own.
    SchedulerEntry* next = nullptr;
    SchedulerEntry* previous = nullptr;
    bool backlogged = false;
    std::int64_t deficit = 0;
    double tokens = 0;
    Time tokens_at{};
    Time full_at = never;
    Time backlogged_at{};
    std::size_t heap_index = static_cast<std::size_t>(-1);
};

inline constexpr std::uint8_t lowest_level = Priority::count - 1;

/// What is of this level or a more urgent one may go a little beyond a link's pace.
inline constexpr std::uint8_t urgent_level_max = 1;

/// Decides which stream sends its next chunk: strict priority between the eight levels, deficit
/// round robin inside one, a token bucket for each guaranteed bandwidth that forces a chunk only
/// when it is full, and a floor of 5 % for the levels below the top. Never two forced chunks in a
/// row. O(1) a pick, O(log g) with g backlogged guarantees.
///
/// After M. Shreedhar, G. Varghese: Efficient Fair Queueing Using Deficit Round Robin (1995).
class Scheduler {
public:
    enum class Reason : std::uint8_t { none, normal, guarantee, floor };
    struct Pick {
        SchedulerEntry* entry = nullptr;
        Reason reason = Reason::none;
        explicit operator bool() const noexcept { return entry != nullptr; }
    };
    struct Counters {
        std::uint64_t normal_bytes = 0;
        std::uint64_t guarantee_bytes = 0;
        std::uint64_t floor_bytes = 0;
        std::uint64_t guarantee_missed = 0;        ///< picks at which guarantees were scaled down
        std::uint64_t asked_bytes_per_second = 0;  ///< of all guarantees, at the last such pick
        std::uint64_t granted_bytes_per_second = 0;
    };

    static constexpr std::size_t chunk_bytes_min = 300;
    static constexpr std::size_t chunk_bytes_max = 16u << 10;
    static constexpr Duration chunk_time = std::chrono::milliseconds{4};
    static constexpr Duration bucket_time = std::chrono::milliseconds{20};

    /// Tells the channel's rate, from which chunk and guarantees follow; 0 if not known.
    void set_rate(std::uint64_t bytes_per_second) noexcept;

    std::size_t chunk_bytes() const noexcept { return chunk_bytes_; }
    bool empty() const noexcept { return level_mask_ == 0; }

    /// The most urgent level that is backlogged; Priority::count if none is.
    std::uint8_t top_level() const noexcept {
        return static_cast<std::uint8_t>(std::countr_zero(level_mask_));
    }
    const Counters& counters() const noexcept { return counters_; }

    void activate(SchedulerEntry& entry, Time now);
    void deactivate(SchedulerEntry& entry) noexcept;

    /// Who is to send up to chunk_bytes() now; no entry if nobody is backlogged at `level_max` or
    /// above. Tell sent() what became of it, before the next pick.
    Pick pick(Time now, std::uint8_t level_max = lowest_level);

    /// `bytes` of the picked entry were sent.
    void sent(const Pick& pick, std::size_t bytes, Time now);

private:
    struct Level {
        SchedulerEntry* front = nullptr;  // a ring
    };

    void link(SchedulerEntry& entry) noexcept;
    SchedulerEntry* oldest_below(std::size_t top) const noexcept;
    double scale() const noexcept;
    void refill(SchedulerEntry& entry, Time now) const noexcept;
    double bucket(const SchedulerEntry& entry) const noexcept;
    void reheap(SchedulerEntry& entry, Time now);
    void heap_insert(SchedulerEntry& entry);
    void heap_remove(SchedulerEntry& entry) noexcept;
    void sift_up(std::size_t index) noexcept;
    void sift_down(std::size_t index) noexcept;
    static bool sooner(const SchedulerEntry& left, const SchedulerEntry& right) noexcept;

    std::uint8_t level_mask_ = 0;
    std::array<Level, Priority::count> levels_{};
    std::vector<SchedulerEntry*> heap_;  // backlogged guarantees, by the time their bucket is full
    std::size_t chunk_bytes_ = chunk_bytes_max;
    std::uint64_t rate_bytes_per_second_ = 0;
    double guaranteed_sum_ = 0;
    double floor_tokens_ = 0;
    bool forced_last_ = false;
    Counters counters_;
};

}  // namespace braid::protocol
