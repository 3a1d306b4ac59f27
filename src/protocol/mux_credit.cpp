#include "protocol/mux.hpp"

#include <algorithm>

namespace braid::protocol {

namespace {

// A message in parts that was refused while others used so many times the credit that it needs has
// waited long enough: what is large would wait for ever among what is small.
constexpr std::uint64_t overtaken_times = 4;

}  // namespace

void Mux::activate_credit_blocked(Time now) {
    for (auto* const stream : std::exchange(credit_blocked_, {})) {
        stream->credit_blocked = false;
        activate(*stream, now);
    }
}

// Whoever heard it may be gone, or never heard it.
void Mux::tell_blocked_again() noexcept {
    send_credit_.forget_told();
    blocked_wanted_ = blocked_wanted_ || !credit_blocked_.empty();
}

// What `stream` has paid for in parts, after it wrote or was refused.
void Mux::note_payment(Stream& stream, const Outbound::Written& written, Time now) {
    if (!is_guaranteed(stream.inbound.delivery())) return;
    using Stop = Outbound::Stop;
    const auto unpaid = stream.outbound.unpaid();
    if (written.bytes > 0) stream.refused_at.reset();
    bool waits_for_stream = stream.unfinished.set_aside != 0 && written.bytes == 0;
    if (written.stop == Stop::stream_credit) waits_for_stream = true;
    if (written.stop == Stop::participant_credit) waits_for_stream = false;
    if (unfinished_.note(stream.unfinished, unpaid, waits_for_stream)) let_next_go_on(now);
    if (overtaken_ == &stream) {
        // What others wait for may be somebody who does not read: then they do not wait.
        const bool in_vain =
            written.stop == Stop::stream_credit ||
            (written.stop == Stop::participant_credit && unfinished_.alone(stream.unfinished) &&
             unfinished_.set_aside(stream.unfinished) != 0);
        if (in_vain || (written.bytes > 0 && unpaid == 0)) let_others_begin(stream, now);
    }
    if (written.stop == Stop::participant_credit) note_refused(stream);
}

void Mux::note_refused(Stream& stream) noexcept {
    const auto patience =
        std::max(overtaken_times * stream.outbound.next_cost(), send_credit_.window_min());
    if (!stream.refused_at) stream.refused_at = send_credit_.used();
    const bool overtaken = send_credit_.used() - *stream.refused_at > patience;
    if (overtaken && overtaken_ == nullptr) overtaken_ = &stream;
}

void Mux::let_others_begin(Stream& stream, Time now) {
    stream.refused_at.reset();
    if (overtaken_ != &stream) return;
    overtaken_ = nullptr;
    activate_credit_blocked(now);
}

// It has nothing unfinished, nor anything that others are to wait for.
void Mux::forget_payment(Stream& stream, Time now) {
    let_others_begin(stream, now);
    if (unfinished_.note(stream.unfinished, 0, false)) let_next_go_on(now);
}

// At most one unfinished message can go on: if the participant's credit holds it up, it may now
// take all there is. If there is none, a message may be begun that all the credit would not finish.
void Mux::let_next_go_on(Time now) {
    if (credit_blocked_.empty()) return;
    const auto first = [&](auto&& fits) {
        return std::find_if(credit_blocked_.begin(), credit_blocked_.end(), fits);
    };
    auto next = first([](const Stream* each) { return each->unfinished.paying; });
    if (unfinished_.paying() == 0) {
        next = first([&](const Stream* each) { return each == overtaken_; });
        if (next == credit_blocked_.end()) {
            next = std::min_element(credit_blocked_.begin(), credit_blocked_.end(),
                                    [](const Stream* left, const Stream* right) {
                                        return left->entry.level < right->entry.level;
                                    });
        }
    }
    if (next == credit_blocked_.end()) return;
    auto& stream = **next;
    credit_blocked_.erase(next);
    stream.credit_blocked = false;
    activate(stream, now);
}

// What fills the window may be messages that nobody reads: so it becomes wider. Where it does not,
// it may be parts of messages that wait for one another's reservations.
void Mux::on_all_blocked(std::uint64_t limit) {
    consumption_wanted_ = true;
    if (limit == receive_credit_.announced()) {
        if (receive_credit_.widest()) peer_blocked_at_ = limit;
        receive_credit_.widen();
    }
    peer_blocked_ = !receive_credit_.raised();
    max_data_wanted_ = max_data_wanted_ || !peer_blocked_;
    grant_reservations();
}

void Mux::offer_credit(Stream& stream) {
    auto& credit = stream.inbound.credit();
    if (!stream.inbound.ended() && (credit.due() || (stream.peer_blocked && credit.raised()))) {
        stream.peer_blocked = false;
        want(stream, Control::max_stream_data);
    }
    if (receive_credit_.due() || (peer_blocked_ && receive_credit_.raised())) {
        peer_blocked_ = false;
        max_data_wanted_ = true;
    }
}

void Mux::offer_streams() noexcept {
    const auto granted = retired_there_ + options_.limits.peer_streams;
    const auto left = streams_announced_ - opened_there_;
    if (granted > streams_announced_ && left <= options_.limits.peer_streams / 2) {
        max_streams_wanted_ = true;
    }
}

// Room for messages longer than their stream's window, first come first served. One always gets
// it, so that a message that is allowed at all can arrive. While the peer has used up all that the
// participant's window can be, those that wait get their stream's part: these may be all that the
// peer is able to finish, and it may have to before the one that has the room.
void Mux::grant_reservations() {
    const auto budget = std::max<std::uint64_t>(
        options_.limits.participant_receive_window_bytes_max, options_.limits.message_bytes);
    const bool stuck = peer_blocked_at_ == receive_credit_.announced();
    std::size_t served = 0;
    for (; served < reservations_.size(); ++served) {
        auto* const stream = find(reservations_[served]);
        const auto wanted = stream == nullptr ? 0 : stream->inbound.reservation_wanted();
        if (wanted != 0) {
            const auto reserved = receive_credit_.reserved();
            if (reserved != 0 && reserved + wanted > budget) break;
            stream->inbound.grant_reservation(receive_credit_);
            receive_credit_.keep_reserved();
            want(*stream, Control::max_stream_data);
            max_data_wanted_ = true;
        }
        if (stream != nullptr) stream->reservation_listed = false;
    }
    reservations_.erase(reservations_.begin(),
                        reservations_.begin() + static_cast<std::ptrdiff_t>(served));
    if (!stuck) return;
    for (const auto id : reservations_) {
        auto* const stream = find(id);
        if (stream == nullptr || stream->inbound.reservation_wanted() == 0) continue;
        if (stream->inbound.grant_stream_reservation()) want(*stream, Control::max_stream_data);
    }
}

}  // namespace braid::protocol
