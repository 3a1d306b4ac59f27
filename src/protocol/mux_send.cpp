#include "protocol/mux.hpp"

#include <algorithm>
#include <array>

namespace braid::protocol {

FrameToken Mux::fill(MuxPort& port, FrameWriter& unit, std::uint8_t level_max, Time now) {
    ++port.unit_number_;
    if (close_state_ == CloseState::sent) return 0;
    const auto begin = unit.written();
    if (!port.lossy_copies_.empty() && pending(port, level_max)) release_copies(port, now);
    const bool at_once = close_state_ == CloseState::wanted_at_once;
    if (!at_once && write_participant_controls(port, unit, now) &&
        write_stream_controls(port, unit, now)) {
        write_messages(port, unit, level_max, now);
        // What the messages brought about leaves with them: CLOSE_STREAM, BLOCKED.
        if (write_participant_controls(port, unit, now)) write_stream_controls(port, unit, now);
    }
    if (close_state_ != CloseState::open && may_close(port) &&
        unit.close(close_reason_.code(), close_reason_.text())) {
        const bool again =
            closes_at_once_ && !port.traits_.lossless && ++closes_written_ < closes_at_once_max;
        if (!again) close_state_ = CloseState::sent;
        port.log({MuxPort::SentFrame::Kind::close, {}, {}, {}, false});
    }
    if (unit.written() == begin) return 0;
    unit.finish();
    port.sent_at_ = now;
    return port.traits_.lossless ? 0 : port.close_unit();
}

// Where frames overtake each other, the goodbye waits for what was said of streams before it: the
// peer takes nothing that comes after.
bool Mux::may_close(const MuxPort& port) const noexcept {
    return close_state_ == CloseState::wanted_at_once ||
           (port.words_under_way_ == 0 && port.controls_.empty() && port.last_words_.empty());
}

bool Mux::pending(const MuxPort& port, std::uint8_t level_max) const noexcept {
    if (close_state_ == CloseState::sent) return false;
    return (close_state_ != CloseState::open && may_close(port)) || port.ping_wanted_ ||
           max_data_wanted_ || max_streams_wanted_ || blocked_wanted_ || !port.controls_.empty() ||
           !port.last_words_.empty() || port.scheduler_.top_level() <= level_max;
}

// False if there is no more room.
bool Mux::write_participant_controls(MuxPort& port, FrameWriter& unit, Time now) {
    using Kind = MuxPort::SentFrame::Kind;
    if (max_data_wanted_) {
        if (unit.room() < frame_header_bytes_max) return false;
        unit.max_data(receive_credit_.announce(now, port.path_.round_trip_time));
        max_data_wanted_ = false;
        port.log({Kind::max_data, {}, {}, {}, false});
    }
    if (max_streams_wanted_) {
        const auto granted = retired_there_ + options_.limits.peer_streams;
        if (!unit.max_streams(std::max(granted, streams_announced_))) return false;
        streams_announced_ = std::max(granted, streams_announced_);
        max_streams_wanted_ = false;
        port.log({Kind::max_streams, {}, {}, {}, false});
    }
    if (blocked_wanted_) {
        if (!unit.blocked(0, send_credit_.limit())) return false;
        blocked_wanted_ = false;
        port.log({Kind::blocked, {}, {}, {}, false});
    }
    if (port.ping_wanted_) {
        if (!unit.ping()) return false;
        port.ping_wanted_ = false;
    }
    return true;
}

bool Mux::write_stream_controls(MuxPort& port, FrameWriter& unit, Time now) {
    static constexpr std::array order{Control::open,    Control::refuse, Control::max_stream_data,
                                      Control::blocked, Control::reset,  Control::stop,
                                      Control::close,   Control::ack};
    std::size_t done = 0;
    bool room = true;
    while (room && done < port.controls_.size()) {
        auto& stream = *port.controls_[done];
        for (const auto control : order) {
            if (!stream.wants(control)) continue;
            if (!write_control(port, unit, stream, control, now)) {
                room = false;
                break;
            }
            const auto mask = static_cast<std::uint8_t>(~static_cast<std::uint8_t>(control));
            stream.controls &= mask;
            const bool final_word = control == Control::ack && stream.inbound.ended();
            port.log({MuxPort::SentFrame::Kind::control, control, stream.id, {}, final_word});
        }
        if (!room) break;
        stream.control_listed = false;
        ++done;
    }
    // Streams that are over for good can go only when the list is not being walked.
    std::vector<Stream*> over;
    for (std::size_t i = 0; i < done; ++i) {
        auto* const stream = port.controls_[i];
        if (stream->end_arrived_everywhere()) over.push_back(stream);
    }
    port.controls_.erase(port.controls_.begin(),
                         port.controls_.begin() + static_cast<std::ptrdiff_t>(done));
    for (auto* const stream : over) retire_if_done(*stream, now);
    return room && write_last_words(port, unit, now);
}

// Of streams that have another channel: this one dies, or the other does, and the peer knows which.
bool Mux::write_last_words(MuxPort& port, FrameWriter& unit, Time now) {
    std::vector<Stream*> said;
    for (auto* const stream : port.last_words_) {
        auto& name = *stream->name_on(port);
        if (!write_ack(port, unit, *stream, name.slot, now)) break;
        name.end_listed = false;
        port.log({MuxPort::SentFrame::Kind::control, Control::ack, stream->id, {}, true});
        said.push_back(stream);
    }
    port.last_words_.erase(port.last_words_.begin(),
                           port.last_words_.begin() + static_cast<std::ptrdiff_t>(said.size()));
    for (auto* const stream : said) retire_if_done(*stream, now);
    return port.last_words_.empty();
}

bool Mux::write_control(MuxPort& port, FrameWriter& unit, Stream& stream, Control control,
                        Time now) {
    const auto slot = stream.slot;
    auto& inbound = stream.inbound;
    switch (control) {
        case Control::open:
            if (!unit.open(slot, stream.id, stream.options.priority.level(),
                           static_cast<std::uint8_t>(stream.options.promises),
                           stream.options.bandwidth_bytes_per_second, inbound.credit().announced(),
                           stream.options.tag,
                           static_cast<std::uint64_t>(stream.options.reorder_wait.count()))) {
                return false;
            }
            stream.announced = true;
            return true;
        case Control::refuse: return unit.refuse_stream(slot, stream.refuse_code);
        case Control::max_stream_data:
            if (unit.room() < frame_header_bytes_max) return false;
            return unit.max_stream_data(slot,
                                        inbound.credit().announce(now, port.path_.round_trip_time));
        case Control::blocked: return unit.blocked(slot + 1, stream.outbound.credit().limit());
        case Control::close:
            if (auto* const receipts = stream.outbound.receipts()) receipts->close(now);
            return unit.close_stream(slot, stream.outbound.count());
        case Control::reset:
            return unit.reset_stream(slot, stream.reset_code, stream.outbound.count(),
                                     stream.outbound.credit().used());
        case Control::stop: return unit.stop(slot, stream.stop_code);
        case Control::ack: return write_ack(port, unit, stream, slot, now);
    }
    return true;
}

bool Mux::write_ack(MuxPort& port, FrameWriter& unit, Stream& stream, std::uint64_t slot,
                    Time now) {
    const auto& inbound = stream.inbound;
    const bool ended = inbound.ended();
    if (!unit.stream_ack(slot, inbound.assembled_below(), ended, inbound.assembled_above())) {
        return false;
    }
    stream.unacknowledged_bytes = 0;
    stream.acknowledge_at = never;
    if (!ended) return true;
    stream.change_names_on(port, [&](auto& name) {
        name.end_said_at = std::min(name.end_said_at, now);
        name.end_arrived = name.end_arrived || port.traits_.lossless;
    });
    return true;
}

void Mux::write_messages(MuxPort& port, FrameWriter& unit, std::uint8_t level_max, Time now) {
    auto& scheduler = port.scheduler_;
    const auto begin = unit.written();
    while (const auto pick = scheduler.pick(now, level_max)) {
        auto& stream = *pick.entry->stream;
        if (!port.traits_.lossless && stream.unit != port.unit_number_) {
            stream.unit = port.unit_number_;
            stream.number_known = false;
        }
        port.ranges_.clear();
        Outbound::Target target{unit,
                                send_credit_,
                                stream.slot,
                                stream.number_expected,
                                stream.number_known,
                                unfinished_.alone(stream.unfinished),
                                overtaken_ == nullptr || overtaken_ == &stream,
                                unfinished_.set_aside(stream.unfinished),
                                port.traits_.lossless ? nullptr : &port.ranges_};
        const auto count = stream.outbound.count();
        const auto written = stream.outbound.write(target, scheduler.chunk_bytes(), now);
        scheduler.sent(pick, written.bytes, now);
        if (!port.traits_.lossless) note_sent(port, stream, count, written.bytes, now);
        for (const auto& range : port.ranges_) {
            port.log({MuxPort::SentFrame::Kind::message, {}, stream.id, range, false});
        }
        after_write(port, stream, written.stop);
        note_payment(stream, written, now);
        auto* const receipts = stream.outbound.receipts();
        if (receipts != nullptr && receipts->take_unasked()) ask_for_receipts(port, now);
        if (written.stop == Outbound::Stop::no_room) return;
        // A slow link's units are short too: nobody can overtake what is in one.
        const bool bulky = unit.written() - begin >= scheduler.chunk_bytes();
        if (bulky && unit.framing() == Framing::unit) {
            level_max = std::min(level_max, urgent_level_max);
        }
    }
}

void Mux::after_write(MuxPort& port, Stream& stream, Outbound::Stop stop) {
    if (!is_guaranteed(stream.inbound.delivery())) note(stream, StreamChange::progressed);
    switch (stop) {
        case Outbound::Stop::quantum:
        case Outbound::Stop::no_room: return;
        case Outbound::Stop::stream_credit:
            port.scheduler_.deactivate(stream.entry);
            if (stream.outbound.credit().tell_blocked()) want(stream, Control::blocked);
            return;
        case Outbound::Stop::participant_credit:
            port.scheduler_.deactivate(stream.entry);
            if (!std::exchange(stream.credit_blocked, true)) credit_blocked_.push_back(&stream);
            if (send_credit_.tell_blocked()) blocked_wanted_ = true;
            return;
        case Outbound::Stop::empty: break;
    }
    port.scheduler_.deactivate(stream.entry);
    if (stream.send_state == Stream::SendState::finishing) {
        stream.send_state = Stream::SendState::closing;
        want(stream, Control::close);
    }
    if (std::exchange(stream.confirmation_wanted, false)) port.ping_wanted_ = true;
}

// The peer says by itself what it has of guaranteed streams only. Of others it tells when asked.
void Mux::ask_for_receipts(MuxPort& port, Time now) {
    if (receipts_ask_at_ != never) return;
    if (now - receipts_asked_at_ < acknowledge_delay) {
        receipts_ask_at_ = receipts_asked_at_ + acknowledge_delay;
        return;
    }
    receipts_asked_at_ = now;
    port.ping_wanted_ = true;
}

}  // namespace braid::protocol
