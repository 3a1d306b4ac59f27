#include "runtime/participant.hpp"
#include "transport/transport.hpp"

#include <braid/close_code.hpp>

#include <algorithm>
#include <utility>

namespace braid::runtime {

void Participant::start(transport::Connection connection) {
    const auto executor = strand_.executor();
    if (!executor || state_ == State::ended) {
        connection.driver->close();
        return;
    }
    transport::use(connection, congestion_, fixed_bytes_per_second_);
    if (simulated_link_ != nullptr) {
        connection =
            transport::simulate(std::move(connection), *simulated_link_, number_, dialled_);
    }
    const auto now = environment_.clock->now();
    channel_ =
        std::make_shared<Channel>(shared_from_this(), environment_.clock, std::move(connection));
    port_ = &mux_->attach(channel_->link().traits(), dialled_, now);
    if (dialled_) {
        // The peer shows nobody to its application who has not answered it.
        mux_->ping();
        heard_ = true;
        const std::lock_guard lock{mutex_};
        confirmed_ = true;
    }
    note({ParticipantEvent::Kind::channel_created, peer_address_});
    channel_->start(executor, *port_);
    arm();
}

void Participant::received(protocol::Time now) {
    active_at_ = now;
    if (!heard_ && mux_->counters().frames_received > 0) {
        heard_ = true;
        confirm_by_ = protocol::never;
        {
            const std::lock_guard lock{mutex_};
            confirmed_ = true;
        }
        changes_.notify();
        if (const auto keeper = keeper_.lock()) keeper->confirmed(shared_from_this());
    }
    settle(now);
    wake_receivers();
}

// Whoever waited for a message often answers it: where that happens within this turn, the answer
// leaves within it too, without a round through the context's queue.
void Participant::wake_receivers() {
    while (!woken_.empty()) {
        intake_.expect_flush();
        woken_.go_on();
        flush();
    }
}

void Participant::filled(protocol::Time now) { settle(now); }

bool Participant::said_goodbye() const noexcept { return mux_->close_sent(); }

void Participant::flush() {
    if (state_ == State::ended) return;
    const auto now = environment_.clock->now();
    active_at_ = now;
    intake_.flush([&](const Intake::Record& record) { apply(record, now); });
    settle(now);
    if (channel_ != nullptr) channel_->wake();
}

void Participant::apply(const Intake::Record& record, protocol::Time now) {
    using Kind = Intake::Kind;
    auto& stream = *record.stream;
    auto* const attached = stream.attached();
    switch (record.kind) {
        case Kind::message: return queue(stream, record, now);
        case Kind::large: {
            const protocol::BlockReference reference{*record.block};
            return queue(stream, record, now);
        }
        case Kind::release: return release(stream, now);
        case Kind::finish:
            if (attached != nullptr) mux_->finish(*attached, now);
            return;
        case Kind::reset:
            if (attached == nullptr) return;
            mux_->reset(*attached, record.code, now);
            mux_->stop(*attached, record.code);
            stream.settle_sent();
            return;
        case Kind::consumed:
            if (attached == nullptr) return;
            if (const auto bytes = stream.take_consumed()) mux_->consume(*attached, bytes);
            return;
        case Kind::confirm:
            if (attached != nullptr) mux_->want_confirmation(*attached);
            return;
    }
}

void Participant::queue(Stream& stream, const Intake::Record& record, protocol::Time now) {
    auto* const attached = stream.attached();
    const bool queued = attached != nullptr && mux_->enqueue(*attached, *record.block,
                                                             record.messages, now, record.receipt);
    if (queued) return;
    for (const auto& message : record.messages) stream.drop_unsent(message.bytes);
}

// What was queued is sent first; until then the mux's stream counts against the limits of ours.
void Participant::release(Stream& stream, protocol::Time now) {
    auto* const attached = stream.attached();
    if (attached == nullptr) return;
    if (!stream.releasing()) {
        stream.set_releasing();
        if (const auto bytes = stream.take_consumed()) mux_->consume(*attached, bytes);
        mux_->finish(*attached, now);
        mux_->stop(*attached, close_code::stream_destroyed);
    }
    stream.settle_sent();
    if (!attached->outbound.settled()) return;
    stream.detach();
    mux_->release(*attached, now);
}

void Participant::rung() {
    if (state_ == State::ended) return;
    const auto now = environment_.clock->now();
    if (port_ != nullptr && port_->idle_expired(now)) {
        // Perhaps it was this process that stood still, and the peer's words wait in the system.
        if (const auto channel = channel_) channel->catch_up(now);
        if (state_ == State::ended) return;
        if (port_->idle_expired(now)) return end_channel(errc::idle_timeout);
    }
    if (now >= confirm_by_) return end_channel(errc::handshake_timeout);
    if (now >= disconnect_by_) return end_channel(cause_);
    if (const auto channel = channel_) channel->advance(now);
    if (state_ == State::ended) return;
    mux_->advance(now);
    if (now - active_at_ >= std::chrono::seconds{1}) {
        intake_.rest();
        mux_->rest();
    }
    settle(now);
    if (channel_ != nullptr) channel_->wake();
    wake_receivers();
}

/// Once for every batch of whatever happened.
void Participant::settle(protocol::Time now) {
    mux_->take_changed(changed_);
    for (auto* const stream : changed_) changed(*stream, now);
    if (mux_->take_consumption_wanted()) {
        mux_->for_each_stream([&](protocol::Stream& each) { consume(each); });
    }
    if (mux_->take_more_streams()) serve_openings(now);
    if (intake_.take_relieved()) {
        mux_->for_each_stream([](protocol::Stream& each) {
            if (auto* const stream = static_cast<Stream*>(each.owner)) stream->wake_senders();
        });
    }
    if (const auto& reason = mux_->peer_close()) {
        {
            const std::lock_guard lock{mutex_};
            if (!close_reason_) close_reason_ = *reason;
        }
        // To one who has said goodbye himself it is the expected answer.
        end_channel(cause_ ? cause_ : errc::participant_disconnected);
    }
    if (state_ == State::disconnecting) check_disconnect();
    if (port_ != nullptr) {
        if (auto event = guarantees_.look(port_->scheduler_counters(), now)) {
            note(*std::move(event));
        }
    }
    note_stats();
    arm();
}

void Participant::count_dropped(std::uint64_t unsent, std::uint64_t unread) noexcept {
    gauges_.messages_dropped_unsent.fetch_add(unsent, std::memory_order_relaxed);
    gauges_.messages_dropped_unread.fetch_add(unread, std::memory_order_relaxed);
}

void Participant::note_stats() noexcept {
    constexpr auto relaxed = std::memory_order_relaxed;
    gauges_.streams.store(mux_->stream_count(), relaxed);
    gauges_.frames_received.store(mux_->counters().frames_received, relaxed);
    if (port_ == nullptr) return;
    gauges_.round_trip_nanoseconds.store(port_->path().round_trip_time.count(), relaxed);
    gauges_.rate_bytes_per_second.store(port_->path().rate_bytes_per_second, relaxed);
    gauges_.loss.store(port_->path().loss, relaxed);
    gauges_.congestion_window_bytes.store(port_->path().window_bytes, relaxed);
    if (channel_ == nullptr) return;
    const auto traffic = channel_->link().traffic();
    gauges_.packets_sent.store(traffic.packets_sent, relaxed);
    gauges_.packets_received.store(traffic.packets_received, relaxed);
    gauges_.packets_lost.store(traffic.packets_lost, relaxed);
    gauges_.bytes_sent.store(traffic.bytes_sent, relaxed);
    gauges_.bytes_received.store(traffic.bytes_received, relaxed);
}

void Participant::note(ParticipantEvent event) {
    {
        const std::lock_guard lock{mutex_};
        keep(std::move(event));
    }
    changes_.notify();
}

// Under the lock.
void Participant::keep(ParticipantEvent event) {
    if (events_.size() == events_max) {
        events_.erase(events_.begin());
        ++events_dropped_;
    }
    events_.push_back(std::move(event));
}

void Participant::changed(protocol::Stream& attached, protocol::Time now) {
    using Change = protocol::StreamChange;
    if (attached.has(Change::opened) && !opened_by_peer(attached, now)) return;
    auto* const stream = static_cast<Stream*>(attached.owner);
    if (stream == nullptr) return;
    const auto changes = std::exchange(attached.changes, 0);
    const auto has = [&](Change change) {
        return (changes & static_cast<std::uint8_t>(change)) != 0;
    };
    if (attached.peer_code) stream->note_close_code(*attached.peer_code);
    if (has(Change::send_closed)) stream->close_sending(attached.send_error);
    if (has(Change::delivered)) stream->deliver(attached.inbound.delivered, now, woken_);
    if (has(Change::ended)) stream->end_receiving(attached.receive_error);
    if (has(Change::progressed) || has(Change::send_closed)) stream->settle_sent();
    if (has(Change::blocked)) consume(attached);
    if (stream->releasing()) release(*stream, now);
}

// Little by little what the application took is not worth telling, until the peer needs it.
void Participant::consume(protocol::Stream& attached) {
    auto* const stream = static_cast<Stream*>(attached.owner);
    if (stream == nullptr) return;
    stream->want_report();
    if (const auto bytes = stream->take_consumed()) mux_->consume(attached, bytes);
}

// False if this end will not have the stream.
bool Participant::opened_by_peer(protocol::Stream& attached, protocol::Time now) {
    if (const auto code = refusal(attached)) {
        pass_on(static_cast<std::uint64_t>(attached.id) / 2, nullptr);
        mux_->refuse(attached, *code, now);
        if (const auto keeper = keeper_.lock()) keeper->refused(*this, *code);
        return false;
    }
    pass_on(static_cast<std::uint64_t>(attached.id) / 2, attach(attached));
    return true;
}

// The n-th stream that the peer opens is the n-th that the application gets, also where an OPEN
// overtook another. Null for one that is refused.
void Participant::pass_on(std::uint64_t index, std::shared_ptr<Stream> stream) {
    {
        const std::lock_guard lock{mutex_};
        if (!released_) {
            early_.emplace(index, std::exchange(stream, nullptr));
            while (!early_.empty() && early_.begin()->first == opened_there_) {
                auto& next = early_.begin()->second;
                if (next != nullptr) opened_.push_back(std::move(next));
                early_.erase(early_.begin());
                ++opened_there_;
            }
        }
    }
    if (stream != nullptr) stream->release();
    changes_.notify();
}

std::optional<std::uint64_t> Participant::refusal(const protocol::Stream& attached) {
    if (covers(attached.options.promises, Promises::encrypted) && !port_->traits().encrypted) {
        return close_code::encryption_unavailable;
    }
    if (policy_ == nullptr) return std::nullopt;
    const auto guaranteed = policy_->limits_total() ? guaranteed_to_peer() : 0;
    return policy_->refusal(pid_, attached.options, guaranteed);
}

// Those of streams that are being refused have no owner.
std::uint64_t Participant::guaranteed_to_peer() {
    const auto parity = [](StreamId id) { return static_cast<std::uint64_t>(id) % 2; };
    const std::uint64_t ours = mux_->options().even_ids ? 0 : 1;
    std::uint64_t sum = 0;
    mux_->for_each_stream([&](const protocol::Stream& each) {
        if (each.owner == nullptr || parity(each.id) == ours) return;
        const auto bandwidth = each.options.bandwidth_bytes_per_second;
        sum = bandwidth > UINT64_MAX - sum ? UINT64_MAX : sum + bandwidth;
    });
    return sum;
}

std::shared_ptr<Stream> Participant::attach(protocol::Stream& attached) {
    const auto traits = port_ == nullptr ? protocol::LinkTraits{} : port_->traits();
    auto stream = std::make_shared<Stream>(shared_from_this(), attached, limits_, traits);
    stream->attach();
    return stream;
}

void Participant::arm() {
    if (state_ == State::ended) return;
    auto at = std::min({mux_->deadline(), confirm_by_, disconnect_by_, guarantees_.deadline()});
    if (channel_ != nullptr) at = std::min(at, channel_->link().deadline());
    environment_.timers->arm(deadline_, at);
}

}  // namespace braid::runtime
