#include "runtime/timers.hpp"

#include <utility>

namespace braid::runtime {

namespace {

using protocol::Duration;
using protocol::Time;

constexpr Duration::rep count_of(Time time) noexcept { return time.time_since_epoch().count(); }
constexpr Time time_of(Duration::rep count) noexcept { return Time{Duration{count}}; }

}  // namespace

// The two stores and loads are sequentially consistent: either this sees that the entry is not in
// the heap any more, or expire() sees the new deadline.
bool TimerHeap::postpone(Timers::Entry& entry, Time at) noexcept {
    entry.wanted_.store(count_of(at));
    return entry.key_.load() <= count_of(at);
}

void TimerHeap::arm(Timers::Entry& entry) {
    const auto wanted = entry.wanted_.load();
    if (entry.key_.load() <= wanted) return;
    if (entry.position_ == Timers::Entry::nowhere) {
        heap_.push_back(&entry);
        entry.position_ = heap_.size() - 1;
    }
    entry.key_.store(wanted);
    sift_up(entry.position_);
}

void TimerHeap::remove(Timers::Entry& entry) noexcept {
    const auto position = std::exchange(entry.position_, Timers::Entry::nowhere);
    if (position == Timers::Entry::nowhere) return;
    entry.key_.store(count_of(protocol::never));
    auto* const last = heap_.back();
    heap_.pop_back();
    if (last == &entry) return;
    place(*last, position);
    sift_up(position);
    sift_down(last->position_);
}

Time TimerHeap::earliest() const noexcept {
    return heap_.empty() ? protocol::never : key_of(*heap_.front());
}

void TimerHeap::expire(Time now, std::vector<std::shared_ptr<Alarmed>>& due) {
    while (earliest() <= now) {
        auto& entry = *heap_.front();
        remove(entry);
        const auto wanted = time_of(entry.wanted_.load());
        if (wanted > now) {
            if (wanted != protocol::never) arm(entry);
        } else if (auto target = entry.target_.lock()) {
            due.push_back(std::move(target));
        }
    }
}

Time TimerHeap::key_of(const Timers::Entry& entry) noexcept { return time_of(entry.key_.load()); }

void TimerHeap::place(Timers::Entry& entry, std::size_t position) noexcept {
    heap_[position] = &entry;
    entry.position_ = position;
}

void TimerHeap::sift_up(std::size_t position) noexcept {
    auto& entry = *heap_[position];
    while (position > 0) {
        auto& parent = *heap_[(position - 1) / 2];
        if (key_of(parent) <= key_of(entry)) break;
        place(parent, position);
        position = (position - 1) / 2;
    }
    place(entry, position);
}

void TimerHeap::sift_down(std::size_t position) noexcept {
    auto& entry = *heap_[position];
    for (;;) {
        auto child = 2 * position + 1;
        if (child >= heap_.size()) break;
        if (child + 1 < heap_.size() && key_of(*heap_[child + 1]) < key_of(*heap_[child])) ++child;
        if (key_of(entry) <= key_of(*heap_[child])) break;
        place(*heap_[child], position);
        position = child;
    }
    place(entry, position);
}

}  // namespace braid::runtime
