#include "runtime/participant.hpp"

#include <braid/close_code.hpp>

#include <algorithm>
#include <utility>

namespace braid::runtime {

namespace {

protocol::MuxOptions mux_options(const Participant::Setup& setup) {
    protocol::MuxOptions options;
    options.even_ids = setup.pid < setup.peer.pid;
    options.limits = setup.limits;
    options.peer.stream_credit = setup.peer.stream_credit;
    options.peer.participant_credit = setup.peer.participant_credit;
    options.peer.streams = setup.peer.streams;
    options.peer.message_bytes_max = setup.peer.message_bytes_max;
    options.peer.idle = std::chrono::milliseconds{setup.peer.idle_ms};
    return options;
}

void check(const StreamOptions& options) {
    const bool drops = options.latest_only || options.time_to_live.count() != 0;
    if (options.time_to_live.count() < 0 ||
        (drops && covers(options.promises, Promises::guaranteed_delivery))) {
        throw ParticipantError{errc::options_invalid,
                               "time_to_live and latest_only drop messages, which "
                               "guaranteed_delivery forbids"};
    }
    const auto wait = options.reorder_wait;
    const bool sequenced = covers(options.promises, Promises::ordered) &&
                           !covers(options.promises, Promises::guaranteed_delivery);
    if (wait.count() < 0 || wait > StreamOptions::reorder_wait_max ||
        (wait.count() != 0 && !sequenced)) {
        throw ParticipantError{errc::options_invalid,
                               "reorder_wait is 0 to 50 ms, for streams that are ordered and not "
                               "guaranteed_delivery"};
    }
    if (options.copies.value_or(0) > StreamOptions::copies_max) {
        throw ParticipantError{errc::options_invalid, "more copies than copies_max"};
    }
}

// True if an end of that reason is what one of the two applications asked for.
bool wanted(std::error_code end) noexcept {
    return end == errc::participant_closed || end == errc::participant_disconnected ||
           end == errc::network_closed;
}

std::size_t message_bytes_max(const Participant::Setup& setup) {
    return static_cast<std::size_t>(
        std::min<std::uint64_t>(setup.limits.message_bytes, setup.peer.message_bytes_max));
}

}  // namespace

/// A call of open() on its way.
struct Participant::Opening {
    explicit Opening(const StreamOptions& wanted) noexcept : options{wanted} {}
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;
    ~Opening() {
        if (stream != nullptr) stream->release();
    }

    const StreamOptions options;
    std::mutex mutex;  // for the following
    bool given_up = false;
    std::shared_ptr<Stream> stream;
    std::error_code error;
    WaitList done;
};

std::shared_ptr<Participant> Participant::make(const asio::any_io_executor& strand,
                                               Environment environment,
                                               std::shared_ptr<BlockPool> pool,
                                               std::weak_ptr<ParticipantKeeper> keeper,
                                               const Setup& setup) {
    std::shared_ptr<Participant> participant{
        new Participant{strand, std::move(environment), std::move(pool), std::move(keeper), setup}};
    participant->deadline_.set_target(participant);
    if (!participant->residents_->enter(*participant)) participant->strand_.give_up();
    return participant;
}

Participant::Participant(const asio::any_io_executor& strand, Environment environment,
                         std::shared_ptr<BlockPool> pool, std::weak_ptr<ParticipantKeeper> keeper,
                         const Setup& setup)
    : pid_{setup.peer.pid},
      dialled_{setup.dialled},
      peer_address_{setup.peer_address},
      peer_host_{setup.peer_host},
      environment_{std::move(environment)},
      limits_{setup.limits},
      number_{setup.number},
      simulated_link_{setup.simulated_link},
      congestion_{setup.congestion},
      fixed_bytes_per_second_{setup.fixed_bytes_per_second},
      policy_{setup.policy},
      keeper_{std::move(keeper)},
      residents_{transport::Residents::of(strand)},
      strand_{strand},
      intake_{std::move(pool), setup.limits, message_bytes_max(setup)},
      mux_{std::make_unique<protocol::Mux>(mux_options(setup))},
      confirm_by_{setup.confirm_by} {}

Participant::~Participant() {
    environment_.timers->remove(deadline_);
    strand_.give_up();
    residents_->leave(*this);
}

template <typename Function>
bool Participant::on_strand(Function function) {
    return strand_.post(
        [self = shared_from_this(), function = std::move(function)] { function(*self); });
}

void Participant::post_flush() {
    strand_.post([self = shared_from_this()] { self->flush(); });
}

void Participant::alarm() noexcept {
    strand_.post([self = shared_from_this()] { self->rung(); });
}

asio::awaitable<std::shared_ptr<Stream>> Participant::open(std::shared_ptr<Participant> self,
                                                           StreamOptions options) {
    check(options);
    const auto opening = std::make_shared<Opening>(options);
    const bool alive = self->on_strand([opening](Participant& participant) {
        participant.openings_.push_back(opening);
        participant.serve_openings(participant.environment_.clock->now());
    });
    if (!alive) throw ParticipantError{errc::network_closed};
    for (;;) {
        const auto ticket = opening->done.ticket();
        {
            const std::lock_guard lock{opening->mutex};
            if (opening->stream != nullptr) co_return std::exchange(opening->stream, nullptr);
            if (opening->error) throw ParticipantError{opening->error};
        }
        if (const auto error = self->end()) throw ParticipantError{error};
        try {
            co_await opening->done.wait(ticket, opening);
        } catch (...) {
            const std::lock_guard lock{opening->mutex};
            opening->given_up = true;
            throw;
        }
    }
}

void Participant::serve_openings(protocol::Time now) {
    std::size_t served = 0;
    for (; served < openings_.size(); ++served) {
        auto& opening = *openings_[served];
        const std::lock_guard lock{opening.mutex};
        if (opening.given_up) continue;
        if (state_ != State::open) {
            const auto ended = end();
            opening.error = ended ? ended : errc::participant_closed;
        } else if (covers(opening.options.promises, Promises::encrypted) &&
                   (port_ == nullptr || !port_->traits().encrypted)) {
            opening.error = errc::encryption_unavailable;
        } else if (mux_->options().peer.streams == 0) {
            opening.error = errc::too_many_streams;
        } else if (!mux_->may_open()) {
            break;
        } else {
            opening.stream = attach(*mux_->open(opening.options, now));
        }
        opening.done.notify();
    }
    if (served == 0) return;
    openings_.erase(openings_.begin(), openings_.begin() + static_cast<std::ptrdiff_t>(served));
    if (channel_ != nullptr) channel_->wake();
}

asio::awaitable<std::shared_ptr<Stream>> Participant::opened(std::shared_ptr<Participant> self) {
    auto stream = co_await next_opened(self);
    if (stream == nullptr) throw ParticipantError{self->end()};
    co_return stream;
}

asio::awaitable<std::shared_ptr<Stream>> Participant::next_opened(
    std::shared_ptr<Participant> self) {
    for (;;) {
        const auto ticket = self->changes_.ticket();
        const auto error = self->end();
        if (auto stream = self->try_opened()) co_return stream;
        if (error && wanted(error)) co_return nullptr;
        if (error) throw ParticipantError{error};
        co_await self->changes_.wait(ticket, self);
    }
}

std::shared_ptr<Stream> Participant::try_opened() {
    const std::lock_guard lock{mutex_};
    if (opened_.empty()) return nullptr;
    auto stream = std::move(opened_.front());
    opened_.erase(opened_.begin());
    return stream;
}

asio::awaitable<ParticipantEvent> Participant::next_event(std::shared_ptr<Participant> self) {
    for (;;) {
        const auto ticket = self->changes_.ticket();
        const auto error = self->end();
        if (auto event = self->try_event()) co_return *std::move(event);
        if (error) throw ParticipantError{error};
        co_await self->changes_.wait(ticket, self);
    }
}

std::optional<ParticipantEvent> Participant::try_event() {
    const std::lock_guard lock{mutex_};
    if (events_.empty()) return std::nullopt;
    auto event = std::move(events_.front());
    events_.erase(events_.begin());
    return event;
}

asio::awaitable<DisconnectResult> Participant::disconnect(std::shared_ptr<Participant> self,
                                                          CloseReason reason,
                                                          protocol::Duration deadline) {
    if (reason.code() > close_code::application_max) {
        throw ParticipantError{errc::options_invalid,
                               "CloseReason{" + std::to_string(reason.code()) +
                                   "}: codes of the application are 0 to 2^62 - 1"};
    }
    self->begin_disconnect(std::move(reason), deadline);
    co_await ended(self);
    const std::lock_guard lock{self->mutex_};
    co_return self->result_;
}

void Participant::begin_disconnect(CloseReason reason, protocol::Duration deadline) {
    const auto by = protocol::after(environment_.clock->now(), deadline);
    intake_.close(errc::participant_closed);
    on_strand(
        [reason = std::move(reason), by](Participant& self) { self.disconnect_now(reason, by); });
}

void Participant::release() {
    begin_disconnect({}, limits_.disconnect);
    std::vector<std::shared_ptr<Stream>> unseen;
    {
        const std::lock_guard lock{mutex_};
        released_ = true;
        unseen.swap(opened_);
        for (auto& [index, stream] : std::exchange(early_, {})) {
            if (stream != nullptr) unseen.push_back(std::move(stream));
        }
    }
    for (const auto& each : unseen) each->release();
}

void Participant::abort(std::error_code reason) {
    intake_.close(reason);
    on_strand([reason](Participant& self) { self.end_channel(reason); });
}

asio::awaitable<void> Participant::ended(std::shared_ptr<Participant> self) {
    for (;;) {
        const auto ticket = self->changes_.ticket();
        if (self->end()) co_return;
        co_await self->changes_.wait(ticket, self);
    }
}

asio::awaitable<void> Participant::confirmed(std::shared_ptr<Participant> self) {
    for (;;) {
        const auto ticket = self->changes_.ticket();
        {
            const std::lock_guard lock{self->mutex_};
            if (self->confirmed_) co_return;
            if (self->end_) throw ParticipantError{self->end_};
        }
        co_await self->changes_.wait(ticket, self);
    }
}

std::optional<CloseReason> Participant::close_reason() const {
    const std::lock_guard lock{mutex_};
    return close_reason_;
}

std::error_code Participant::end() const {
    const std::lock_guard lock{mutex_};
    return end_;
}

ParticipantStats Participant::stats() const {
    constexpr auto relaxed = std::memory_order_relaxed;
    ParticipantStats stats;
    stats.streams = gauges_.streams.load(relaxed);
    stats.frames_received = gauges_.frames_received.load(relaxed);
    stats.round_trip_time = protocol::Duration{gauges_.round_trip_nanoseconds.load(relaxed)};
    stats.rate_bytes_per_second = gauges_.rate_bytes_per_second.load(relaxed);
    stats.loss = gauges_.loss.load(relaxed);
    stats.congestion_window_bytes = gauges_.congestion_window_bytes.load(relaxed);
    stats.packets_sent = gauges_.packets_sent.load(relaxed);
    stats.packets_received = gauges_.packets_received.load(relaxed);
    stats.packets_lost = gauges_.packets_lost.load(relaxed);
    stats.bytes_sent = gauges_.bytes_sent.load(relaxed);
    stats.bytes_received = gauges_.bytes_received.load(relaxed);
    stats.messages_dropped_unsent = gauges_.messages_dropped_unsent.load(relaxed);
    stats.messages_dropped_unread = gauges_.messages_dropped_unread.load(relaxed);
    stats.queued_bytes = intake_.queued();
    const std::lock_guard lock{mutex_};
    stats.events_dropped = events_dropped_;
    return stats;
}

bool Participant::claim() noexcept {
    claimed_ = weak_from_this().lock();
    return claimed_ != nullptr;
}

// Nothing runs on the strand any more, so that this may touch what is its own.
void Participant::evict() noexcept {
    const auto self = std::move(claimed_);
    strand_.give_up();
    if (channel_ != nullptr) channel_->drop();
    finish_end(errc::network_closed);
}

}  // namespace braid::runtime
