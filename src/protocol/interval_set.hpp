#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace braid::protocol {

/// A set of numbers as sorted half-open intervals that do not touch. Made for few intervals:
/// every operation is a binary search and at most one move of those behind.
class IntervalSet {
public:
    struct Interval {
        std::uint64_t begin;
        std::uint64_t end;
        bool operator==(const Interval&) const = default;
    };

    bool empty() const noexcept { return intervals_.empty(); }
    std::size_t size() const noexcept { return intervals_.size(); }
    auto begin() const noexcept { return intervals_.begin(); }
    auto end() const noexcept { return intervals_.end(); }
    const Interval& front() const noexcept { return intervals_.front(); }
    const Interval& back() const noexcept { return intervals_.back(); }
    void clear() noexcept { intervals_.clear(); }

    /// Adds [begin, end).
    /// @returns how many of its numbers are new
    std::uint64_t insert(std::uint64_t begin, std::uint64_t end) {
        if (begin >= end) return 0;
        const auto first = std::lower_bound(
            intervals_.begin(), intervals_.end(), begin,
            [](const Interval& interval, std::uint64_t value) { return interval.end < value; });
        auto last = first;
        std::uint64_t had = 0;
        Interval merged{begin, end};
        for (; last != intervals_.end() && last->begin <= end; ++last) {
            had += std::min(last->end, end) - std::min(std::max(last->begin, begin), end);
            merged.begin = std::min(merged.begin, last->begin);
            merged.end = std::max(merged.end, last->end);
        }
        // An interval that only touches [begin, end) holds none of its numbers.
        const auto fresh = end - begin - had;
        if (first == last) {
            intervals_.insert(first, merged);
        } else {
            *first = merged;
            intervals_.erase(first + 1, last);
        }
        return fresh;
    }

    /// Removes [begin, end).
    void erase(std::uint64_t begin, std::uint64_t end) {
        if (begin >= end) return;
        auto at = std::upper_bound(
            intervals_.begin(), intervals_.end(), begin,
            [](std::uint64_t value, const Interval& interval) { return value < interval.end; });
        while (at != intervals_.end() && at->begin < end) {
            if (at->begin < begin && at->end > end) {
                const Interval right{end, at->end};
                at->end = begin;
                intervals_.insert(at + 1, right);
                return;
            }
            if (at->begin < begin) {
                at->end = begin;
                ++at;
            } else if (at->end > end) {
                at->begin = end;
                return;
            } else {
                at = intervals_.erase(at);
            }
        }
    }

    bool contains(std::uint64_t value) const noexcept { return covers(value, value + 1); }

    /// True if all of [begin, end) is in the set.
    bool covers(std::uint64_t begin, std::uint64_t end) const noexcept {
        const auto at = std::upper_bound(
            intervals_.begin(), intervals_.end(), begin,
            [](std::uint64_t value, const Interval& interval) { return value < interval.end; });
        return at != intervals_.end() && at->begin <= begin && at->end >= end;
    }

private:
    std::vector<Interval> intervals_;
};

}  // namespace braid::protocol
