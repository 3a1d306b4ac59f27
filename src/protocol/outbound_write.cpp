#include "protocol/outbound.hpp"

#include <algorithm>

namespace braid::protocol {

namespace {

// 16 bits name a number without doubt while the receiver's newest is less than half of that away.
constexpr std::uint64_t low_number_reach = 1u << 14;

// A message up to this size is not cut to fill the end of a unit: the second head costs more.
constexpr std::size_t uncut_bytes_max = 256;

// Up to this size a message is never cut and never referred to.
constexpr std::size_t small_bytes_max = fragment_bytes_min;

constexpr auto nothing = static_cast<std::size_t>(-1);

}  // namespace

Outbound::Written Outbound::write(Target& target, std::size_t quantum, Time now) {
    Written written;
    if (time_to_live_ > Duration::zero()) drop_expired(now);
    while (written.bytes < quantum) {
        std::size_t bytes = write_run(target, quantum - written.bytes);
        if (bytes != 0) {
            written.bytes += bytes;
            continue;
        }
        if (copies_due_ > 0) {
            bytes = write_copy(target, written.stop, now);
        } else if (resends()) {
            bytes = write_resend(target, quantum, written.stop);
        } else if (waiting_ > 0) {
            bytes = write_next(target, quantum, written.stop);
        } else {
            written.stop = Stop::empty;
        }
        if (bytes == 0) return written;
        written.bytes += bytes;
    }
    if (!backlogged()) written.stop = Stop::empty;
    return written;
}

// The hot path: whole messages in a row on a channel, or in a unit, that expects them. Stops, for
// the general path to go on, at the first message that is anything else.
std::size_t Outbound::write_run(Target& target, std::size_t quantum) {
    const bool guaranteed = is_guaranteed(delivery_);
    if (!guaranteed || !target.number_known || offset_next_ != 0 || resends()) return 0;
    auto number = number_of(sent());
    if (target.number_expected != number || number_charged_ != number) return 0;
    const auto credit = std::min(credit_.left(), target.participant_credit.left());
    const auto first = number;
    std::uint64_t used = 0;
    std::size_t written = 0;
    auto index = sent();
    for (; index < queue_.size() && written < quantum; ++index) {
        const auto& entry = queue_[index];
        const std::size_t bytes = entry.bytes;
        const auto cost = bytes + message_charge;
        if (entry.confirmed || bytes > small_bytes_max || used + cost > credit) break;
        const std::span<const std::byte> payload{entry.block->data + entry.offset, bytes};
        const auto size = target.writer.small_message(target.slot, payload);
        if (size == 0) break;
        used += cost;
        written += size;
        ++number;
    }
    if (number == first) return 0;
    waiting_ -= number - first;
    credit_.use(used);
    target.participant_credit.use(used);
    number_charged_ = number;
    offset_charged_ = queue_[index - 1].bytes;
    number_highest_ = std::max(number_highest_, number);
    target.number_expected = number;
    if (target.log != nullptr) log(target, {first, 0, queue_[index - 1].bytes, number - first - 1});
    return written;
}

std::size_t Outbound::write_next(Target& target, std::size_t chunk, Stop& stop) {
    auto* entry = &queue_[sent()];
    while (entry->confirmed) {  // it arrived by a link that died before we heard of it
        offset_next_ = 0;
        if (--waiting_ == 0) {
            stop = Stop::empty;
            return 0;
        }
        entry = &queue_[sent()];
    }
    if (target.writer.framing() == Framing::memory && !entry->block->message.empty()) {
        return write_beside(target, *entry, chunk, stop);
    }
    SentRange range{number_of(sent()), offset_next_, entry->bytes - offset_next_};
    if (is_guaranteed(delivery_)) {
        range.bytes = affordable(target, range, stop);
        if (range.bytes == nothing) return 0;
    }
    const auto fitting = fit(target, *entry, range, chunk);
    if (fitting == nothing) {
        stop = Stop::no_room;
        return 0;
    }
    if (is_guaranteed(delivery_) && range.offset + fitting < entry->bytes &&
        !may_pay_part(target, range.number)) {
        const auto most = std::min(chunk, target.writer.written() + target.writer.room());
        const bool fits_later =
            target.writer.written() > 0 && entry->bytes + frame_header_bytes_max <= most;
        stop = fits_later ? Stop::no_room : Stop::participant_credit;
        return 0;
    }
    range.bytes = fitting;
    if (is_guaranteed(delivery_)) charge(target, range);
    number_highest_ = std::max(number_highest_, range.number + 1);
    const bool told = !held_back_ || target.log == nullptr;
    if (receipts_ != nullptr && !is_guaranteed(delivery_) && range.offset == 0 && told) {
        receipts_->begin(range.number, entry->bytes, range.bytes, target.log == nullptr);
    }
    const auto bytes = write_frame(target, *entry, range);
    offset_next_ += range.bytes;
    if (offset_next_ == entry->bytes) {
        transmitted_front(target.log != nullptr && range.offset == 0);
    }
    return bytes;
}

void Outbound::transmitted_front(bool may_copy) {
    offset_next_ = 0;
    --waiting_;
    if (is_guaranteed(delivery_)) return;
    if (copies_ > 0 && may_copy) keep_copy(copies_);
    ++number_first_;
    ++counters_.messages_handed_over;
    if (receipts_ != nullptr) receipts_->end();
    free(queue_.front());
    queue_.pop_front();
    if (!queued_at_.empty()) queued_at_.pop_front();
}

// A large message that stays in memory: it goes whole and by reference, so that the credit, which
// may come in pieces, is put by for it until there is enough.
std::size_t Outbound::write_beside(Target& target, const Entry& entry, std::size_t chunk,
                                   Stop& stop) {
    const SentRange whole{number_of(sent()), 0, entry.bytes};
    std::uint64_t cost = 0;
    if (is_guaranteed(delivery_)) {
        cost = uncharged(whole);
        if (cost > std::min(credit_.left(), target.participant_credit.left())) {
            const auto window =
                std::min(credit_.window_min(), target.participant_credit.window_min());
            const bool announced = offset_next_ > 0 || whole.bytes + message_charge <= window;
            if (!may_pay_part(target, whole.number)) {
                stop = Stop::participant_credit;
                return 0;
            }
            return announced ? pay(target, entry, chunk, stop) : announce(target, entry, stop);
        }
    }
    const auto head = head_of(target, entry, whole);
    if (FrameWriter::head_bytes(head, 0) > target.writer.room()) {
        stop = Stop::no_room;
        return 0;
    }
    if (is_guaranteed(delivery_)) {
        charge(target, whole);
    } else if (receipts_ != nullptr) {
        receipts_->begin(whole.number, entry.bytes, entry.bytes, target.log == nullptr);
    }
    number_highest_ = std::max(number_highest_, whole.number + 1);
    target.writer.message_beside(head, entry.block->message);
    target.number_known = true;
    target.number_expected = whole.number + 1;
    const auto bytes = is_guaranteed(delivery_) ? std::max<std::uint64_t>(cost, 1) : whole.bytes;
    transmitted_front(false);
    return bytes;
}

// The beginning of a message for which the peer has to make room: it tells how much.
std::size_t Outbound::announce(Target& target, const Entry& entry, Stop& stop) {
    const SentRange beginning{number_of(sent()), 0, fragment_bytes_min};
    const auto left = spendable(target, uncharged({beginning.number, 0, entry.bytes}));
    if (uncharged(beginning) > std::min(credit_.left(), left)) {
        stop = out_of_credit(left);
        return 0;
    }
    if (target.writer.room() < frame_header_bytes_max + fragment_bytes_min) {
        stop = Stop::no_room;
        return 0;
    }
    charge(target, beginning);
    number_highest_ = std::max(number_highest_, beginning.number + 1);
    offset_next_ = fragment_bytes_min;
    return write_frame(target, entry, beginning);
}

// Takes what credit there is for the message that is next. The receiver hears of it with the
// message, or with a RESET_STREAM.
std::size_t Outbound::pay(Target& target, const Entry& entry, std::size_t chunk,
                          Stop& stop) noexcept {
    const auto number = number_of(sent());
    const auto participant = spendable(target, uncharged({number, 0, entry.bytes}));
    const auto left =
        std::min<std::uint64_t>({credit_.left(), participant, chunk + message_charge});
    const bool begins = number >= number_charged_;
    if (left <= (begins ? message_charge : 0)) {
        stop = out_of_credit(participant);
        return 0;
    }
    const auto from = begins ? 0 : offset_charged_;
    const auto end =
        std::min<std::uint64_t>(from + left - (begins ? message_charge : 0), entry.bytes);
    charge(target, {number, 0, end});
    return static_cast<std::size_t>(left);
}

std::size_t Outbound::write_resend(Target& target, std::size_t chunk, Stop& stop) {
    // The oldest first.
    const auto parts = resend_parts_.begin();
    const bool whole =
        parts == resend_parts_.end() || (!resend_.empty() && resend_.front().begin < parts->first);
    const auto number = whole ? resend_.front().begin : parts->first;
    const auto& entry = queue_[number - number_first_];
    SentRange range{number, 0, entry.bytes};
    if (!whole && !parts->second.empty()) {
        range.offset = parts->second.front().begin;
        range.bytes = parts->second.front().end - range.offset;
        // A short piece from the middle takes along what is before it: what is behind may never
        // have been sent, and is not paid for.
        const auto end = range.offset + range.bytes;
        if (range.bytes < fragment_bytes_min && end < entry.bytes) {
            range.offset = end - std::min<std::uint64_t>(end, fragment_bytes_min);
            range.bytes = end - range.offset;
        }
    }
    const auto fitting = fit(target, entry, range, chunk);
    if (fitting == nothing) {
        stop = Stop::no_room;
        return 0;
    }
    range.bytes = fitting;
    const auto bytes = write_frame(target, entry, range);
    counters_.bytes_resent += bytes;
    if (!whole) {
        parts->second.erase(range.offset, range.offset + range.bytes);
        if (parts->second.empty()) resend_parts_.erase(parts);
        return bytes;
    }
    resend_.erase(number, number + 1);
    if (range.bytes < entry.bytes) resend_parts_[number].insert(range.bytes, entry.bytes);
    return bytes;
}

// How much of `range` goes into the next frame, or `nothing`.
std::size_t Outbound::fit(const Target& target, const Entry& entry, const SentRange& range,
                          std::size_t chunk) const noexcept {
    const auto room = target.writer.room();
    const auto head_bytes = [&](const SentRange& piece) {
        return target.writer.least_head_bytes(head_of(target, entry, piece), piece.bytes);
    };
    const auto head = head_bytes(range);
    const bool last = range.offset + range.bytes == entry.bytes;
    if (range.bytes <= chunk && head + range.bytes <= room) {
        return last || range.bytes >= fragment_bytes_min ? range.bytes : nothing;
    }
    if (range.bytes <= uncut_bytes_max && target.writer.written() > 0) return nothing;
    if (range.bytes <= fragment_bytes_min) return nothing;
    // A cut one has a longer head than a whole one.
    const auto cut = head_bytes({range.number, range.offset, range.bytes - 1});
    if (room < cut + fragment_bytes_min) return nothing;
    return std::min({static_cast<std::size_t>(range.bytes - 1), std::max(chunk, fragment_bytes_min),
                     room - cut});
}

std::size_t Outbound::write_frame(Target& target, const Entry& entry, const SentRange& range) {
    const auto before = target.writer.written();
    const std::span payload{entry.block->data + entry.offset + range.offset, range.bytes};
    const auto head = head_of(target, entry, range);
    target.writer.message(head, payload, *entry.block);
    // Whole messages that may come in any order need no number; the next frame cannot count on
    // from one that said none.
    target.number_known = head.numbering != Numbering::implied || in_step(target, range);
    target.number_expected = range.number + 1;
    if (target.log != nullptr && (is_guaranteed(delivery_) || receipts_ != nullptr)) {
        log(target, range);
    }
    return target.writer.written() - before;
}

// Whole messages in a row are one record: what becomes of them is one thing.
void Outbound::log(Target& target, const SentRange& range) const {
    if (is_guaranteed(delivery_) && !target.log->empty()) {
        auto& last = target.log->back();
        const auto whole = [&](const SentRange& one) {
            return one.more > 0 || one.bytes == queue_[one.number - number_first_].bytes;
        };
        if (last.number + last.more + 1 == range.number && whole(last) && whole(range)) {
            last.more += range.more + 1;
            return;
        }
    }
    target.log->push_back(range);
}

MessageHead Outbound::head_of(const Target& target, const Entry& entry,
                              const SentRange& range) const noexcept {
    MessageHead head;
    head.slot = target.slot;
    head.number = range.number;
    head.offset = range.offset;
    head.total = entry.bytes;
    head.fragment = range.bytes < entry.bytes;
    head.has_total = head.fragment && (target.log != nullptr || range.offset == 0);
    const bool numberless = delivery_ == DeliveryClass::unreliable && !head.fragment &&
                            target.log != nullptr && copies_ == 0;
    if (numberless || in_step(target, range)) return head;
    const bool near = range.number < number_first_ + low_number_reach &&
                      number_highest_ - std::min(number_highest_, range.number) < low_number_reach;
    head.numbering = near ? Numbering::low : Numbering::whole;
    return head;
}

// The peer counts on to this frame's number by itself.
bool Outbound::in_step(const Target& target, const SentRange& range) noexcept {
    const auto follows = range.offset == 0 ? range.number : range.number + 1;
    return target.number_known && target.number_expected == follows;
}

// How many bytes of `range` the credit pays for, or `nothing`.
std::size_t Outbound::affordable(Target& target, const SentRange& range,
                                 Stop& stop) const noexcept {
    const auto cost = uncharged(range);
    if (cost <= std::min(credit_.left(), target.participant_credit.left())) return range.bytes;
    const auto participant = spendable(target, cost);
    const auto missing = cost - std::min(cost, std::min(credit_.left(), participant));
    const auto most = missing < range.bytes ? range.bytes - missing : 0;
    // Who has some of its stream's credit left goes on: the peer gives no more to it.
    if (most >= fragment_bytes_min) return most;
    stop = out_of_credit(participant);
    return nothing;
}

// How much of the participant's credit may go into parts of a message of which the rest costs
// `cost`: see UnfinishedMessages.
std::uint64_t Outbound::spendable(const Target& target, std::uint64_t cost) const noexcept {
    const auto left = target.participant_credit.left();
    if (cost <= left) return left;
    return target.alone ? left - std::min(left, target.set_aside) : 0;
}

bool Outbound::may_pay_part(const Target& target, std::uint64_t number) const noexcept {
    return target.may_begin || number < number_charged_;
}

Outbound::Stop Outbound::out_of_credit(std::uint64_t participant_credit) const noexcept {
    return credit_.left() <= participant_credit ? Stop::stream_credit : Stop::participant_credit;
}

std::uint64_t Outbound::unpaid() const noexcept {
    if (!is_guaranteed(delivery_) || number_charged_ <= number_first_) return 0;
    const auto index = number_charged_ - 1 - number_first_;
    if (index >= queue_.size() || queue_[index].confirmed) return 0;
    const std::uint64_t bytes = queue_[index].bytes;
    return bytes - std::min(bytes, offset_charged_);
}

std::uint64_t Outbound::next_cost() const noexcept {
    return waiting_ == 0 ? 0 : uncharged({number_of(sent()), 0, queue_[sent()].bytes});
}

std::uint64_t Outbound::uncharged(const SentRange& range) const noexcept {
    if (range.number >= number_charged_) return range.bytes + message_charge;
    if (range.number + 1 < number_charged_) return 0;
    const auto end = range.offset + range.bytes;
    return end > offset_charged_ ? end - std::max(range.offset, offset_charged_) : 0;
}

void Outbound::charge(Target& target, const SentRange& range) noexcept {
    const auto cost = uncharged(range);
    credit_.use(cost);
    target.participant_credit.use(cost);
    if (range.number >= number_charged_) {
        number_charged_ = range.number + 1;
        offset_charged_ = range.bytes;
    } else if (range.number + 1 == number_charged_) {
        offset_charged_ = std::max(offset_charged_, range.offset + range.bytes);
    }
}

}  // namespace braid::protocol
