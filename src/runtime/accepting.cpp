// The accepting side of a Network: who may come in.

#include "runtime/calls.hpp"
#include "runtime/distant_encounter.hpp"
#include "runtime/network.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <algorithm>
#include <utility>

namespace braid::runtime {

namespace {

protocol::Refusal refusal_of(errc reason) {
    protocol::Refusal refusal;
    refusal.reason = reason;
    return refusal;
}

}  // namespace

asio::awaitable<std::shared_ptr<Listening>> Network::listen(std::shared_ptr<Network> self,
                                                            ListenAddr address) {
    const auto call = std::make_shared<ListenCall>();
    const bool alive = self->strand_.post([self, call, address] {
        asio::co_spawn(self->strand_.executor(), accept(self, call, address), asio::detached);
    });
    if (!alive) throw NetworkError{errc::network_closed};
    co_return co_await ListenCall::result(call);
}

asio::awaitable<void> Network::accept(std::shared_ptr<Network> self,
                                      std::shared_ptr<ListenCall> call, ListenAddr address) {
    std::shared_ptr<transport::Listener> listener;
    try {
        listener = co_await self->environment_.transports->listen(std::move(address),
                                                                  self->options_.limits());
        {
            const std::lock_guard lock{self->mutex_};
            if (self->closed_) throw NetworkError{self->closed_};
            self->listeners_.push_back(listener);
        }
        if (!call->succeed(std::make_shared<Listening>(self, listener))) {
            self->stop(listener);
        }
    } catch (...) {
        call->fail(std::current_exception());
        co_return;
    }
    call.reset();
    if (const auto warning = listener->warning(); !warning.empty()) {
        self->report(
            LogLevel::warning,
            LogLine{"listener_warning", to_string(listener->address())}.with("reason", warning));
    }
    try {
        for (;;) self->admit(co_await listener->accept());
    } catch (const std::exception& error) {
        if (self->listens_at(listener)) {
            self->report(LogLevel::error,
                         LogLine{"listener_failed", to_string(listener->address())}.with(
                             "reason", error.what()));
        }
    }
    self->stop(listener);
}

void Network::admit(std::unique_ptr<transport::Encounter> encounter) {
    const auto host = encounter->peer_host();
    if (!admissible(host)) {
        if (log_.wants(LogLevel::warning)) {
            report(LogLevel::warning, LogLine{"handshake_refused", encounter->peer_address()}.with(
                                          "reason", "too many handshakes"));
        }
        return encounter->close();
    }
    const auto strand = encounter->executor();
    const auto meeting = Meeting::make(strand, environment_.timers);
    {
        const std::lock_guard lock{mutex_};
        meetings_.push_back(meeting);
    }
    if (simulated_link_ != nullptr) {
        encounter = distant(std::move(encounter), *simulated_link_, environment_);
    }
    meeting->begin(std::move(encounter));
    meeting->limit(environment_.clock->now() + options_.limits().handshake);
    asio::co_spawn(strand, meet(shared_from_this(), meeting), asio::detached);
}

// Counts the newcomer if it may come in.
bool Network::admissible(const std::string& host) {
    const auto& limits = options_.limits();
    const std::lock_guard lock{mutex_};
    const auto refuse = [&] {
        ++stats_.handshakes_refused;
        return false;
    };
    if (closed_ || half_open_ >= limits.half_open) return refuse();
    if (!host.empty()) {
        const auto now = environment_.clock->now();
        const double rate = limits.handshakes_per_second;
        const std::chrono::duration<double> passed = now - handshake_tokens_at_;
        handshake_tokens_at_ = now;
        handshake_tokens_ = std::min(rate, handshake_tokens_ + rate * passed.count());
        if (handshake_tokens_ < 1) return refuse();
        auto& count = hosts_[host];
        if (count >= limits.participants_per_address) return refuse();
        handshake_tokens_ -= 1;
        ++count;
    }
    ++half_open_;
    return true;
}

asio::awaitable<void> Network::meet(std::shared_ptr<Network> self,
                                    std::shared_ptr<Meeting> meeting) {
    auto& encounter = meeting->encounter();
    const auto host = encounter.peer_host();
    const auto address = encounter.peer_address();
    std::shared_ptr<Participant> participant;
    std::string problem;
    const char* event = "handshake_failed";
    try {
        const auto peer = co_await encounter.receive_hello();
        if (auto refusal = self->judge(peer, meeting, participant)) {
            event = "handshake_refused";
            problem = std::error_code{refusal->reason}.message();
            if (!refusal->text.empty()) problem = refusal->text + ": " + problem;
            co_await encounter.refuse(std::move(*refusal));
        } else {
            co_await encounter.send_hello(self->hello());
            participant->start(encounter.established());
        }
    } catch (const std::exception& error) {
        problem = meeting->timed_out() ? "no handshake in time" : error.what();
        // With a participant, its end counts.
        const std::lock_guard lock{self->mutex_};
        if (participant == nullptr) ++self->stats_.handshakes_failed;
    }
    self->meeting_over(meeting, host, participant != nullptr);
    if (problem.empty()) co_return;
    if (participant != nullptr) {
        participant->abort(errc::participant_lost);
    } else if (self->log_.wants(LogLevel::warning) && !self->closing()) {
        self->report(LogLevel::warning, LogLine{event, address}.with("reason", problem));
    }
}

// Nothing, and a participant in the making, for a peer that is welcome.
std::optional<protocol::Refusal> Network::judge(const protocol::Hello& peer,
                                                const std::shared_ptr<Meeting>& meeting,
                                                std::shared_ptr<Participant>& participant) {
    auto& encounter = meeting->encounter();
    const std::lock_guard lock{mutex_};
    const auto refuse = [&](protocol::Refusal refusal) {
        ++stats_.handshakes_refused;
        return refusal;
    };
    if (closed_) return refuse(refusal_of(errc::network_closed));
    if (peer.pid == pid_) return refuse(refusal_of(errc::self_connect));
    if (auto refusal = protocol::check_application(peer, hello())) return refuse(*refusal);
    if (known_.contains(peer.pid)) {
        auto refusal = refusal_of(errc::already_connected);
        refusal.pid = pid_;
        return refuse(std::move(refusal));
    }
    if (known_.size() >= options_.limits().participants) {
        return refuse(refusal_of(errc::too_many_participants));
    }
    participant = Participant::make(encounter.executor(), environment_, pool_, weak_from_this(),
                                    setup(peer, encounter, false));
    Known known;
    known.participant = participant;
    known.serial = ++serial_;
    known.half_open = true;
    known_.emplace(peer.pid, std::move(known));
    return std::nullopt;
}

void Network::meeting_over(const std::shared_ptr<Meeting>& meeting, const std::string& host,
                           bool participant_made) {
    const std::lock_guard lock{mutex_};
    std::erase_if(meetings_, [&](const auto& each) {
        const auto other = each.lock();
        return other == nullptr || other == meeting;
    });
    if (participant_made) return;  // which counts on
    --half_open_;
    forget_host(host);
}

void Network::forget_host(const std::string& host) {
    const auto found = hosts_.find(host);
    if (found != hosts_.end() && --found->second == 0) hosts_.erase(found);
}

}  // namespace braid::runtime
