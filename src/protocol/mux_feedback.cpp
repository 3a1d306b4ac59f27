#include "protocol/mux.hpp"

#include <utility>

namespace braid::protocol {

void Mux::acked(MuxPort& port, FrameToken token, Time now) {
    auto* const unit = port.sent_unit(token);
    if (unit == nullptr) return;
    if (unit->words && !unit->lost) --port.words_under_way_;
    unit->settled = true;
    for (std::uint64_t i = 0; i < unit->frames; ++i) {
        acked_frame(port, port.logged(unit->first + i), now);
    }
    port.forget_settled(now);
    if (!port.copies_.empty()) forget_copies(port);
}

void Mux::acked_frame(MuxPort& port, const MuxPort::SentFrame& frame, Time now) {
    auto* const stream = find(frame.stream);
    if (stream == nullptr) return;
    if (frame.kind == MuxPort::SentFrame::Kind::message && !stream->open_arrived) {
        stream->arrived_before_open.push_back(frame.range);
    } else if (frame.kind == MuxPort::SentFrame::Kind::message) {
        stream->outbound.acked(frame.range, now);
        note(*stream, StreamChange::progressed);
        // It may have been all that was left to send again.
        if (stream->entry.backlogged && !stream->outbound.backlogged()) {
            after_write(*stream->port, *stream, Outbound::Stop::empty);
        }
    } else if (frame.kind == MuxPort::SentFrame::Kind::control && frame.control == Control::open) {
        stream->open_arrived = true;
        for (const auto& range : std::exchange(stream->arrived_before_open, {})) {
            acked_frame(port, {MuxPort::SentFrame::Kind::message, {}, stream->id, range}, now);
        }
    } else if (frame.kind == MuxPort::SentFrame::Kind::control && frame.final_word) {
        stream->change_names_on(port, [](auto& name) { name.end_arrived = true; });
        retire_if_done(*stream, now);
    }
}

void Mux::lost(MuxPort& port, FrameToken token, Time now) {
    auto* const unit = port.sent_unit(token);
    if (unit == nullptr) return;
    // The unit is kept: it may yet turn out to have arrived.
    if (!std::exchange(unit->lost, true)) {
        unit->lost_at = now;
        if (unit->words) --port.words_under_way_;
    }
    for (std::uint64_t i = 0; i < unit->frames; ++i) {
        lost_frame(port, port.logged(unit->first + i), now);
    }
    port.forget_settled(now);
}

void Mux::lost_frame(MuxPort& port, const MuxPort::SentFrame& frame, Time now) {
    using Kind = MuxPort::SentFrame::Kind;
    switch (frame.kind) {
        case Kind::max_data: max_data_wanted_ = true; return;
        case Kind::max_streams: max_streams_wanted_ = true; return;
        case Kind::blocked: tell_blocked_again(); return;
        case Kind::close:
            close_state_ = closes_at_once_ ? CloseState::wanted_at_once : CloseState::wanted;
            return;
        case Kind::message:
        case Kind::control: break;
    }
    auto* const stream = find(frame.stream);
    if (stream == nullptr || stream->retired) return;
    if (frame.final_word) return say_end(*stream, port);
    if (stream->port != &port) return;
    if (frame.kind == Kind::message) {
        stream->outbound.lost(frame.range);
        activate(*stream, now);
        return;
    }
    auto& outbound = stream->outbound;
    const bool blocked = outbound.credit().told_blocked() && !outbound.transmitted();
    if (frame.control == Control::blocked && !blocked) return;
    const bool said = frame.control == Control::close || frame.control == Control::reset;
    if (said && stream->send_state == Stream::SendState::closed) return;
    if (frame.control == Control::max_stream_data && stream->inbound.ended()) return;
    if (frame.control == Control::stop && stream->inbound.ended()) return;
    want(*stream, frame.control);
}

}  // namespace braid::protocol
