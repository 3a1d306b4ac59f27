#include "protocol/mux.hpp"

#include <algorithm>

namespace braid::protocol {

namespace {

// How far a peer's slots and ids may be above those that this end knows of.
constexpr std::uint64_t slot_slack = 256;

constexpr std::uint8_t promise_bits = 0x1f;

// What both ends say of a stream that moved to another channel crosses on its way.
constexpr Duration moved_quarantine = std::chrono::seconds{2};

std::uint64_t raw(StreamId id) noexcept { return static_cast<std::uint64_t>(id); }

// Only what is ordered and may be lost waits for what is missing, and not for long.
bool may_wait(const Frame& open) noexcept {
    if (open.reorder_wait_ms == 0) return true;
    const auto most = static_cast<std::uint64_t>(StreamOptions::reorder_wait_max.count());
    return open.reorder_wait_ms <= most &&
           delivery_class(static_cast<Promises>(open.promises)) == DeliveryClass::sequenced;
}

}  // namespace

std::unique_ptr<Stream> Mux::make_stream(StreamId id, const StreamOptions& options) const {
    Inbound::Options inbound;
    inbound.promises = options.promises;
    inbound.message_bytes_max = options_.limits.message_bytes;
    inbound.reorder_wait = options.reorder_wait;
    inbound.window = options_.limits.stream_receive_window_bytes;
    inbound.window_max = options_.limits.stream_receive_window_bytes_max;
    auto stream = std::make_unique<Stream>(id, options, inbound, options_.peer.stream_credit);
    stream->entry.level = options.priority.level();
    stream->entry.guaranteed_bytes_per_second = options.bandwidth_bytes_per_second;
    stream->entry.order = raw(id);
    stream->entry.stream = stream.get();
    stream->outbound.set_time_to_live(options.time_to_live);
    stream->outbound.set_latest_only(options.latest_only);
    if (!is_guaranteed(stream->inbound.delivery())) {
        stream->outbound.set_copies(options.copies.value_or(0));
    }
    stream->outbound.set_held_back(options.reorder_wait.count() != 0);
    stream->outbound.set_queue_bytes_max(options_.limits.stream_send_queue_bytes);
    return stream;
}

Stream& Mux::add_stream(StreamId id, const StreamOptions& options, bool opened_here) {
    auto stream = make_stream(id, options);
    stream->opened_here = opened_here;
    return *streams_.emplace(raw(id), std::move(stream)).first->second;
}

// A peer that lost a channel asks about a stream that this end has seen to its end: all that is
// left to do is to say so.
Stream& Mux::add_tombstone(StreamId id, const StreamOptions& options) {
    auto stream = make_stream(id, options);
    stream->tombstone = true;
    stream->moved = true;
    stream->released = true;
    stream->send_state = Stream::SendState::closing;  // until the peer's last word has come
    tombstones_.push_back(std::move(stream));
    return *tombstones_.back();
}

Stream* Mux::find(StreamId id) noexcept {
    const auto found = streams_.find(raw(id));
    if (found != streams_.end()) return found->second.get();
    for (const auto& tombstone : tombstones_) {
        if (tombstone->id == id) return tombstone.get();
    }
    return nullptr;
}

void Mux::name(MuxPort& port, Stream& stream, std::uint64_t slot) {
    auto& entry = port.make_slot(slot);
    entry = MuxPort::Slot{};
    entry.stream = &stream;
    Stream::Name added{&port, slot};
    if (const auto* const other = stream.name_on(port)) {
        added.end_said_at = other->end_said_at;
        added.end_arrived = other->end_arrived;
        added.peer_ended = other->peer_ended;
    }
    stream.names.push_back(added);
}

// Gives the stream a channel, and that channel all that the peer may not have heard of it.
void Mux::rehome(Stream& stream, Time now) {
    if (ports_.empty() || stream.retired) return;
    if (stream.tombstone && stream.names.empty()) return;  // nobody asks any more
    auto& port = stream.tombstone ? *stream.names.front().port : *ports_.front();
    stream.port = &port;
    stream.number_known = false;
    stream.unit = 0;
    stream.announced = false;
    for (auto& name : stream.names) {
        if (name.port != &port) continue;
        stream.slot = name.slot;
        stream.announced = true;
        if (std::exchange(name.end_listed, false)) std::erase(port.last_words_, &stream);
    }
    stream.copies_listed = false;
    stream.open_arrived = stream.announced || port.traits_.lossless;
    stream.arrived_before_open.clear();
    if (stream.announced) {
        // An OPEN that had not left when the channel died is of a slot that died with it.
        stream.controls &= static_cast<std::uint8_t>(~static_cast<std::uint8_t>(Control::open));
    } else {
        stream.slot = port.allocate_slot(now);
        name(port, stream, stream.slot);
        want(stream, Control::open);
    }
    const auto& outbound = stream.outbound;
    if (outbound.credit().told_blocked() && !outbound.transmitted()) want(stream, Control::blocked);
    if (stream.controls != 0 && !stream.control_listed) {
        stream.control_listed = true;
        port.controls_.push_back(&stream);
    }
    const bool moved = stream.outbound.count() > 0 || stream.inbound.credit().charged() > 0 ||
                       stream.send_state != Stream::SendState::open || stream.inbound.ended();
    if (!moved) {
        activate(stream, now);
        return;
    }
    stream.outbound.rewind();
    stream.moved = true;
    if (std::exchange(stream.credit_blocked, false)) std::erase(credit_blocked_, &stream);
    if (stream.send_state >= Stream::SendState::closing) {
        // Unless it said so here, the peer may have forgotten the stream: it answers to the last
        // words of both halves.
        const bool over = stream.name_on(port)->peer_ended;
        stream.send_state = over ? Stream::SendState::closed : Stream::SendState::closing;
        const auto moot = static_cast<std::uint8_t>(Control::close) |
                          static_cast<std::uint8_t>(Control::reset) |
                          static_cast<std::uint8_t>(Control::refuse);
        if (over) stream.controls &= static_cast<std::uint8_t>(~moot);
    }
    if (stream.send_state == Stream::SendState::closing) {
        const bool refused = stream.send_error == errc::stream_refused && !stream.opened_here;
        want(stream,
             refused ? Control::refuse : (stream.send_error ? Control::reset : Control::close));
    }
    if (stream.stop_sent && !stream.inbound.ended()) want(stream, Control::stop);
    if (!stream.inbound.ended()) want(stream, Control::max_stream_data);
    if (stream.inbound.ended() && stream.name_on(port)->end_arrived) {
        stream.controls &= static_cast<std::uint8_t>(~static_cast<std::uint8_t>(Control::ack));
    } else {
        want(stream, Control::ack);
    }
    activate(stream, now);
}

std::error_code Mux::on_open(MuxPort& port, const Frame& frame, Time now) {
    if (port.named_here(frame.slot) || !plausible(port, frame.slot) ||
        frame.priority >= Priority::count || (frame.promises & ~promise_bits) != 0 ||
        !may_wait(frame)) {
        return errc::protocol_violation;
    }
    auto* const named = port.find_slot(frame.slot);
    if (named != nullptr && named->stream != nullptr && named->stream->id != frame.id &&
        named->stream->send_state == Stream::SendState::closed && named->stream->inbound.ended()) {
        // The peer has the slot free again: our last word about that stream arrived.
        for (auto& name : named->stream->names) name.end_arrived = true;
        retire_if_done(*named->stream, now);
    }
    if (named != nullptr && named->stream != nullptr) {
        // The same OPEN again is the echo of one that was thought lost; another one is not.
        const auto& options = named->stream->options;
        const bool same = named->stream->id == frame.id && !port.traits_.lossless &&
                          options.promises == static_cast<Promises>(frame.promises) &&
                          options.priority.level() == frame.priority;
        return same ? std::error_code{} : errc::protocol_violation;
    }
    // So is one that comes when all is over.
    if (named != nullptr && named->retired && named->before == frame.id) return {};

    StreamOptions options;
    options.priority = Priority{frame.priority};
    options.promises = static_cast<Promises>(frame.promises);
    options.bandwidth_bytes_per_second = frame.bandwidth;
    options.tag = frame.tag;
    options.reorder_wait = std::chrono::milliseconds{frame.reorder_wait_ms};
    auto* const known = find(frame.id);
    const auto error = known != nullptr ? on_moved(port, *known, frame, options)
                                        : on_unknown(port, frame, options);
    auto* const stream = find(frame.id);
    if (error || stream == nullptr) return error;
    return replay_held(port, *stream, frame.slot, now);
}

// A slot far above all that are in use would only make a table grow.
bool Mux::plausible(const MuxPort& port, std::uint64_t slot) const noexcept {
    const auto index = slot / 2;
    if (port.named_here(slot)) return index < port.slots_made_;
    // Where packets come late, slots of streams that are over stay taken for a while.
    const auto in_use =
        port.traits_.lossless ? streams_.size() + 2 * options_.limits.peer_streams : opened_there_;
    return index <= in_use + slot_slack;
}

// An OPEN of a stream that is not among ours: a new one, or one that this end has forgotten.
std::error_code Mux::on_unknown(MuxPort& port, const Frame& frame, const StreamOptions& options) {
    const auto id = static_cast<std::uint64_t>(frame.id);
    const bool own = id % 2 == (options_.even_ids ? 0u : 1u);
    if (own && id >= next_id_) return errc::protocol_violation;
    const bool forgotten = own || peer_ids_.contains(id / 2);
    if (!forgotten) {
        if (opened_there_ >= streams_announced_) return errc::stream_limit_violation;
        // Ids are given in order: one far ahead is no OPEN that overtook another.
        if (id / 2 > opened_there_ + slot_slack) return errc::protocol_violation;
    }
    auto& stream =
        forgotten ? add_tombstone(frame.id, options) : add_stream(frame.id, options, false);
    stream.port = &port;
    stream.slot = frame.slot;
    name(port, stream, frame.slot);
    if (forgotten) return {};
    ++opened_there_;
    peer_ids_.insert(id / 2, id / 2 + 1);
    stream.outbound.credit().raise(frame.credit);
    stream.announced = true;
    note(stream, StreamChange::opened);
    offer_streams();
    return {};
}

// An OPEN of a stream that has another name already: it lost its channel.
std::error_code Mux::on_moved(MuxPort& port, Stream& stream, const Frame& frame,
                              const StreamOptions& options) {
    if (stream.options.promises != options.promises ||
        stream.options.priority != options.priority) {
        return errc::protocol_violation;
    }
    stream.moved = true;
    if (stream.retired) {
        // The peer lost our last word with another channel: this one carries both again.
        stream.retired = false;
        stream.send_state = Stream::SendState::closing;
        stream.port = &port;
        stream.slot = frame.slot;
        stream.announced = true;
    }
    name(port, stream, frame.slot);
    // If the peer said before that it sends no more, it waits here for the answer.
    if (stream.inbound.ended() && !stream.name_on(port)->end_arrived) say_end(stream, port);
    return {};
}

// What overtook its OPEN.
std::error_code Mux::replay_held(MuxPort& port, Stream& stream, std::uint64_t slot, Time now) {
    const auto held = port.held_.find(slot);
    if (held == port.held_.end()) return {};
    const auto frames = std::move(held->second);
    port.held_.erase(held);
    for (const auto& each : frames) {
        port.held_bytes_ -= each.payload.size() + sizeof(MuxPort::HeldFrame);
    }
    for (const auto& each : frames) {
        auto frame = each.frame;
        frame.payload = each.payload;
        // A stream that moved here may be beyond 16 bits.
        const auto number =
            each.number_whole ? each.number : stream.inbound.expand(each.number & 0xffff);
        if (const auto error = deliver(port, stream, frame, number, each.may_repeat, now))
            return error;
    }
    return {};
}

// Both halves are over for both ends: the channel forgets its name.
void Mux::retire_if_done(Stream& stream, Time now) {
    if (stream.send_state != Stream::SendState::closed || !stream.inbound.ended()) return;
    if (!stream.retired) {
        if (!stream.end_arrived_everywhere()) return;
        stream.retired = true;
        if (stream.entry.backlogged) stream.port->scheduler_.deactivate(stream.entry);
        if (stream.control_listed) std::erase(stream.port->controls_, &stream);
        for (const auto& name : stream.names) {
            auto quarantine = name.port->quarantine();
            if (stream.moved) quarantine = std::max(quarantine, moved_quarantine);
            if (name.end_listed) std::erase(name.port->last_words_, &stream);
            name.port->free_slot(name.slot,
                                 quarantine > Duration::zero() ? now + quarantine : Time{});
        }
        stream.names.clear();
        stream.control_listed = false;
        stream.controls = 0;
        stream.port = nullptr;
        std::erase(credit_blocked_, &stream);
        forget_payment(stream, now);
    }
    destroy_if_done(stream);
}

void Mux::destroy_if_done(Stream& stream) {
    if (!stream.retired || !stream.released) return;
    if (!stream.opened_here && !stream.tombstone) {
        ++retired_there_;
        offer_streams();
    }
    if (stream.changed_listed) std::erase(changed_, &stream);
    if (stream.tombstone) {
        std::erase_if(tombstones_, [&](const auto& held) { return held.get() == &stream; });
    } else {
        streams_.erase(raw(stream.id));
    }
}

}  // namespace braid::protocol
