#include "protocol/scheduler.hpp"

#include <algorithm>
#include <cmath>

namespace braid::protocol {

namespace {

constexpr double floor_share = 0.05;
// Half of the channel at most is promised away: beyond that an urgent message finds every second
// chunk taken.
constexpr double guaranteed_share_max = 0.5;
constexpr auto not_in_heap = static_cast<std::size_t>(-1);

double seconds(Duration duration) noexcept {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

void Scheduler::set_rate(std::uint64_t bytes_per_second) noexcept {
    rate_bytes_per_second_ = bytes_per_second;
    chunk_bytes_ = chunk_bytes_max;
    if (bytes_per_second == 0) return;
    const auto bytes = static_cast<std::size_t>(
        std::min(seconds(chunk_time) * static_cast<double>(bytes_per_second), 1e9));
    chunk_bytes_ = std::clamp(bytes, chunk_bytes_min, chunk_bytes_max);
}

void Scheduler::activate(SchedulerEntry& entry, Time now) {
    if (entry.backlogged) return;
    entry.backlogged = true;
    entry.backlogged_at = now;
    entry.deficit = 0;
    link(entry);
    if (entry.guaranteed_bytes_per_second == 0) return;
    guaranteed_sum_ += static_cast<double>(entry.guaranteed_bytes_per_second);
    if (entry.tokens_at == Time{}) entry.tokens_at = now;
    refill(entry, now);
    entry.tokens = std::min(entry.tokens, bucket(entry));  // idling saves up no burst
    heap_insert(entry);
    reheap(entry, now);
}

void Scheduler::deactivate(SchedulerEntry& entry) noexcept {
    if (!entry.backlogged) return;
    entry.backlogged = false;
    auto& level = levels_[entry.level];
    if (entry.next == &entry) {
        level.front = nullptr;
        level_mask_ = static_cast<std::uint8_t>(level_mask_ & ~(1u << entry.level));
    } else {
        entry.next->previous = entry.previous;
        entry.previous->next = entry.next;
        if (level.front == &entry) level.front = entry.next;
    }
    entry.next = entry.previous = nullptr;
    if (entry.guaranteed_bytes_per_second == 0) return;
    guaranteed_sum_ -= static_cast<double>(entry.guaranteed_bytes_per_second);
    heap_remove(entry);
}

Scheduler::Pick Scheduler::pick(Time now, std::uint8_t level_max) {
    const std::size_t top = top_level();
    if (level_mask_ == 0 || top > level_max) return {};
    // Nothing is forced where only the urgent may go.
    const bool may_force = !forced_last_ && level_max == lowest_level;
    forced_last_ = false;
    if (may_force && !heap_.empty() && heap_.front()->full_at <= now) {
        auto& guaranteed = *heap_.front();
        // In the top level others may leave it less than its rate; alone there it needs no force.
        if (guaranteed.level > top || guaranteed.next != &guaranteed) {
            forced_last_ = true;
            return {&guaranteed, Reason::guarantee};
        }
    }
    if (may_force && floor_tokens_ >= static_cast<double>(chunk_bytes_)) {
        if (auto* const entry = oldest_below(top)) {
            forced_last_ = true;
            return {entry, Reason::floor};
        }
    }
    auto& level = levels_[top];
    while (level.front->deficit <= 0) {
        level.front->deficit += static_cast<std::int64_t>(chunk_bytes_);
        if (level.front->deficit > 0 && level.front->next == level.front) break;
        level.front = level.front->next;
    }
    return {level.front, Reason::normal};
}

void Scheduler::sent(const Pick& pick, std::size_t bytes, Time now) {
    auto& entry = *pick.entry;
    if (bytes == 0 && pick.reason != Reason::normal) {
        forced_last_ = false;  // there was no room: its turn is still to come
        return;
    }
    const auto amount = static_cast<double>(bytes);
    switch (pick.reason) {
        case Reason::none: return;
        case Reason::normal:
            entry.deficit -= static_cast<std::int64_t>(bytes);
            floor_tokens_ = std::min(floor_tokens_ + floor_share * amount,
                                     2.0 * static_cast<double>(chunk_bytes_));
            counters_.normal_bytes += bytes;
            break;
        case Reason::guarantee: counters_.guarantee_bytes += bytes; break;
        case Reason::floor:
            floor_tokens_ -= amount;
            counters_.floor_bytes += bytes;
            // The next floor chunk is for another stream of this level.
            if (entry.backlogged) levels_[entry.level].front = entry.next;
            break;
    }
    entry.backlogged_at = now;
    if (entry.guaranteed_bytes_per_second == 0) return;
    refill(entry, now);
    entry.tokens -= amount;
    // What it got beyond its guarantee is not held against it for longer than one bucket.
    entry.tokens = std::max(entry.tokens, -bucket(entry));
    if (entry.backlogged) reheap(entry, now);
}

void Scheduler::link(SchedulerEntry& entry) noexcept {
    auto& level = levels_[entry.level];
    if (level.front == nullptr) {
        entry.next = entry.previous = &entry;
        level.front = &entry;
        level_mask_ = static_cast<std::uint8_t>(level_mask_ | 1u << entry.level);
        return;
    }
    entry.next = level.front;
    entry.previous = level.front->previous;
    entry.previous->next = &entry;
    level.front->previous = &entry;
}

// The front of each level has waited longest in it, or nearly: eight looks, however many streams.
SchedulerEntry* Scheduler::oldest_below(std::size_t top) const noexcept {
    SchedulerEntry* oldest = nullptr;
    for (auto level = top + 1; level < levels_.size(); ++level) {
        auto* const front = levels_[level].front;
        if (front == nullptr) continue;
        if (oldest == nullptr || front->backlogged_at < oldest->backlogged_at) oldest = front;
    }
    return oldest;
}

double Scheduler::scale() const noexcept {
    const auto most = guaranteed_share_max * static_cast<double>(rate_bytes_per_second_);
    return rate_bytes_per_second_ == 0 || guaranteed_sum_ <= most ? 1.0 : most / guaranteed_sum_;
}

double Scheduler::bucket(const SchedulerEntry& entry) const noexcept {
    const auto rate = static_cast<double>(entry.guaranteed_bytes_per_second) * scale();
    return std::max(static_cast<double>(chunk_bytes_), rate * seconds(bucket_time));
}

void Scheduler::refill(SchedulerEntry& entry, Time now) const noexcept {
    const auto rate = static_cast<double>(entry.guaranteed_bytes_per_second) * scale();
    if (now > entry.tokens_at) entry.tokens += rate * seconds(now - entry.tokens_at);
    entry.tokens_at = now;
    // A full bucket waits for its turn for some chunks: what comes in meanwhile counts, or the
    // stream would get less than its rate. More than that is a stream that did not send.
    entry.tokens = std::min(entry.tokens, 4 * bucket(entry));
}

void Scheduler::reheap(SchedulerEntry& entry, Time now) {
    refill(entry, now);
    const auto scaled = scale();
    if (scaled < 1.0) {
        ++counters_.guarantee_missed;
        counters_.asked_bytes_per_second = static_cast<std::uint64_t>(guaranteed_sum_);
        counters_.granted_bytes_per_second = static_cast<std::uint64_t>(scaled * guaranteed_sum_);
    }
    const auto rate = static_cast<double>(entry.guaranteed_bytes_per_second) * scaled;
    const auto missing = bucket(entry) - entry.tokens;
    entry.full_at = now;
    if (missing > 0) {
        const auto wait = std::min(missing / std::max(rate, 1e-3), 1e6);
        entry.full_at = now + std::chrono::ceil<Duration>(std::chrono::duration<double>(wait));
    }
    sift_up(entry.heap_index);
    sift_down(entry.heap_index);
}

void Scheduler::heap_insert(SchedulerEntry& entry) {
    entry.heap_index = heap_.size();
    heap_.push_back(&entry);
}

void Scheduler::heap_remove(SchedulerEntry& entry) noexcept {
    const auto index = entry.heap_index;
    if (index == not_in_heap) return;
    entry.heap_index = not_in_heap;
    auto* const last = heap_.back();
    heap_.pop_back();
    if (last == &entry) return;
    heap_[index] = last;
    last->heap_index = index;
    sift_up(index);
    sift_down(last->heap_index);
}

bool Scheduler::sooner(const SchedulerEntry& left, const SchedulerEntry& right) noexcept {
    if (left.full_at != right.full_at) return left.full_at < right.full_at;
    return left.order < right.order;
}

void Scheduler::sift_up(std::size_t index) noexcept {
    while (index > 0) {
        const auto parent = (index - 1) / 2;
        if (!sooner(*heap_[index], *heap_[parent])) return;
        std::swap(heap_[index], heap_[parent]);
        heap_[index]->heap_index = index;
        heap_[parent]->heap_index = parent;
        index = parent;
    }
}

void Scheduler::sift_down(std::size_t index) noexcept {
    for (;;) {
        auto least = index;
        for (const auto child : {2 * index + 1, 2 * index + 2}) {
            if (child < heap_.size() && sooner(*heap_[child], *heap_[least])) least = child;
        }
        if (least == index) return;
        std::swap(heap_[index], heap_[least]);
        heap_[index]->heap_index = index;
        heap_[least]->heap_index = least;
        index = least;
    }
}

}  // namespace braid::protocol
