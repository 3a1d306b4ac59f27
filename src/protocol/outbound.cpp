#include "protocol/outbound.hpp"

#include "protocol/recent_numbers.hpp"

#include <algorithm>

namespace braid::protocol {

void Outbound::enqueue(Block& block, std::span<const Piece> pieces, Time now, bool receipt) {
    if (receipt && receipts_ == nullptr) want_receipts();
    if (is_guaranteed(delivery_) && !latest_only_ && time_to_live_ == Duration::zero()) {
        return append(block, pieces, receipt);
    }
    for (const auto& piece : pieces) {
        if (latest_only_) drop_waiting();
        append(block, {&piece, 1}, receipt);
        if (time_to_live_ > Duration::zero()) queued_at_.push_back(now);
        if (is_guaranteed(delivery_)) continue;
        if (receipts_ != nullptr) {
            receipts_->queue(receipt ? counters_.messages_enqueued - 1 : Receipts::not_asked);
        }
        drop_oldest();
    }
}

void Outbound::append(Block& block, std::span<const Piece> pieces, bool receipt) {
    std::size_t bytes = 0;
    for (const auto& piece : pieces) {
        queue_.push_back({&block, piece.offset & Entry::bytes_max, receipt ? 1u : 0u,
                          piece.bytes & Entry::bytes_max, 0});
        bytes += piece.bytes;
    }
    block.references += static_cast<std::uint32_t>(pieces.size());
    queue_bytes_ += bytes;
    waiting_ += pieces.size();
    counters_.messages_enqueued += pieces.size();
}

// What is partly sent goes on: the receiver has a use for all of it only.
void Outbound::drop_waiting() {
    while (waiting_ > (offset_next_ > 0 ? 1u : 0u)) {
        free(queue_.back());
        queue_.pop_back();
        if (!queued_at_.empty()) queued_at_.pop_back();
        if (receipts_ != nullptr) receipts_->drop_newest();
        --waiting_;
        ++counters_.messages_dropped;
    }
}

// As many as are too many for the queue.
void Outbound::drop_oldest() {
    const bool partly_sent = offset_next_ > 0;
    while (queue_bytes_ > queue_bytes_max_ && waiting_ > (partly_sent ? 2u : 1u)) {
        if (partly_sent) {  // it goes on, as above: the next one is the oldest that can go
            std::swap(queue_[0], queue_[1]);
            if (!queued_at_.empty()) std::swap(queued_at_[0], queued_at_[1]);
            if (receipts_ != nullptr) receipts_->swap_oldest_two();
        }
        drop_front();
    }
}

bool Outbound::confirm_below(std::uint64_t count) {
    if (count > number_highest_) return false;
    if (!is_guaranteed(delivery_)) {
        if (receipts_ != nullptr) receipts_->confirm_below(count);
        return true;
    }
    if (count > number_first_) {
        const auto n = static_cast<std::size_t>(count - number_first_);
        note_confirmed(number_first_, n);
        pop_front(n);
    }
    forget_resends(0, number_first_);
    pop_confirmed();
    return true;
}

bool Outbound::confirm(std::uint64_t first, std::uint64_t n) {
    if (first > number_highest_ || n > number_highest_ - first) return false;
    if (!is_guaranteed(delivery_)) return true;
    if (first <= number_first_) return confirm_below(first + n);
    note_confirmed(first, n);
    forget_resends(first, first + n);
    return true;
}

void Outbound::note_confirmed(std::uint64_t first, std::uint64_t n) {
    for (auto number = first; number < first + n; ++number) {
        auto& entry = queue_[number - number_first_];
        if (entry.confirmed) continue;
        entry.confirmed = 1;
        ++counters_.messages_confirmed;
        if (entry.receipt) receipts_->deliver(number);
    }
}

void Outbound::forget_resends(std::uint64_t first, std::uint64_t end) {
    if (!resend_.empty()) resend_.erase(first, end);
    for (auto* const parts : {&resend_parts_, &parts_acked_}) {
        if (!parts->empty()) parts->erase(parts->lower_bound(first), parts->lower_bound(end));
    }
}

void Outbound::acked(const SentRange& range, Time now) {
    if (!is_guaranteed(delivery_)) {
        // Of a message that may come again the receiver takes none that it could not tell from one
        // that it had: older ones may have been dropped there.
        const bool told_apart = copies_ == 0 || delivery_ != DeliveryClass::unreliable ||
                                number_highest_ - range.number <= RecentNumbers::kept;
        if (receipts_ != nullptr && told_apart) receipts_->acked(range, now);
        return;
    }
    if (range.more == 0) {
        if (range.number < number_first_) return;
        const auto& entry = queue_[range.number - number_first_];
        if (entry.confirmed) return;
        if (range.bytes < entry.bytes) {
            auto& parts = parts_acked_[range.number];
            parts.insert(range.offset, range.offset + range.bytes);
            if (!parts.covers(0, entry.bytes)) {
                const auto again = resend_parts_.find(range.number);
                if (again == resend_parts_.end()) return;
                again->second.erase(range.offset, range.offset + range.bytes);
                if (again->second.empty()) resend_parts_.erase(again);
                return;
            }
        }
    }
    confirm(range.number, range.more + 1);
}

void Outbound::lost(const SentRange& range) {
    if (!is_guaranteed(delivery_)) return;
    // After a rewind all that waits is sent anyway.
    const auto end = std::min(range.number + range.more + 1, number_of(sent()));
    for (auto number = std::max(range.number, number_first_); number < end; ++number) {
        const auto& entry = queue_[number - number_first_];
        if (entry.confirmed) continue;
        const bool whole = range.more > 0 || range.bytes == entry.bytes;
        if (whole && !parts_acked_.contains(number) && !resend_parts_.contains(number)) {
            resend_.insert(number, number + 1);
        } else {
            lost_parts({number, range.offset, whole ? entry.bytes : range.bytes});
        }
    }
    // Of the one that is partly sent, what is sent already.
    const bool begun = range.number == number_of(sent()) && range.offset < offset_next_;
    if (range.more == 0 && begun && !queue_[sent()].confirmed) lost_parts(range);
}

void Outbound::lost_parts(const SentRange& range) {
    if (resend_.contains(range.number)) return;
    auto& again = resend_parts_[range.number];
    again.insert(range.offset, range.offset + range.bytes);
    const auto parts = parts_acked_.find(range.number);
    if (parts == parts_acked_.end()) return;
    for (const auto& part : parts->second) again.erase(part.begin, part.end);
    if (again.empty()) resend_parts_.erase(range.number);
}

void Outbound::rewind() {
    if (is_guaranteed(delivery_)) {
        for (std::size_t i = 0; i < sent(); ++i) counters_.bytes_resent += queue_[i].bytes;
        waiting_ = queue_.size();
    } else if (offset_next_ > 0) {
        // It begins again and may be dropped before it does: whoever comes next must not get the
        // number under which the peer holds a part of it.
        ++number_first_;
    }
    offset_next_ = 0;
    resend_.clear();
    resend_parts_.clear();
    parts_acked_.clear();
    drop_copies();
    if (receipts_ != nullptr) receipts_->forget_sent();
}

void Outbound::drop_all() {
    while (!queue_.empty()) {
        free(queue_.front());
        queue_.pop_front();
    }
    queued_at_.clear();
    if (receipts_ != nullptr) receipts_->forget_all();
    number_first_ = number_highest_;  // what is heard of these later is old news
    waiting_ = 0;
    offset_next_ = 0;
    resend_.clear();
    resend_parts_.clear();
    parts_acked_.clear();
    drop_copies();
}

void Outbound::free(Entry& entry) noexcept {
    freed_bytes_ += entry.bytes;
    queue_bytes_ -= entry.bytes;
    BlockReference::release(*entry.block);
    entry.block = nullptr;
}

void Outbound::pop_confirmed() {
    std::size_t n = 0;
    while (n < queue_.size() && queue_[n].confirmed) ++n;
    if (n > 0) pop_front(n);
}

// Those that the receiver has.
void Outbound::pop_front(std::size_t n) {
    if (n > sent()) {  // rewound, and it had them all along
        waiting_ = queue_.size() - n;
        offset_next_ = 0;
    }
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < n;) {
        auto& block = *queue_[i].block;
        const auto first = i;
        for (; i < n && queue_[i].block == &block; ++i) bytes += queue_[i].bytes;
        BlockReference::release(block, static_cast<std::uint32_t>(i - first));
    }
    freed_bytes_ += bytes;
    queue_bytes_ -= bytes;
    queue_.pop_front(n);
    number_first_ += n;
}

void Outbound::drop_expired(Time now) {
    if (is_guaranteed(delivery_)) return;
    while (waiting_ > 0 && offset_next_ == 0 && now - queued_at_[0] > time_to_live_) {
        drop_front();
    }
}

void Outbound::drop_front() {
    free(queue_.front());
    queue_.pop_front();
    if (!queued_at_.empty()) queued_at_.pop_front();
    if (receipts_ != nullptr) receipts_->drop_oldest();
    --waiting_;
    ++counters_.messages_dropped;
}

}  // namespace braid::protocol
