#include "protocol/outbound.hpp"

#include <algorithm>

namespace braid::protocol {

namespace {

// What is kept of a stream to go again: beyond, the oldest go no more.
constexpr std::size_t copies_kept_max = 64;

}  // namespace

std::uint64_t Outbound::copy_bytes(std::uint64_t first, std::uint64_t n) const noexcept {
    std::uint64_t bytes = 0;
    const auto end = std::min(first + n, number_of(sent()));
    for (auto number = std::max(first, number_first_); number < end; ++number) {
        const auto& entry = queue_[number - number_first_];
        if (!entry.confirmed) bytes += entry.bytes + copy_head_bytes;
    }
    return bytes;
}

void Outbound::copy(std::uint64_t first, std::uint64_t n) {
    const auto end = std::min(first + n, number_of(sent()));
    for (auto number = std::max(first, number_first_); number < end; ++number) {
        const auto& entry = queue_[number - number_first_];
        if (entry.confirmed) continue;
        ++counters_.copies_sent;
        lost({number, 0, entry.bytes});
    }
}

std::uint64_t Outbound::copies_waiting_bytes() const noexcept {
    std::uint64_t bytes = 0;
    for (auto i = copies_due_; i < copy_queue_.size(); ++i) {
        bytes += copy_queue_[i].entry.bytes + copy_head_bytes;
    }
    return bytes;
}

void Outbound::drop_copies() {
    while (!copy_queue_.empty()) pop_copy();
}

// The front of the queue has been sent whole: keeps it to send it again.
void Outbound::keep_copy(std::uint8_t left) {
    if (latest_only_) drop_copies();
    if (copy_queue_.size() == copies_kept_max) pop_copy();
    const auto& entry = queue_.front();
    ++entry.block->references;
    copy_queue_.push_back(
        {entry, number_first_, queued_at_.empty() ? Time{} : queued_at_[0], left});
}

void Outbound::pop_copy() {
    BlockReference::release(*copy_queue_.front().entry.block);
    copy_queue_.pop_front();
    if (copies_due_ > 0) --copies_due_;
}

std::size_t Outbound::write_copy(Target& target, Stop& stop, Time now) {
    auto copy = copy_queue_.front();
    const bool outdated = (latest_only_ && waiting_ > 0) || (time_to_live_ > Duration::zero() &&
                                                             now - copy.queued_at > time_to_live_);
    const SentRange range{copy.number, 0, copy.entry.bytes};
    const auto head = head_of(target, copy.entry, range);
    const auto room = target.writer.room();
    const bool fits = target.writer.least_head_bytes(head, range.bytes) + range.bytes <= room;
    if (!fits && target.writer.written() != 0) {
        stop = Stop::no_room;
        return 0;
    }
    // It is not cut: units may have become too short for it, even those with nothing else.
    if (target.log == nullptr || outdated || !fits) {
        pop_copy();
        stop = Stop::quantum;
        return 0;
    }
    const auto bytes = write_frame(target, copy.entry, range);
    counters_.bytes_resent += bytes;
    ++counters_.copies_sent;
    if (--copy.left > 0) {
        ++copy.entry.block->references;
        copy_queue_.push_back(copy);
    }
    pop_copy();
    return bytes;
}

}  // namespace braid::protocol
