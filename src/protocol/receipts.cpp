#include "protocol/receipts.hpp"

#include "protocol/outbound.hpp"

namespace braid::protocol {

namespace {

// A receiver keeps so many unfinished messages of a stream that may lose, and gives up older ones
// for newer ones. What is surely among those that it keeps is well below its limits.
constexpr std::uint64_t cuts_kept = 15;
constexpr std::uint64_t cut_bytes_kept = 128u << 10;

// So long after the end of a stream its receiver takes what comes late, at least.
constexpr Duration lossy_wait_least = std::chrono::milliseconds{250};

}  // namespace

void Receipts::deliver(std::uint64_t id) {
    if (id == not_asked) return;
    keep(delivered_, id);
}

void Receipts::take(Ring<std::uint64_t>& out) {
    deliver(std::exchange(newest_id_, not_asked));
    for (; !delivered_.empty(); delivered_.pop_front()) keep(out, delivered_.front());
}

void Receipts::keep(Ring<std::uint64_t>& ids, std::uint64_t id) {
    if (ids.size() == kept_max) ids.pop_front();
    ids.push_back(id);
}

void Receipts::begin(std::uint64_t number, std::uint32_t bytes, std::uint64_t first_bytes,
                     bool by_peer) {
    const auto id = queued_.front();
    const auto cuts_before = cuts_;
    const auto cut_bytes_before = cut_bytes_;
    if (first_bytes < bytes) {
        ++cuts_;
        cut_bytes_ += bytes;
    }
    // Of a sequenced stream every newer one matters: it makes the receiver drop the older.
    if (id == not_asked && !(sequenced_ && !by_peer)) return;
    if (pending_.size() == kept_max) {
        parts_.erase(pending_.front().number);
        pending_.pop_front();
    }
    pending_.push_back({number, id, cuts_before, cut_bytes_before, bytes, by_peer, false});
}

void Receipts::end() noexcept {
    if (!pending_.empty() && pending_.back().by_peer && queued_.front() != not_asked) {
        unasked_ = true;
    }
    queued_.pop_front();
}

void Receipts::close(Time now) noexcept {
    if (closed_at_ == never) closed_at_ = now;
}

void Receipts::acked(const SentRange& range, Time now) {
    auto* const pending = find(range.number);
    if (pending == nullptr || pending->done || pending->by_peer) return;
    const bool cut = range.bytes < pending->bytes;
    if (cut) {
        auto& parts = parts_[range.number];
        parts.insert(range.offset, range.offset + range.bytes);
        if (!parts.covers(0, pending->bytes)) return;
        parts_.erase(range.number);
    }
    settle(*pending, surely_kept(*pending, cut, now));
    pending->done = true;
    drop_done();
}

void Receipts::confirm_below(std::uint64_t count) {
    for (std::size_t i = 0; i < pending_.size() && pending_[i].number < count; ++i) {
        auto& pending = pending_[i];
        if (!pending.by_peer || pending.done) continue;
        deliver(pending.id);
        pending.done = true;
    }
    drop_done();
}

void Receipts::forget_sent() noexcept {
    pending_.clear();
    parts_.clear();
    unasked_ = false;
}

void Receipts::forget_all() noexcept {
    forget_sent();
    queued_.clear();
}

Receipts::Pending* Receipts::find(std::uint64_t number) noexcept {
    std::size_t begin = 0;
    std::size_t end = pending_.size();
    while (begin < end) {
        const auto middle = begin + (end - begin) / 2;
        if (pending_[middle].number < number) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    const bool found = begin < pending_.size() && pending_[begin].number == number;
    return found ? &pending_[begin] : nullptr;
}

// The link says that all parts arrived. Did the receiver have room for the first until the last
// came, and had it not ended the stream?
bool Receipts::surely_kept(const Pending& pending, bool cut, Time now) const noexcept {
    if (cut && (cuts_ - pending.cuts_before > cuts_kept ||
                cut_bytes_ - pending.cut_bytes_before > cut_bytes_kept)) {
        return false;
    }
    // Who gave up unfinished messages may have counted them twice, and ended too early.
    return closed_at_ == never || (cuts_ == 0 && now <= closed_at_ + lossy_wait_least);
}

void Receipts::settle(const Pending& pending, bool kept) {
    const auto id = kept ? pending.id : not_asked;
    if (!sequenced_) return deliver(id);
    if (pending.number < newest_) return;  // it may have come after the newer one
    newest_ = pending.number + 1;
    newest_id_ = id;
}

void Receipts::drop_done() {
    while (!pending_.empty() && (pending_.front().done || pending_.front().number < newest_)) {
        parts_.erase(pending_.front().number);
        pending_.pop_front();
    }
}

void Outbound::want_receipts() {
    receipts_ = std::make_unique<Receipts>(delivery_ == DeliveryClass::sequenced);
    if (is_guaranteed(delivery_)) return;
    for (std::size_t i = 0; i < queue_.size(); ++i) receipts_->queue(Receipts::not_asked);
}

}  // namespace braid::protocol
