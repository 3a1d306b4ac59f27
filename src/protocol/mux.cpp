#include "protocol/mux.hpp"

#include <braid/close_code.hpp>

#include <algorithm>
#include <functional>

namespace braid::protocol {

namespace {

Duration keep_alive(const MuxOptions& options, Duration idle) noexcept {
    const Duration asked = options.limits.keep_alive;
    return asked > Duration::zero() ? asked : idle / 3;
}

}  // namespace

Mux::Mux(const MuxOptions& options)
    : options_{options},
      send_credit_{options.peer.participant_credit},
      receive_credit_{options.limits.participant_receive_window_bytes,
                      options.limits.participant_receive_window_bytes_max},
      next_id_{options.even_ids ? 0u : 1u},
      peer_streams_max_{options.peer.streams},
      streams_announced_{options.limits.peer_streams} {}

Mux::~Mux() = default;

MuxPort& Mux::attach(const LinkTraits& traits, bool dialled, Time now) {
    const auto idle = std::min<Duration>(options_.limits.idle, options_.peer.idle);
    ports_.push_back(
        std::make_unique<MuxPort>(*this, traits, dialled, idle, keep_alive(options_, idle), now));
    auto& port = *ports_.back();
    for_each_stream([&](Stream& stream) {
        if (stream.port == nullptr) rehome(stream, now);
    });
    return port;
}

void Mux::detach(MuxPort& port, Time now) {
    const auto gone = std::find_if(ports_.begin(), ports_.end(),
                                   [&](const auto& held) { return held.get() == &port; });
    if (gone == ports_.end()) return;
    const auto keeper = std::move(*gone);
    ports_.erase(gone);
    std::vector<Stream*> known_there;
    const auto forget = [&](Stream& stream) {
        const auto on_port = [&](const auto& name) { return name.port == &port; };
        if (std::erase_if(stream.names, on_port) != 0) known_there.push_back(&stream);
    };
    for_each_stream(forget);
    for (const auto& tombstone : tombstones_) forget(*tombstone);
    // In the order of their ids, so that the same run gives the same frames.
    std::sort(known_there.begin(), known_there.end(),
              [](const Stream* left, const Stream* right) { return left->id < right->id; });
    for (auto* const stream : known_there) {
        if (stream->port == &port) {
            port.scheduler_.deactivate(stream->entry);
            stream->control_listed = false;
            stream->port = nullptr;
            stream->outbound.drop_copies();
            rehome(*stream, now);
        }
        retire_if_done(*stream, now);
    }
    std::erase_if(tombstones_, [](const auto& stream) { return stream->port == nullptr; });
    max_data_wanted_ = max_streams_wanted_ = true;
    tell_blocked_again();
    if (close_state_ == CloseState::sent && !ports_.empty()) close_state_ = CloseState::wanted;
}

Stream* Mux::open(const StreamOptions& options, Time now) {
    if (!may_open()) return nullptr;
    auto& stream = add_stream(StreamId{next_id_}, options, true);
    next_id_ += 2;
    ++opened_here_;
    rehome(stream, now);
    return &stream;
}

bool Mux::enqueue(Stream& stream, Block& block, std::span<const Piece> pieces, Time now,
                  bool receipt) {
    if (stream.send_state != Stream::SendState::open) return false;
    const auto dropped = stream.outbound.counters().messages_dropped;
    stream.outbound.enqueue(block, pieces, now, receipt);
    if (stream.outbound.counters().messages_dropped != dropped) {
        note(stream, StreamChange::progressed);
    }
    if (!stream.entry.backlogged && !stream.credit_blocked) activate(stream, now);
    return true;
}

void Mux::finish(Stream& stream, Time now) {
    if (stream.send_state != Stream::SendState::open) return;
    stream.send_state = Stream::SendState::finishing;
    if (stream.outbound.transmitted()) {
        stream.send_state = Stream::SendState::closing;
        want(stream, Control::close);
    }
    retire_if_done(stream, now);
}

void Mux::reset(Stream& stream, std::uint64_t code, Time now) {
    if (stream.send_state == Stream::SendState::closed) return;
    begin_reset(stream, code, now);
    retire_if_done(stream, now);
}

void Mux::begin_reset(Stream& stream, std::uint64_t code, Time now) {
    if (stream.send_error && stream.send_state >= Stream::SendState::closing) return;
    // After CLOSE_STREAM the peer may have forgotten the stream: there is nothing left to give up.
    if (stream.send_state == Stream::SendState::closing && !stream.wants(Control::close)) return;
    stream.send_state = Stream::SendState::closing;
    if (!stream.send_error) stream.send_error = errc::stream_closed;
    stream.reset_code = code;
    stream.outbound.drop_all();
    if (stream.entry.backlogged) stream.port->scheduler_.deactivate(stream.entry);
    std::erase(credit_blocked_, &stream);
    stream.credit_blocked = false;
    forget_payment(stream, now);
    stream.controls &= static_cast<std::uint8_t>(~static_cast<std::uint8_t>(Control::close));
    want(stream, Control::reset);
    note(stream, StreamChange::progressed);
}

void Mux::stop(Stream& stream, std::uint64_t code) {
    stream.inbound.discard(receive_credit_);
    grant_reservations();
    offer_credit(stream);
    if (stream.inbound.ended()) return;
    if (!std::exchange(stream.stop_sent, true)) stream.stop_code = code;
    want(stream, Control::stop);
}

void Mux::consume(Stream& stream, std::uint64_t charge) {
    stream.inbound.consume(charge, receive_credit_);
    grant_reservations();
    offer_credit(stream);
}

void Mux::release(Stream& stream, Time now) {
    stream.released = true;
    stream.owner = nullptr;
    stream.changes = 0;
    if (stream.changed_listed) std::erase(changed_, &stream);
    stream.changed_listed = false;
    finish(stream, now);
    stop(stream, close_code::stream_destroyed);
    retire_if_done(stream, now);
}

void Mux::refuse(Stream& stream, std::uint64_t code, Time now) {
    stream.refuse_code = code;
    stream.inbound.discard(receive_credit_);
    stream.outbound.drop_all();
    forget_payment(stream, now);
    stream.send_error = errc::stream_refused;
    stream.send_state = Stream::SendState::closing;
    want(stream, Control::refuse);
    release(stream, now);
}

void Mux::want_confirmation(Stream& stream) {
    if (stream.outbound.settled()) return;
    stream.confirmation_wanted = true;
    if (stream.outbound.transmitted() && stream.port != nullptr) stream.port->ping_wanted_ = true;
}

void Mux::ping() noexcept {
    for (const auto& port : ports_) port->ping_wanted_ = true;
}

void Mux::close(const CloseReason& reason) {
    if (close_state_ != CloseState::open) return;
    close_reason_ = reason;
    close_state_ = CloseState::wanted;
}

void Mux::close_at_once(const CloseReason& reason) {
    const bool sent = close_state_ == CloseState::sent;
    const auto lossless = [](const auto& port) { return port->traits_.lossless; };
    if (sent && (closes_at_once_ || std::all_of(ports_.begin(), ports_.end(), lossless))) return;
    if (!sent) close_reason_ = reason;
    closes_at_once_ = true;
    close_state_ = CloseState::wanted_at_once;
}

void Mux::take_changed(std::vector<Stream*>& out) {
    out.clear();
    for (auto* const stream : changed_) stream->changed_listed = false;
    out.swap(changed_);
}

void Mux::rest() noexcept {
    for_each_stream([](Stream& stream) {
        stream.outbound.rest();
        stream.inbound.delivered.shrink();
    });
    acknowledge_due_.rest();
}

Time Mux::deadline() const noexcept {
    auto earliest = never;
    for (const auto& port : ports_) earliest = std::min(earliest, port->deadline());
    if (!acknowledge_due_.empty()) earliest = std::min(earliest, acknowledge_due_.front().at);
    if (!inbound_due_.empty()) earliest = std::min(earliest, inbound_due_.front().at);
    earliest = std::min(earliest, receipts_ask_at_);
    return earliest;
}

void Mux::advance(Time now) {
    while (!acknowledge_due_.empty() && acknowledge_due_.front().at <= now) {
        auto* const stream = find(acknowledge_due_.front().stream);
        acknowledge_due_.pop_front();
        if (stream != nullptr && stream->acknowledge_at <= now) want(*stream, Control::ack);
    }
    for (const auto& port : ports_) {
        copy_due(*port, now);
        if (now >= port->sent_at_ + port->keep_alive_) {
            port->ping_wanted_ = true;
            port->sent_at_ = now;
        }
    }
    if (receipts_ask_at_ <= now) {
        receipts_ask_at_ = never;
        receipts_asked_at_ = now;
        for (const auto& port : ports_) {
            if (port->traits_.lossless) port->ping_wanted_ = true;
        }
    }
    advance_inbound(now);
}

void Mux::advance_inbound(Time now) {
    while (!inbound_due_.empty() && inbound_due_.front().at <= now) {
        const auto due = inbound_due_.front();
        std::pop_heap(inbound_due_.begin(), inbound_due_.end(), std::greater{});
        inbound_due_.pop_back();
        auto* const stream = find(due.stream);
        if (stream == nullptr || stream->inbound_due_at != due.at) continue;
        stream->inbound_due_at = never;
        if (stream->inbound.ended()) continue;
        stream->inbound.advance(now);
        note_delivered(*stream);
        if (stream->inbound.ended()) {
            end_receiving(*stream, {});
            retire_if_done(*stream, now);
        } else {
            note_inbound_due(*stream);
        }
    }
}

// What comes when nobody will read any more is thrown away.
void Mux::note_delivered(Stream& stream) {
    auto& inbound = stream.inbound;
    if (inbound.discarding()) {
        inbound.discard(receive_credit_);
        offer_credit(stream);
    } else if (!inbound.delivered.empty()) {
        note(stream, StreamChange::delivered);
    }
}

// An entry for a later time than its stream's is not looked at any more.
void Mux::note_inbound_due(Stream& stream) {
    const auto at = stream.inbound.deadline();
    if (at >= stream.inbound_due_at) return;
    stream.inbound_due_at = at;
    inbound_due_.push_back({at, stream.id});
    std::push_heap(inbound_due_.begin(), inbound_due_.end(), std::greater{});
}

void Mux::activate(Stream& stream, Time now) {
    if (stream.port == nullptr || stream.entry.backlogged) return;
    if (stream.credit_blocked && !stream.outbound.resends()) return;
    if (stream.outbound.backlogged()) stream.port->scheduler_.activate(stream.entry, now);
}

void Mux::want(Stream& stream, Control control) {
    stream.controls |= static_cast<std::uint8_t>(control);
    if (stream.control_listed || stream.port == nullptr) return;
    stream.control_listed = true;
    stream.port->controls_.push_back(&stream);
}

// By a channel that may be another than the stream's: see Stream::Name.
void Mux::say_end(Stream& stream, MuxPort& port) {
    if (stream.port == &port) return want(stream, Control::ack);
    auto* const name = stream.name_on(port);
    if (name == nullptr || std::exchange(name->end_listed, true)) return;
    port.last_words_.push_back(&stream);
}

void Mux::note(Stream& stream, StreamChange change) {
    if (stream.released) return;
    stream.changes |= static_cast<std::uint8_t>(change);
    if (stream.changed_listed) return;
    stream.changed_listed = true;
    changed_.push_back(&stream);
}

void Mux::end_receiving(Stream& stream, std::error_code reason) {
    if (!stream.receive_error) stream.receive_error = reason;
    stream.acknowledge_at = never;
    const auto moot = static_cast<std::uint8_t>(Control::stop) |
                      static_cast<std::uint8_t>(Control::max_stream_data);
    stream.controls &= static_cast<std::uint8_t>(~moot);
    want(stream, Control::ack);
    for (const auto& name : stream.names) say_end(stream, *name.port);
    note(stream, StreamChange::ended);
}

// On a lossless link only: elsewhere the link itself tells the sender what arrived.
void Mux::acknowledge_later(Stream& stream, std::size_t bytes, Time now, const MuxPort& port) {
    if (!port.traits_.lossless || bytes == 0) return;
    stream.unacknowledged_bytes += bytes;
    if (stream.unacknowledged_bytes >= acknowledge_bytes) {
        want(stream, Control::ack);
        return;
    }
    if (stream.acknowledge_at != never) return;
    stream.acknowledge_at = now + acknowledge_delay;
    // Most were acknowledged before their time: their entries would only make timers ring.
    while (!acknowledge_due_.empty()) {
        const auto& front = acknowledge_due_.front();
        const auto* const other = find(front.stream);
        if (other != nullptr && other->acknowledge_at == front.at) break;
        acknowledge_due_.pop_front();
    }
    acknowledge_due_.push_back({stream.acknowledge_at, stream.id});
}

void Mux::answer_ping() {
    while (!acknowledge_due_.empty()) {
        auto* const stream = find(acknowledge_due_.front().stream);
        acknowledge_due_.pop_front();
        if (stream != nullptr && stream->acknowledge_at != never) want(*stream, Control::ack);
    }
    for (const auto id : tell_when_asked_) {
        auto* const stream = find(id);
        if (stream == nullptr) continue;
        stream->tell_listed = false;
        if (!stream->inbound.ended()) want(*stream, Control::ack);
    }
    tell_when_asked_.clear();
}

// A RESET_STREAM that answers our STOP carries the code of that.
void Mux::note_code(Stream& stream, std::uint64_t code) noexcept {
    if (code == close_code::stream_destroyed) return;
    if (stream.stop_sent && code == stream.stop_code) return;
    stream.peer_code = code;
}

}  // namespace braid::protocol
