// The dialling side of a Network.

#include "runtime/calls.hpp"
#include "runtime/distant_encounter.hpp"
#include "runtime/network.hpp"
#include "transport/refused.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/error.hpp>

#include <algorithm>
#include <utility>

namespace braid::runtime {

asio::awaitable<std::shared_ptr<Participant>> Network::connect(std::shared_ptr<Network> self,
                                                               ConnectAddr address,
                                                               protocol::Duration deadline) {
    const auto call = std::make_shared<ConnectCall>();
    {
        const std::lock_guard lock{self->mutex_};
        if (self->closed_ || !self->executor_) throw NetworkError{errc::network_closed};
        if (self->known_.size() >= self->options_.limits().participants) {
            throw NetworkError{errc::too_many_participants};
        }
        const auto strand = Strand::make(self->executor_);
        call->meeting = Meeting::make(strand, self->environment_.timers);
        call->since = self->serial_;
        call->by = protocol::after(self->environment_.clock->now(), deadline);
        self->meetings_.push_back(call->meeting);
        asio::post(strand, [self, call, strand, address] {
            asio::co_spawn(strand, dial(self, call, address), asio::detached);
        });
    }
    try {
        co_return co_await ConnectCall::result(call);
    } catch (...) {
        call->meeting->close();
        throw;
    }
}

asio::awaitable<void> Network::dial(std::shared_ptr<Network> self,
                                    std::shared_ptr<ConnectCall> call, ConnectAddr address) {
    try {
        auto participant = co_await encounter(self, call, std::move(address));
        if (!call->succeed(participant)) participant->release();
    } catch (...) {
        call->fail(std::current_exception());
    }
    const std::lock_guard lock{self->mutex_};
    std::erase_if(self->meetings_, [&](const auto& each) {
        const auto other = each.lock();
        return other == nullptr || other == call->meeting;
    });
}

asio::awaitable<std::shared_ptr<Participant>> Network::encounter(std::shared_ptr<Network> self,
                                                                 std::shared_ptr<ConnectCall> call,
                                                                 ConnectAddr address) {
    const auto text = to_string(address);
    auto& meeting = *call->meeting;
    auto late = errc::timed_out;
    std::shared_ptr<Participant> other;
    try {
        auto stranger = co_await self->environment_.transports->dial(std::move(address));
        if (const auto& simulation = self->simulated_link_) {
            stranger = distant(std::move(stranger), *simulation, self->environment_);
        }
        meeting.begin(std::move(stranger));
        meeting.limit(call->by);
        auto& encounter = meeting.encounter();
        co_await encounter.send_hello(self->hello());
        const auto handshake_by = self->environment_.clock->now() + self->limits().handshake;
        if (handshake_by <= call->by) late = errc::handshake_timeout;
        meeting.limit(std::min(call->by, handshake_by));
        const auto peer = co_await encounter.receive_hello();
        const auto claim = self->claim_peer(peer, encounter, call->since);
        meeting.limit(protocol::never);
        if (!claim.other_dial) {
            claim.participant->start(encounter.established());
            self->report_connected(*claim.participant);
            co_return claim.participant;
        }
        other = claim.participant;
        encounter.close();
    } catch (const transport::Refused& error) {
        // Perhaps both ends dialled at the same time, and the other's call was first.
        if (error.code() != errc::already_connected) throw;
        other = self->await_other_dial(error.pid(), call->since);
        if (other == nullptr) throw;
    } catch (const std::system_error& error) {
        if (self->closing()) throw NetworkError{errc::network_closed};
        if (error.code() != asio::error::operation_aborted || !meeting.timed_out()) throw;
        if (late == errc::handshake_timeout) throw HandshakeError{late, text};
        throw ConnectError{late, text};
    }
    co_await Participant::confirmed(other);
    co_return other;
}

Network::Claim Network::claim_peer(const protocol::Hello& peer, transport::Encounter& encounter,
                                   std::uint64_t since) {
    const auto text = encounter.peer_address();
    if (peer.pid == pid_) throw ConnectError{errc::self_connect, text};
    if (const auto refusal = protocol::check_application(hello(), peer)) {
        throw HandshakeError{refusal->reason, refusal->text};
    }
    std::shared_ptr<Participant> replaced;
    const std::lock_guard lock{mutex_};
    if (closed_) throw NetworkError{closed_};
    const auto found = known_.find(peer.pid);
    if (found != known_.end()) {
        auto& known = found->second;
        const bool simultaneous = known.serial > since && !known.participant->dialled();
        if (!simultaneous) throw ConnectError{errc::already_connected, text};
        if (known.confirmed || peer.pid < pid_) {
            auto other = await_other_dial(known, since);
            if (other == nullptr) throw ConnectError{errc::already_connected, text};
            return {other, true};
        }
        // Both dialled, and this end has the lower Pid: its call is the one that stays.
        if (std::exchange(known.half_open, false)) --half_open_;
        replaced = known.participant;
        replaced_.push_back(replaced);
        known_.erase(found);
        replaced->abort(errc::already_connected);
    }
    Known known;
    known.participant = Participant::make(encounter.executor(), environment_, pool_,
                                          weak_from_this(), setup(peer, encounter, true));
    known.serial = ++serial_;
    known.confirmed = true;
    auto participant = known.participant;
    known_.emplace(peer.pid, std::move(known));
    return {participant, false};
}

std::shared_ptr<Participant> Network::await_other_dial(const Pid& pid, std::uint64_t since) {
    const std::lock_guard lock{mutex_};
    const auto found = known_.find(pid);
    return found == known_.end() ? nullptr : await_other_dial(found->second, since);
}

// Null if the peer's call came before ours, or if the application has its participant already.
std::shared_ptr<Participant> Network::await_other_dial(Known& known, std::uint64_t since) {
    if (known.serial <= since || known.participant->dialled() || known.awaited) return nullptr;
    const bool queued = std::erase(connected_, known.participant) != 0;
    if (known.confirmed && !queued) return nullptr;
    known.awaited = true;
    return known.participant;
}

}  // namespace braid::runtime
