#include "runtime/participant.hpp"

#include <braid/close_code.hpp>

#include <algorithm>
#include <utility>

namespace braid::runtime {

void Participant::disconnect_now(const CloseReason& reason, protocol::Time by) {
    if (state_ == State::ended) return;
    disconnect_by_ = std::min(disconnect_by_, by);
    const auto now = environment_.clock->now();
    if (state_ != State::open) return arm();
    if (cause_) return;  // the channel is being closed already, for another reason
    cause_ = errc::participant_closed;
    {
        const std::lock_guard lock{mutex_};
        close_reason_ = reason;
    }
    flush();
    if (state_ == State::ended) return;
    mux_->for_each_stream([&](protocol::Stream& stream) {
        mux_->finish(stream, now);
        mux_->want_confirmation(stream);
    });
    // Not before: the goodbye may leave as soon as all is delivered, and nothing comes after it.
    state_ = State::disconnecting;
    serve_openings(now);
    if (channel_ == nullptr) return finish_end(cause_);
    check_disconnect();
    channel_->wake();
    arm();
}

void Participant::check_disconnect() {
    bool settled = true;
    mux_->for_each_stream(
        [&](protocol::Stream& stream) { settled = settled && stream.outbound.settled(); });
    if (!settled) return;
    state_ = State::saying_goodbye;
    mux_->close(close_reason_.value_or(CloseReason{}));
}

// What can be said without waiting. What still waits is not sent any more.
void Participant::say_at_once(CloseReason reason) {
    {
        const std::lock_guard lock{mutex_};
        if (close_reason_) {
            reason = *close_reason_;
        } else {
            close_reason_ = reason;
        }
    }
    if (channel_ == nullptr || channel_->link().failure() || mux_->peer_close()) return;
    mux_->close_at_once(reason);
    channel_->wake();
}

void Participant::end_channel(std::error_code reason) {
    if (state_ == State::ended) return;
    if (!cause_ || reason == errc::network_closed) cause_ = reason;
    if (reason == errc::network_closed) {
        say_at_once({close_code::network_destroyed, "the peer's Network was destroyed"});
    } else if (reason == errc::participant_closed) {
        say_at_once({});
    }
    if (channel_ != nullptr) {
        channel_->close();
    } else {
        finish_end(cause_);
    }
}

void Participant::channel_ended(std::error_code reason) {
    if (state_ == State::ended) return;
    // What the system says about a broken connection is nothing that applications should tell
    // apart.
    const bool ours = reason && reason.category() == braid::category();
    finish_end(cause_ ? cause_ : ours ? reason : errc::participant_lost);
    wake_receivers();
}

/// The mux and the channel go; the streams keep what was delivered.
void Participant::finish_end(std::error_code reason) {
    if (state_ == State::ended) return;
    const auto now = environment_.clock->now();
    intake_.end(reason);
    intake_.flush([&](const Intake::Record& record) { apply(record, now); });
    for (auto* const stream : mux_->take_changed()) changed(*stream, now);
    state_ = State::ended;
    {
        auto result = undelivered();
        const std::lock_guard lock{mutex_};
        if (port_ != nullptr) {
            keep({ParticipantEvent::Kind::channel_deleted, peer_address_, reason});
        }
        end_ = reason;
        result_ = std::move(result);
    }
    channel_.reset();
    serve_openings(now);
    mux_->for_each_stream([&](protocol::Stream& attached) {
        auto* const stream = static_cast<Stream*>(attached.owner);
        if (stream == nullptr) return;
        stream->end_receiving(reason);
        stream->close_sending(reason);
        attached.outbound.drop_all();
        stream->settle_sent();
        stream->detach();
    });
    port_ = nullptr;
    mux_.reset();
    intake_.rest();
    environment_.timers->arm(deadline_, protocol::never);
    changes_.notify();
    if (const auto keeper = keeper_.lock()) keeper->ended(*this, reason);
}

DisconnectResult Participant::undelivered() {
    std::vector<DisconnectResult::Undelivered> streams;
    mux_->for_each_stream([&](protocol::Stream& stream) {
        const auto& outbound = stream.outbound;
        if (outbound.settled()) return;
        streams.push_back({stream.id, outbound.messages_queued(), outbound.bytes_queued()});
    });
    std::sort(streams.begin(), streams.end(),
              [](const auto& left, const auto& right) { return left.stream < right.stream; });
    return DisconnectResult{std::move(streams)};
}

}  // namespace braid::runtime
