#include "protocol/inbound.hpp"

#include "protocol/envelope.hpp"
#include "protocol/outbound.hpp"
#include "protocol/sealed_message.hpp"

#include <braid/error.hpp>

#include <algorithm>

namespace braid::protocol {

namespace {

// Messages that may be lost: how long one may be, how many unfinished ones a stream keeps, and what
// these may take. The longest fits, even if every other part of it is missing.
constexpr std::size_t lossy_partials_max = 16;
constexpr std::uint64_t lossy_partials_bytes_max = 2 * lossy_message_bytes_max;

// What a sequenced stream holds back for older ones.
constexpr std::size_t waiting_max = 64;
constexpr std::uint64_t waiting_bytes_max = 64u << 10;

// The envelope comes on top of the longest message.
constexpr std::size_t envelope_allowance = 1 + envelope_checksum_bytes + prefix_varint_bytes_max;

}  // namespace

std::uint64_t Inbound::expand(std::uint64_t low) const noexcept {
    const auto near = highest_ & ~std::uint64_t{0xffff};
    auto best = near | low;
    if (best > highest_ + 0x8000 && near != 0) best -= 0x10000;
    if (best + 0x8000 < highest_) best += 0x10000;
    return best;
}

std::error_code Inbound::receive(const Frame& frame, std::uint64_t number, bool may_repeat,
                                 ReceiveCredit& participant, Time now) {
    received_at_ = now;
    if (ended_) {  // a straggler of a stream that may lose, or of one that was reset
        ++counters_.duplicates;
        return {};
    }
    if (final_count_ && number >= *final_count_) return errc::protocol_violation;
    if (may_repeat && !frame.fragment && repeated(number)) return {};
    const auto error = frame.fragment ? receive_fragment(frame, number, participant, now)
                                      : receive_whole(frame, number, participant);
    if (error) return error;
    highest_ = std::max(highest_, number + 1);
    note_end();
    return {};
}

std::size_t Inbound::receive_next(std::span<const std::span<const std::byte>> payloads,
                                  ReceiveCredit& participant, std::error_code& error) {
    if (delivery_ != DeliveryClass::guaranteed_ordered || ended_ || final_count_ || discarding_ ||
        !partial_.empty() || !held_.empty()) {
        return 0;
    }
    const bool enveloped = has_envelope(promises_);
    std::size_t taken = 0;
    for (const auto payload : payloads) {
        const auto cost = payload.size() + message_charge;
        if (payload.size() > fragment_bytes_min || cost > participant.headroom() ||
            !credit_.charge(cost)) {
            break;
        }
        participant.charge(cost);
        const auto number = next_++;
        ++taken;
        assembled_bytes_ += cost;
        std::size_t envelope_bytes = 0;
        if (enveloped && !open_plain(payload, promises_, message_bytes_max_, envelope_bytes)) {
            error = deliver(number, {payload});
            if (error) break;
            continue;
        }
        delivered_charge_ += cost;
        ++counters_.messages_delivered;
        delivered.push(number, cost, payload.subspan(envelope_bytes));
    }
    if (taken == 0) return 0;
    begun_ += taken;
    highest_ = next_;
    return taken;
}

std::error_code Inbound::receive_whole(const Frame& frame, std::uint64_t number,
                                       ReceiveCredit& participant) {
    if (frame.payload.size() > message_bytes_max_ + envelope_allowance) {
        return errc::message_too_large;
    }
    if (stale(number)) return {};
    if (is_guaranteed(delivery_)) {
        if (!partial_.empty()) {
            // Another cut of a message of which fragments came before.
            const auto partial = partial_.find(number);
            if (partial != partial_.end()) {
                if (frame.beside) return receive_announced(frame, partial, participant);
                auto as_fragment = frame;
                as_fragment.has_total = true;
                as_fragment.total = frame.payload.size();
                return receive_fragment(as_fragment, number, participant, Time{});
            }
        }
        if (number != next_ && !explained_by_credit(number)) return errc::protocol_violation;
        if (!charge(frame.payload.size() + message_charge, participant)) {
            return errc::flow_control_violation;
        }
    }
    ++begun_;
    return complete(number, {frame.payload, frame.owner, frame.beside});
}

// What came of it before was only to say that it would come.
std::error_code Inbound::receive_announced(const Frame& frame,
                                           std::map<std::uint64_t, Reassembly>::iterator partial,
                                           ReceiveCredit& participant) {
    const auto number = partial->first;
    if (!partial->second.set_total(frame.payload.size())) return errc::protocol_violation;
    if (!charge(partial->second.missing(0, frame.payload.size()), participant)) {
        return errc::flow_control_violation;
    }
    partial_.erase(partial);
    forget_reservation(number);
    return complete(number, {frame.payload, frame.owner, true});
}

std::error_code Inbound::receive_fragment(const Frame& frame, std::uint64_t number,
                                          ReceiveCredit& participant, Time now) {
    if (stale(number)) return {};
    const bool guaranteed = is_guaranteed(delivery_);
    const auto bytes_max =
        guaranteed ? message_bytes_max_ + envelope_allowance
                   : std::min<std::uint64_t>(lossy_message_bytes_max, message_bytes_max_) +
                         envelope_allowance;
    if (frame.has_total && frame.total > bytes_max) return errc::message_too_large;
    if (!guaranteed) make_room_for_partial(number, frame.payload.size());
    auto partial = partial_.find(number);
    const bool begins = partial == partial_.end();
    if (begins) {
        if (guaranteed && number != next_ && !explained_by_credit(number)) {
            return errc::protocol_violation;
        }
        partial = partial_.try_emplace(number, bytes_max).first;
        partial->second.begun_at = now;
        ++begun_;
    }
    auto& message = partial->second;
    if (frame.has_total && !message.set_total(frame.total)) return errc::protocol_violation;
    if (!message.fits(frame.offset, frame.payload.size())) return errc::protocol_violation;
    const auto end = frame.offset + frame.payload.size();
    const bool last = message.total() && end == *message.total();
    if (guaranteed && !last && frame.payload.size() < fragment_bytes_min) {
        return errc::protocol_violation;
    }
    if (guaranteed) {
        const auto cost =
            message.missing(frame.offset, frame.payload.size()) + (begins ? message_charge : 0);
        if (!charge(cost, participant)) return errc::flow_control_violation;
    }
    message.add(frame.offset, frame.payload);
    if (message.complete()) {
        auto whole = std::move(message).take();
        partial_.erase(partial);
        forget_reservation(number);
        return complete(number, {whole.bytes(), &whole});
    }
    const auto window = std::min(credit_.window(), participant.window());
    if (guaranteed && !message.reserved && reservation_wanted_ == 0 &&
        message.total().value_or(0) + message_charge > window) {
        reservation_wanted_ = *message.total();
        reservation_number_ = number;
    }
    return {};
}

// True, and counted, if the message is not wanted any more.
bool Inbound::stale(std::uint64_t number) noexcept {
    switch (delivery_) {
        case DeliveryClass::unreliable: return false;
        case DeliveryClass::sequenced:
            if (number >= next_ && !held_.contains(number)) return false;
            ++(number < next_ ? counters_.outdated : counters_.duplicates);
            return true;
        case DeliveryClass::guaranteed:
        case DeliveryClass::guaranteed_ordered:
            if (number >= next_ && (above_.empty() || !above_.contains(number))) return false;
            ++counters_.duplicates;
            return true;
    }
    return false;
}

// True, and counted, if a message that has a number only to be told apart came before.
bool Inbound::repeated(std::uint64_t number) {
    if (delivery_ != DeliveryClass::unreliable) return false;
    if (recent_ == nullptr) recent_ = std::make_unique<RecentNumbers>();
    if (recent_->insert(number)) return false;
    ++counters_.duplicates;
    return true;
}

bool Inbound::charge(std::uint64_t bytes, ReceiveCredit& participant) noexcept {
    if (bytes > participant.headroom() || !credit_.charge(bytes)) return false;
    return participant.charge(bytes);
}

// Messages are first sent in order, and each costs credit: one far ahead means as many between,
// all of which the credit given must pay for.
bool Inbound::explained_by_credit(std::uint64_t number) const noexcept {
    const auto between = number - std::min(number, begun_);
    return between <= credit_.headroom() / message_charge;
}

std::error_code Inbound::complete(std::uint64_t number, const Content& content) {
    assembled_bytes_ += content.bytes.size() + message_charge;
    switch (delivery_) {
        case DeliveryClass::unreliable:  // of which not every link tells the number
            next_ = std::max(next_, number + 1);
            return deliver(counters_.messages_delivered, content);
        case DeliveryClass::sequenced:
            if (number != next_ && reorder_wait_ > Duration::zero()) {
                return wait_for_older(number, content);
            }
            next_ = number + 1;
            if (!partial_.empty()) abandon_below(number);
            if (const auto error = deliver(number, content)) return error;
            return held_.empty() ? std::error_code{} : deliver_held();
        case DeliveryClass::guaranteed:
            if (number == next_) {
                ++next_;
            } else {
                above_.insert(number, number + 1);
            }
            if (!above_.empty() && above_.front().begin == next_) {
                next_ = above_.front().end;
                above_.erase(0, next_);
            }
            return deliver(number, content);
        case DeliveryClass::guaranteed_ordered: break;
    }
    if (number != next_) {
        above_.insert(number, number + 1);
        held_.emplace(number, Held{message_of(content), content.beside});
        return {};
    }
    ++next_;
    const auto error = deliver(number, content);
    if (error || held_.empty()) return error;
    return deliver_held();
}

std::error_code Inbound::deliver_held() {
    while (!held_.empty() && held_.begin()->first == next_) {
        auto held = std::move(held_.begin()->second);
        held_.erase(held_.begin());
        held_bytes_ -= std::min<std::uint64_t>(held_bytes_, held.message.size());
        const auto number = next_++;
        const Content content{held.message.bytes(), &held.message, held.beside};
        if (const auto error = deliver(number, content)) return error;
    }
    above_.erase(0, next_);
    return {};
}

Message Inbound::message_of(const Content& content) {
    return content.owner != nullptr ? std::move(*content.owner) : Message{content.bytes};
}

// Sequenced: an older one may still come.
std::error_code Inbound::wait_for_older(std::uint64_t number, const Content& content) {
    while (!waiting_.empty() && !held_.contains(waiting_.front().number)) waiting_.pop_front();
    held_.emplace(number, Held{message_of(content), content.beside});
    waiting_.push_back({received_at_ + reorder_wait_, number});
    held_bytes_ += content.bytes.size();
    while (!held_.empty() && (waiting_.size() > waiting_max || held_bytes_ > waiting_bytes_max)) {
        release_held(held_.begin()->first);
        while (!waiting_.empty() && !held_.contains(waiting_.front().number)) waiting_.pop_front();
    }
    return {};
}

// Delivers what is held up to and with this number, and what follows it; what is missing before is
// not waited for any more. What cannot be read is lost.
void Inbound::release_held(std::uint64_t number) {
    while (!held_.empty() && (held_.begin()->first <= number || held_.begin()->first == next_)) {
        const auto at = held_.begin()->first;
        auto held = std::move(held_.begin()->second);
        held_.erase(held_.begin());
        next_ = at + 1;
        held_bytes_ -= std::min<std::uint64_t>(held_bytes_, held.message.size());
        abandon_below(at);
        if (deliver(at, {held.message.bytes(), &held.message, held.beside})) ++counters_.abandoned;
    }
}

std::error_code Inbound::deliver(std::uint64_t number, const Content& content) {
    const auto bytes = content.bytes;
    auto* const owner = content.owner;
    const auto charge = is_guaranteed(delivery_) ? bytes.size() + message_charge : 0;
    delivered_charge_ += charge;
    for (std::size_t i = 0; i < reserved_.size(); ++i) {
        if (reserved_[i].number == number) reserved_[i].delivered_at = delivered_charge_;
    }
    ++counters_.messages_delivered;
    if (content.beside || !has_envelope(promises_)) {
        if (bytes.size() > message_bytes_max_) return errc::message_too_large;
        owner != nullptr ? delivered.push(number, charge, std::move(*owner))
                         : delivered.push(number, charge, bytes);
        return {};
    }
    detail::MessageBuffer buffer{message_bytes_max_};
    const auto opened = open(bytes, promises_, message_bytes_max_, buffer);
    if (opened.failure) return *opened.failure;
    if (opened.decompressed) {
        delivered.push(number, charge, std::move(buffer).freeze());
    } else if (owner != nullptr) {
        delivered.push(number, charge,
                       SealedMessage::open(std::move(*owner), opened.bytes, opened.checksummed));
    } else {
        delivered.push(number, charge, opened.bytes);
    }
    return {};
}

std::error_code Inbound::finish(std::uint64_t count, bool ordered_lossless, Time lossy_deadline) {
    if (ended_) return {};
    if (final_count_ && *final_count_ != count) return errc::protocol_violation;
    if (count < highest_) return errc::protocol_violation;
    if (is_guaranteed(delivery_) && count != next_ && !explained_by_credit(count - 1)) {
        return errc::protocol_violation;
    }
    final_count_ = count;
    if (!is_guaranteed(delivery_)) {
        if (ordered_lossless) {
            end_lossy();
        } else {
            lossy_deadline_ = lossy_deadline;
        }
    }
    note_end();
    return {};
}

void Inbound::note_end() noexcept {
    if (!final_count_ || ended_) return;
    ended_ = is_guaranteed(delivery_)
                 ? next_ == *final_count_
                 : begun_ >= *final_count_ && partial_.empty() && held_.empty();
}

void Inbound::reset(std::uint64_t credit, ReceiveCredit& participant) {
    if (ended_) return;
    // What was charged here but will never be read, and what was lost on the way, comes back.
    const auto used = std::clamp(credit, credit_.charged(), credit_.announced());
    const auto lost = std::min(used - credit_.charged(), participant.headroom());
    credit_.charge(lost);
    participant.charge(lost);
    const auto unread = credit_.charged() - delivered_charge_;
    credit_.consume(unread);
    participant.consume(unread);
    release_undelivered(participant);
    partial_.clear();
    held_.clear();
    waiting_.clear();
    above_.clear();
    forget_reservation(reservation_number_);
    ended_ = true;
}

void Inbound::discard(ReceiveCredit& participant) {
    discarding_ = true;
    MessageQueue::Front front;
    std::uint64_t charge = 0;
    while (delivered.front(front)) {
        charge += front.charge;
        delivered.pop();
    }
    consume(charge, participant);
}

void Inbound::consume(std::uint64_t bytes, ReceiveCredit& participant) {
    consumed_charge_ += bytes;
    credit_.consume(bytes);
    participant.consume(bytes);
    while (!reserved_.empty() && reserved_.front().delivered_at != 0 &&
           reserved_.front().delivered_at <= consumed_charge_) {
        credit_.unreserve(reserved_.front().bytes);
        participant.unreserve(reserved_.front().by_participant);
        reserved_.pop_front();
    }
}

// What is delivered but not read keeps its room.
void Inbound::release_undelivered(ReceiveCredit& participant) {
    for (auto left = reserved_.size(); left > 0; --left) {
        const auto each = reserved_.front();
        reserved_.pop_front();
        if (each.delivered_at == 0) {
            participant.unreserve(each.by_participant);
        } else {
            reserved_.push_back(each);
        }
    }
    consume(0, participant);
}

void Inbound::grant_reservation(ReceiveCredit& participant) {
    grant_stream_reservation();
    auto& reserved = reserved_[reserved_.size() - 1];
    reserved.by_participant = reserved.bytes;
    participant.reserve(reserved.bytes);
    forget_reservation(reservation_number_);
}

bool Inbound::grant_stream_reservation() {
    if (std::exchange(reserved_by_stream_, true)) return false;
    credit_.reserve(reservation_wanted_);
    reserved_.push_back({reservation_number_, reservation_wanted_, 0, 0});
    const auto partial = partial_.find(reservation_number_);
    if (partial != partial_.end()) partial->second.reserved = true;
    return true;
}

// It is granted, or the message does not need it any more.
void Inbound::forget_reservation(std::uint64_t number) noexcept {
    if (reservation_number_ != number) return;
    reservation_wanted_ = 0;
    reserved_by_stream_ = false;
}

void Inbound::advance(Time now) {
    while (!waiting_.empty() && waiting_.front().until <= now && !ended_) {
        release_held(waiting_.front().number);
        waiting_.pop_front();
        note_end();
    }
    if (lossy_deadline_ <= now && !ended_) end_lossy();
}

// What is missing will not come: what was held back for it is delivered.
void Inbound::end_lossy() {
    release_held(~std::uint64_t{0});
    waiting_.clear();
    counters_.abandoned += partial_.size();
    partial_.clear();
    ended_ = true;
}

void Inbound::abandon_below(std::uint64_t number) {
    while (!partial_.empty() && partial_.begin()->first < number) {
        partial_.erase(partial_.begin());
        ++counters_.abandoned;
    }
}

// For a fragment of message `number`: the oldest others go first, what came of it goes last.
void Inbound::make_room_for_partial(std::uint64_t number, std::size_t bytes) {
    std::uint64_t held = bytes;
    for (const auto& [other, partial] : partial_) held += partial.held_bytes();
    const std::size_t begins = partial_.contains(number) ? 0 : 1;
    const auto too_much = [&] {
        return held > lossy_partials_bytes_max || partial_.size() + begins > lossy_partials_max;
    };
    for (auto oldest = partial_.begin(); oldest != partial_.end() && too_much();) {
        if (oldest->first == number) {
            ++oldest;
            continue;
        }
        held -= oldest->second.held_bytes();
        oldest = partial_.erase(oldest);
        ++counters_.abandoned;
    }
    if (too_much()) counters_.abandoned += partial_.erase(number);
}

}  // namespace braid::protocol
