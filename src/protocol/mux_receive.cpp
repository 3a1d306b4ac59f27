#include "protocol/mux.hpp"

#include <algorithm>
#include <array>

namespace braid::protocol {

namespace {

constexpr std::size_t prefetch_bytes = 512;

// Small messages of one stream that are worked off at a time.
constexpr std::size_t small_run_max = 32;

}  // namespace

FrameSink::Receipt Mux::receive(MuxPort& port, std::span<const std::byte> bytes, Framing framing,
                                Time now) {
    ++port.unit_number_;
    port.received_at_ = now;
    return framing == Framing::stream ? receive_in_order(port, bytes, framing, {}, now)
                                      : receive_unit(port, bytes, now);
}

FrameSink::Receipt Mux::receive(MuxPort& port, std::span<const std::byte> bytes,
                                std::span<Message> beside, Time now) {
    ++port.unit_number_;
    port.received_at_ = now;
    return receive_in_order(port, bytes, Framing::memory, beside, now);
}

// Frames of a channel that loses nothing: each takes effect by itself.
FrameSink::Receipt Mux::receive_in_order(MuxPort& port, std::span<const std::byte> bytes,
                                         Framing framing, std::span<Message> beside, Time now) {
    const auto size = bytes.size();
    Frame frame;
    std::error_code error;
    while (!bytes.empty()) {
        // Messages are read once, right after the kernel wrote them.
        __builtin_prefetch(bytes.data() + prefetch_bytes);
        if (const auto taken = receive_small(port, bytes, now, error); taken != 0) {
            bytes = bytes.subspan(taken);
            if (error) return {size - bytes.size(), true, error};
            continue;
        }
        const auto status = decode(bytes, framing, frame);
        if (status == FrameStatus::incomplete) break;
        if (status == FrameStatus::malformed) {
            return {size - bytes.size(), true, errc::frame_malformed};
        }
        if (status == FrameStatus::unknown_type) {
            return {size - bytes.size(), true, errc::protocol_violation};
        }
        if (frame.beside) {
            if (beside.empty()) return {size - bytes.size(), true, errc::frame_malformed};
            frame.owner = &beside.front();
            frame.payload = beside.front().bytes();
            beside = beside.subspan(1);
        }
        ++counters_.frames_received;
        error = apply(port, frame, now);
        if (error) return {size - bytes.size(), true, error};
    }
    return {size - bytes.size(), true, {}};
}

// The hot path: a run of small messages of one stream that are its next. Returns the bytes that
// they take: 0, and nothing has happened, if the first is anything else.
std::size_t Mux::receive_small(MuxPort& port, std::span<const std::byte> bytes, Time now,
                               std::error_code& error) {
    SmallMessage message;
    auto size = decode_small(bytes, message);
    if (size == 0) return 0;
    const auto number = message.slot;
    auto* const slot = port.find_slot(number);
    if (slot == nullptr || slot->stream == nullptr || !slot->number_known || peer_close_) return 0;
    auto& stream = *slot->stream;
    const bool in_unit = !port.traits_.lossless;
    if (in_unit && (slot->unit != port.unit_number_ || stream.tombstone)) return 0;
    if (slot->number_expected != stream.inbound.next_number()) return 0;
    std::array<std::span<const std::byte>, small_run_max> run;
    std::size_t count = 0;
    for (auto rest = bytes; size != 0 && message.slot == number && count < run.size();) {
        run[count++] = message.payload;
        rest = rest.subspan(size);
        size = decode_small(rest, message);
    }
    const auto assembled = stream.inbound.assembled_bytes();
    const auto taken =
        stream.inbound.receive_next(std::span{run}.first(count), receive_credit_, error);
    if (taken == 0) return 0;
    slot->number_expected += taken;
    counters_.frames_received += taken;
    acknowledge_later(stream, stream.inbound.assembled_bytes() - assembled, now, port);
    if (in_unit) offer_credit(stream);
    note(stream, StreamChange::delivered);
    const auto& last = run[taken - 1];
    return static_cast<std::size_t>(last.data() + last.size() - bytes.data());
}

// Two passes: nothing takes effect unless all of it can.
FrameSink::Receipt Mux::receive_unit(MuxPort& port, std::span<const std::byte> bytes, Time now) {
    Frame frame;
    std::size_t frames = 0;
    std::size_t held = 0;
    bool too_early = false;
    std::vector<std::uint64_t> opened;
    auto open_slot = MuxPort::no_slot;  // messages of this one can take effect
    for (auto rest = bytes; !rest.empty(); ++frames) {
        SmallMessage message;
        const auto size = decode_small(rest, message);
        if (size != 0 && message.slot == open_slot && frames != unit_frames_max) {
            rest = rest.subspan(size);
            continue;
        }
        const auto status = decode(rest, Framing::unit, frame);
        if (status == FrameStatus::unknown_type) return {0, true, errc::protocol_violation};
        if (status != FrameStatus::complete || frames == unit_frames_max) {
            return {0, true, errc::frame_malformed};
        }
        if (frame.type == FrameType::open) opened.push_back(frame.slot);
        const bool is_message =
            frame.type == FrameType::message || frame.type == FrameType::message_long;
        const bool may_be_of_next = port.may_be_of_next(frame, now);
        if (!may_be_of_next && !port.overtook_open(frame)) {
            if (is_message) open_slot = frame.slot;
            continue;
        }
        const auto slot = MuxPort::slot_of(frame);
        if (std::find(opened.begin(), opened.end(), slot) != opened.end()) continue;
        // A word about a stream is not held but has to come again: it would be lost otherwise.
        // So has a message that may be a late one of the stream that had this slot before.
        const auto* const named = port.find_slot(slot);
        const bool may_be_late = named != nullptr && named->retired_until > now;
        too_early = too_early || !is_message || may_be_late || may_be_of_next;
        held += frame.payload.size() + sizeof(MuxPort::HeldFrame);
    }
    if (too_early || (held != 0 && port.held_bytes_ + held > MuxPort::held_bytes_max)) {
        ++counters_.units_not_stored;
        return {bytes.size(), false, {}};
    }
    std::error_code error;
    for (auto rest = bytes; !rest.empty();) {
        if (const auto taken = receive_small(port, rest, now, error); taken != 0) {
            if (error) return {bytes.size(), true, error};
            rest = rest.subspan(taken);
            continue;
        }
        decode(rest, Framing::unit, frame);
        ++counters_.frames_received;
        error = apply(port, frame, now);
        if (error) return {bytes.size(), true, error};
    }
    return {bytes.size(), true, {}};
}

std::error_code Mux::apply(MuxPort& port, const Frame& frame, Time now) {
    if (peer_close_) {
        // Elsewhere what left before may come after, and so may what only asks for an answer.
        return port.traits_.lossless ? errc::protocol_violation : std::error_code{};
    }
    switch (frame.type) {
        case FrameType::message:
        case FrameType::message_long: return on_message(port, frame, now);
        case FrameType::padding: return {};
        case FrameType::ping: answer_ping(); return {};
        case FrameType::open: return on_open(port, frame, now);
        case FrameType::max_data:
            if (send_credit_.raise(frame.value)) activate_credit_blocked(now);
            return {};
        case FrameType::max_streams:
            if (frame.value > peer_streams_max_) {
                peer_streams_max_ = frame.value;
                more_streams_ = true;
            }
            return {};
        case FrameType::close:
            peer_close_ = CloseReason{frame.code, std::string{frame.text}};
            return {};
        case FrameType::blocked:
            if (frame.slot == 0) {
                on_all_blocked(frame.value);
                return {};
            }
            break;
        default: break;
    }
    const auto number = frame.type == FrameType::blocked ? frame.slot - 1 : frame.slot;
    auto* const slot = port.find_slot(number);
    if (slot != nullptr && slot->stream != nullptr) {
        return on_stream_frame(port, *slot->stream, frame, now);
    }
    // On a lossless link nothing comes late, unless both ends have moved the stream to it.
    const bool over = slot != nullptr && slot->retired;
    if (port.traits_.lossless && !over) return errc::protocol_violation;
    ++counters_.frames_dropped;
    return {};
}

std::error_code Mux::on_message(MuxPort& port, const Frame& frame, Time now) {
    if (!plausible(port, frame.slot)) return errc::protocol_violation;
    auto& slot = port.make_slot(frame.slot);
    if (slot.stream == nullptr && port.traits_.lossless) {
        if (!slot.retired) return errc::protocol_violation;
        ++counters_.frames_dropped;  // sent again for a stream that was over after all
        return {};
    }
    if (!port.traits_.lossless && slot.unit != port.unit_number_) {
        slot.unit = port.unit_number_;
        slot.number_known = false;
    }
    auto number = frame.number;
    const bool continues = frame.fragment && frame.offset > 0;
    if (frame.numbered) {
        if (frame.type == FrameType::message && slot.stream != nullptr) {
            number = slot.stream->inbound.expand(frame.number);
        }
    } else if (slot.number_known) {
        number = slot.number_expected - (continues ? 1 : 0);
    } else if (slot.stream != nullptr &&
               (frame.fragment || slot.stream->inbound.delivery() != DeliveryClass::unreliable)) {
        return errc::protocol_violation;  // nothing to count on from
    }
    slot.number_expected = number + 1;
    slot.number_known = slot.number_known || frame.numbered;
    if (frame.numbered) {
        slot.number_whole = frame.type == FrameType::message_long || slot.stream != nullptr;
    }
    const bool may_repeat = !port.traits_.lossless && slot.number_known;
    if (slot.stream != nullptr) return deliver(port, *slot.stream, frame, number, may_repeat, now);
    if (slot.retired_until > now || port.named_here(frame.slot)) {
        ++counters_.frames_dropped;
        return {};
    }
    auto& held = port.held_[frame.slot];
    held.push_back({frame,
                    number,
                    slot.number_whole,
                    may_repeat,
                    {frame.payload.begin(), frame.payload.end()}});
    port.held_bytes_ += frame.payload.size() + sizeof(MuxPort::HeldFrame);
    return {};
}

std::error_code Mux::deliver(MuxPort& port, Stream& stream, const Frame& frame,
                             std::uint64_t number, bool may_repeat, Time now) {
    auto& inbound = stream.inbound;
    if (stream.tombstone) return {};
    const bool had_ended = inbound.ended();
    if (number == ~std::uint64_t{0}) return errc::protocol_violation;
    const auto assembled = inbound.assembled_bytes();
    const auto wanted = inbound.reservation_wanted();
    if (const auto error = inbound.receive(frame, number, may_repeat, receive_credit_, now))
        return error;
    if (stream.options.reorder_wait.count() != 0) note_inbound_due(stream);
    if (is_guaranteed(inbound.delivery())) {
        acknowledge_later(stream, inbound.assembled_bytes() - assembled, now, port);
        offer_credit(stream);  // it may be due by now, and a BLOCKED may be lost
    } else if (port.traits_.lossless && !stream.tell_listed) {
        stream.tell_listed = true;
        tell_when_asked_.push_back(stream.id);
    }
    if (inbound.reservation_wanted() != wanted && wanted == 0) {
        if (!std::exchange(stream.reservation_listed, true)) reservations_.push_back(stream.id);
        grant_reservations();
    }
    note_delivered(stream);
    if (inbound.ended() && !had_ended) {
        end_receiving(stream, {});
        retire_if_done(stream, now);
    }
    return {};
}

std::error_code Mux::on_stream_frame(MuxPort& port, Stream& stream, const Frame& frame, Time now) {
    auto& inbound = stream.inbound;
    switch (frame.type) {
        case FrameType::close_stream:
        case FrameType::reset_stream: return on_peer_finished(port, stream, frame, now);
        case FrameType::refuse_stream: on_refused(stream, frame.code, now); return {};
        case FrameType::stop: on_stop(stream, frame.code, now); return {};
        case FrameType::max_stream_data:
            if (stream.outbound.credit().raise(frame.value)) activate(stream, now);
            return {};
        case FrameType::blocked:
            if (inbound.ended()) return {};
            stream.peer_blocked = !inbound.credit().raised();
            if (!stream.peer_blocked) want(stream, Control::max_stream_data);
            note(stream, StreamChange::blocked);
            return {};
        case FrameType::stream_ack: {
            if (const auto error = on_stream_ack(stream, frame, now)) return error;
            if (frame.ended) {
                stream.change_names_on(port, [](auto& name) { name.peer_ended = true; });
            }
            retire_if_done(stream, now);
            return {};
        }
        default: return errc::protocol_violation;
    }
}

// CLOSE_STREAM or RESET_STREAM: the peer sends no more.
std::error_code Mux::on_peer_finished(MuxPort& port, Stream& stream, const Frame& frame, Time now) {
    auto& inbound = stream.inbound;
    if (inbound.ended()) {
        // It may not have heard that we know. After a move it asks because it waits for it.
        if (stream.moved) {
            stream.change_names_on(port, [](auto& name) { name.end_arrived = false; });
        }
        say_end(stream, port);
        return {};
    }
    if (stream.tombstone) {
        inbound.reset(0, receive_credit_);
    } else if (frame.type == FrameType::reset_stream) {
        note_code(stream, frame.code);
        inbound.reset(frame.value, receive_credit_);
        if (!stream.receive_error) stream.receive_error = errc::stream_reset;
        offer_credit(stream);
    } else {
        const bool at_once = port.traits_.lossless && stream.names.size() == 1;
        const auto error = inbound.finish(frame.number, at_once, now + port.lossy_wait());
        if (error) return error;
        note_inbound_due(stream);
    }
    if (!inbound.ended()) return {};
    note_delivered(stream);
    end_receiving(stream, {});
    retire_if_done(stream, now);
    return {};
}

std::error_code Mux::on_stream_ack(Stream& stream, const Frame& frame, Time now) {
    if (stream.tombstone) {
        stream.send_state = Stream::SendState::closed;
        return {};
    }
    if (!stream.outbound.confirm_below(frame.number)) return errc::protocol_violation;
    auto ranges = frame.ranges;
    auto first = frame.number;
    for (std::uint64_t i = 0; i < frame.range_count; ++i) {
        std::uint64_t count = 0;
        next_range(ranges, first, count);
        if (!stream.outbound.confirm(first, count)) return errc::protocol_violation;
        first += count;
    }
    note_payment(stream, {}, now);
    note(stream, StreamChange::progressed);
    if (frame.ended) {
        // Before we said that we are done, only a stream that was stopped may have ended.
        if (stream.send_state < Stream::SendState::closing) return errc::protocol_violation;
        stream.send_state = Stream::SendState::closed;
        // A stream that was finished has ended when all has arrived, even if whoever says so has
        // forgotten how much that was.
        if (!stream.send_error) stream.outbound.confirm_below(stream.outbound.count());
        stream.outbound.drop_all();
        forget_payment(stream, now);
        if (stream.entry.backlogged) stream.port->scheduler_.deactivate(stream.entry);
        const auto moot =
            static_cast<std::uint8_t>(Control::close) | static_cast<std::uint8_t>(Control::reset);
        stream.controls &= static_cast<std::uint8_t>(~moot);
        if (!stream.send_error) stream.send_error = errc::stream_closed;
        note(stream, StreamChange::send_closed);
    } else if (stream.entry.backlogged && !stream.outbound.backlogged()) {
        after_write(*stream.port, stream, Outbound::Stop::empty);
    }
    return {};
}

void Mux::on_refused(Stream& stream, std::uint64_t code, Time now) {
    note_code(stream, code);
    if (!stream.inbound.ended()) {
        stream.receive_error = errc::stream_refused;
        stream.inbound.reset(0, receive_credit_);
        end_receiving(stream, errc::stream_refused);
    }
    if (stream.send_state != Stream::SendState::closed) {
        if (!stream.send_error) stream.send_error = errc::stream_refused;
        stream.send_state = Stream::SendState::finishing;
        begin_reset(stream, code, now);
        note(stream, StreamChange::send_closed);
    }
    retire_if_done(stream, now);
}

void Mux::on_stop(Stream& stream, std::uint64_t code, Time now) {
    if (stream.send_state >= Stream::SendState::closing) return;
    note_code(stream, code);
    stream.send_error = errc::stream_closed;
    begin_reset(stream, code, now);
    note(stream, StreamChange::send_closed);
    retire_if_done(stream, now);
}

}  // namespace braid::protocol
