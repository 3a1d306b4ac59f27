#pragma once

#include "protocol/handshake.hpp"
#include "protocol/mux.hpp"
#include "runtime/channel.hpp"
#include "runtime/environment.hpp"
#include "runtime/guarantee_watch.hpp"
#include "runtime/intake.hpp"
#include "runtime/strand.hpp"
#include "runtime/stream.hpp"
#include "runtime/stream_policy.hpp"
#include "runtime/timers.hpp"
#include "runtime/wait_list.hpp"
#include "transport/context_service.hpp"

#include <braid/disconnect_result.hpp>
#include <braid/error.hpp>
#include <braid/limits.hpp>
#include <braid/link_simulation.hpp>
#include <braid/participant_event.hpp>
#include <braid/pid.hpp>
#include <braid/stats.hpp>
#include <braid/stream_options.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace braid::runtime {

class Participant;

/// Whoever keeps the table of participants. Called on the participant's strand.
class ParticipantKeeper {
public:
    /// The peer has proved that it is there: its first frame arrived.
    virtual void confirmed(const std::shared_ptr<Participant>& participant) = 0;

    /// A stream that the peer opened was refused with this code.
    virtual void refused(Participant& participant, std::uint64_t code) = 0;

    /// The last event.
    virtual void ended(Participant& participant, std::error_code reason) = 0;

protected:
    ~ParticipantKeeper() = default;
};

/// One remote Network: its mux, its channel, its streams, on a strand of its own. What the
/// application calls may be called from any thread.
class Participant final : public ChannelEvents,
                          public Alarmed,
                          private transport::Resident,
                          public std::enable_shared_from_this<Participant> {
public:
    struct Setup {
        Pid pid;  ///< this end's
        protocol::Hello peer;
        bool dialled = false;  ///< by this end
        std::string peer_address;
        std::string peer_host;
        Limits limits;
        std::shared_ptr<const StreamPolicy> policy;   ///< null if all streams are taken
        protocol::Time confirm_by = protocol::never;  ///< accepting side: for the first frame
        std::uint64_t number = 0;                     ///< differs among a Network's participants
        std::shared_ptr<const LinkSimulation> simulated_link;  ///< null if it is real
        CongestionAlgorithm congestion = CongestionAlgorithm::copa;
        std::uint64_t fixed_bytes_per_second = 0;
    };

    static std::shared_ptr<Participant> make(const asio::any_io_executor& strand,
                                             Environment environment,
                                             std::shared_ptr<BlockPool> pool,
                                             std::weak_ptr<ParticipantKeeper> keeper,
                                             const Setup& setup);
    ~Participant();

    // Any thread.

    const Pid& pid() const noexcept { return pid_; }
    bool dialled() const noexcept { return dialled_; }
    const std::string& peer_address() const noexcept { return peer_address_; }
    const std::string& peer_host() const noexcept { return peer_host_; }
    const Environment& environment() const noexcept { return environment_; }
    const Limits& limits() const noexcept { return limits_; }
    Intake& intake() noexcept { return intake_; }
    void post_flush();

    static asio::awaitable<std::shared_ptr<Stream>> open(std::shared_ptr<Participant> self,
                                                         StreamOptions options);
    static asio::awaitable<std::shared_ptr<Stream>> opened(std::shared_ptr<Participant> self);
    /// Null after an end that one of the two applications wanted.
    static asio::awaitable<std::shared_ptr<Stream>> next_opened(std::shared_ptr<Participant> self);
    /// Null if there is none now.
    std::shared_ptr<Stream> try_opened();

    static constexpr std::size_t events_max = 64;
    static asio::awaitable<ParticipantEvent> next_event(std::shared_ptr<Participant> self);
    std::optional<ParticipantEvent> try_event();

    static asio::awaitable<DisconnectResult> disconnect(std::shared_ptr<Participant> self,
                                                        CloseReason reason,
                                                        protocol::Duration deadline);
    /// The same without waiting for it.
    void begin_disconnect(CloseReason reason, protocol::Duration deadline);
    /// The application has no handle any more: disconnects, and drops what it has not seen.
    void release();
    /// Ends it at once.
    void abort(std::error_code reason);
    /// Waits until it has ended.
    static asio::awaitable<void> ended(std::shared_ptr<Participant> self);

    /// What the side that closed gave as its reason; nothing while open, or if lost.
    std::optional<CloseReason> close_reason() const;
    /// Why it ended; no error while it has not.
    std::error_code end() const;
    ParticipantStats stats() const;

    /// Waits until the accepting side has heard from the peer.
    /// @throws ParticipantError if it ends before
    static asio::awaitable<void> confirmed(std::shared_ptr<Participant> self);

    // On the strand.

    /// Messages of one of its streams were dropped.
    void count_dropped(std::uint64_t unsent, std::uint64_t unread) noexcept;

    /// Begins to talk.
    void start(transport::Connection connection);

private:
    struct Opening;
    enum class State : std::uint8_t { open, disconnecting, saying_goodbye, ended };

    Participant(const asio::any_io_executor& strand, Environment environment,
                std::shared_ptr<BlockPool> pool, std::weak_ptr<ParticipantKeeper> keeper,
                const Setup& setup);

    // participant.cpp
    bool claim() noexcept override;
    void evict() noexcept override;
    void alarm() noexcept override;
    template <typename Function>
    bool on_strand(Function function);

    // participant_strand.cpp
    void received(protocol::Time now) override;
    void wake_receivers();
    void filled(protocol::Time now) override;
    bool said_goodbye() const noexcept override;
    void channel_ended(std::error_code reason) override;
    void flush();
    void apply(const Intake::Record& record, protocol::Time now);
    void queue(Stream& stream, const Intake::Record& record, protocol::Time now);
    void release(Stream& stream, protocol::Time now);
    void rung();
    void settle(protocol::Time now);
    void changed(protocol::Stream& stream, protocol::Time now);
    void pass_on(std::uint64_t index, std::shared_ptr<Stream> stream);
    bool opened_by_peer(protocol::Stream& stream, protocol::Time now);
    std::optional<std::uint64_t> refusal(const protocol::Stream& stream);
    std::uint64_t guaranteed_to_peer();
    std::shared_ptr<Stream> attach(protocol::Stream& stream);
    void consume(protocol::Stream& stream);
    void serve_openings(protocol::Time now);
    void note_stats() noexcept;
    void note(ParticipantEvent event);
    void keep(ParticipantEvent event);
    void arm();

    // participant_end.cpp
    void say_at_once(CloseReason reason);
    void disconnect_now(const CloseReason& reason, protocol::Time by);
    void check_disconnect();
    void end_channel(std::error_code reason);
    void finish_end(std::error_code reason);
    DisconnectResult undelivered();

    const Pid pid_;
    const bool dialled_;
    const std::string peer_address_;
    const std::string peer_host_;
    const Environment environment_;
    const Limits limits_;
    const std::uint64_t number_;
    const std::shared_ptr<const LinkSimulation> simulated_link_;
    const CongestionAlgorithm congestion_;
    const std::uint64_t fixed_bytes_per_second_;
    const std::shared_ptr<const StreamPolicy> policy_;
    const std::weak_ptr<ParticipantKeeper> keeper_;
    const std::shared_ptr<transport::Residents> residents_;
    Strand strand_;
    Intake intake_;

    mutable std::mutex mutex_;  // for the following
    std::vector<std::shared_ptr<Stream>> opened_;
    std::map<std::uint64_t, std::shared_ptr<Stream>> early_;  // their OPENs overtook others
    std::vector<ParticipantEvent> events_;
    std::uint64_t events_dropped_ = 0;
    std::optional<CloseReason> close_reason_;
    std::error_code end_;
    DisconnectResult result_;
    bool confirmed_ = false;
    bool released_ = false;
    WaitList changes_;

    // What stats() tells; written by the strand after every batch.
    struct Gauges {
        std::atomic<std::size_t> streams{0};
        std::atomic<std::uint64_t> frames_received{0};
        std::atomic<std::int64_t> round_trip_nanoseconds{0};
        std::atomic<std::uint64_t> rate_bytes_per_second{0};
        std::atomic<double> loss{0};
        std::atomic<std::uint64_t> congestion_window_bytes{0};
        std::atomic<std::uint64_t> packets_sent{0};
        std::atomic<std::uint64_t> packets_received{0};
        std::atomic<std::uint64_t> packets_lost{0};
        std::atomic<std::uint64_t> bytes_sent{0};
        std::atomic<std::uint64_t> bytes_received{0};
        std::atomic<std::uint64_t> messages_dropped_unsent{0};
        std::atomic<std::uint64_t> messages_dropped_unread{0};
    };
    Gauges gauges_;

    // On the strand.
    State state_ = State::open;
    std::uint64_t opened_there_ = 0;  // of the streams that the peer opened, passed on in order
    bool heard_ = false;
    std::unique_ptr<protocol::Mux> mux_;
    protocol::MuxPort* port_ = nullptr;
    std::shared_ptr<Channel> channel_;
    std::vector<std::shared_ptr<Opening>> openings_;
    std::error_code cause_;
    protocol::Time confirm_by_;
    protocol::Time disconnect_by_ = protocol::never;
    protocol::Time active_at_{};
    GuaranteeWatch guarantees_;
    std::vector<protocol::Stream*> changed_;
    Woken woken_;  // by what arrived in this turn
    Timers::Entry deadline_;
    std::shared_ptr<Participant> claimed_;
};

}  // namespace braid::runtime
