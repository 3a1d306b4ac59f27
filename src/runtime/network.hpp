#pragma once

#include "protocol/handshake.hpp"
#include "runtime/environment.hpp"
#include "runtime/log.hpp"
#include "runtime/meeting.hpp"
#include "runtime/participant.hpp"
#include "runtime/strand.hpp"
#include "runtime/wait_list.hpp"

#include <braid/address.hpp>
#include <braid/network_options.hpp>
#include <braid/pid.hpp>
#include <braid/stats.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace braid::runtime {

class Network;

/// An address that is listened on.
class Listening {
public:
    Listening(std::weak_ptr<Network> network, std::shared_ptr<transport::Listener> listener);

    const ListenAddr& address() const noexcept { return address_; }
    void stop();

private:
    const std::weak_ptr<Network> network_;
    const std::weak_ptr<transport::Listener> listener_;
    const ListenAddr address_;
};

/// This end: what it listens on, whom it dials, whom it knows. Any thread.
class Network final : public ParticipantKeeper,
                      private transport::Resident,
                      public std::enable_shared_from_this<Network> {
public:
    /// The machine's environment.
    static Environment system_environment(const asio::any_io_executor& executor);

    /// @throws NetworkError (errc::options_invalid)
    static std::shared_ptr<Network> make(const Pid& pid, const asio::any_io_executor& executor,
                                         const NetworkOptions& options, Environment environment);
    ~Network();

    const Pid& pid() const noexcept { return pid_; }
    const Limits& limits() const noexcept { return options_.limits(); }
    NetworkStats stats() const;

    static asio::awaitable<std::shared_ptr<Listening>> listen(std::shared_ptr<Network> self,
                                                              ListenAddr address);
    static asio::awaitable<std::shared_ptr<Participant>> connect(std::shared_ptr<Network> self,
                                                                 ConnectAddr address,
                                                                 protocol::Duration deadline);
    static asio::awaitable<std::shared_ptr<Participant>> connected(std::shared_ptr<Network> self);
    /// Null once the Network is closed.
    static asio::awaitable<std::shared_ptr<Participant>> next_connected(
        std::shared_ptr<Network> self);
    std::shared_ptr<Participant> try_connected();

    static asio::awaitable<void> shutdown(std::shared_ptr<Network> self,
                                          protocol::Duration deadline);
    /// Drops everything.
    void close();

    /// Stops listening there.
    void stop(const std::shared_ptr<transport::Listener>& listener);

private:
    struct ListenCall;
    struct ConnectCall;

    /// A participant of this Pid, or one in the making.
    struct Known {
        std::shared_ptr<Participant> participant;
        std::uint64_t serial = 0;
        bool confirmed = false;
        bool awaited = false;    // connect() will give it to the application
        bool half_open = false;  // counts as such
    };

    /// What a dialling end finds when it knows whom it reached.
    struct Claim {
        std::shared_ptr<Participant> participant;
        bool other_dial = false;  // that of the peer, which came first
    };

    Network(const Pid& pid, const asio::any_io_executor& executor, const NetworkOptions& options,
            Environment environment);

    bool claim() noexcept override;
    void evict() noexcept override;
    void confirmed(const std::shared_ptr<Participant>& participant) override;
    void refused(Participant& participant, std::uint64_t code) override;
    void ended(Participant& participant, std::error_code reason) override;

    bool closing() const;
    bool listens_at(const std::shared_ptr<transport::Listener>& listener) const;
    protocol::Hello hello() const;
    std::vector<std::shared_ptr<Participant>> begin_closing(std::error_code reason);
    Participant::Setup setup(const protocol::Hello& peer, transport::Encounter& encounter,
                             bool dialled) const;
    void report(LogLevel level, const LogLine& line);
    void report_connected(const Participant& participant);

    // accepting.cpp
    static asio::awaitable<void> accept(std::shared_ptr<Network> self,
                                        std::shared_ptr<ListenCall> call, ListenAddr address);
    static asio::awaitable<void> meet(std::shared_ptr<Network> self,
                                      std::shared_ptr<Meeting> meeting);
    void admit(std::unique_ptr<transport::Encounter> encounter);
    bool admissible(const std::string& host);
    std::optional<protocol::Refusal> judge(const protocol::Hello& peer,
                                           const std::shared_ptr<Meeting>& meeting,
                                           std::shared_ptr<Participant>& participant);
    void meeting_over(const std::shared_ptr<Meeting>& meeting, const std::string& host,
                      bool participant_made);
    void forget_host(const std::string& host);

    // dialling.cpp
    static asio::awaitable<void> dial(std::shared_ptr<Network> self,
                                      std::shared_ptr<ConnectCall> call, ConnectAddr address);
    static asio::awaitable<std::shared_ptr<Participant>> encounter(
        std::shared_ptr<Network> self, std::shared_ptr<ConnectCall> call, ConnectAddr address);
    Claim claim_peer(const protocol::Hello& peer, transport::Encounter& encounter,
                     std::uint64_t since);
    std::shared_ptr<Participant> await_other_dial(const Pid& pid, std::uint64_t since);
    std::shared_ptr<Participant> await_other_dial(Known& known, std::uint64_t since);

    const Pid pid_;
    const NetworkOptions options_;
    const std::shared_ptr<const LinkSimulation> simulated_link_;
    const asio::any_io_executor& executor() const noexcept { return executor_; }
    const std::shared_ptr<transport::Residents> residents_;
    const std::shared_ptr<BlockPool> pool_ = std::make_shared<BlockPool>();
    Environment environment_;
    Log log_;
    const std::shared_ptr<const StreamPolicy> policy_;

    mutable std::mutex mutex_;        // for all the following
    asio::any_io_executor executor_;  // empty once its context died
    std::error_code closed_;
    std::unordered_map<Pid, Known> known_;
    std::vector<std::shared_ptr<Participant>> replaced_;
    std::vector<std::shared_ptr<Participant>> connected_;
    std::vector<std::shared_ptr<transport::Listener>> listeners_;
    std::vector<std::weak_ptr<Meeting>> meetings_;
    std::unordered_map<std::string, unsigned> hosts_;
    std::uint64_t serial_ = 0;
    unsigned half_open_ = 0;
    double handshake_tokens_;
    protocol::Time handshake_tokens_at_{};
    NetworkStats stats_;
    protocol::Time refusal_reported_at_{};
    std::uint64_t refusals_reported_ = 0;
    WaitList changes_;
    Strand strand_;
    std::shared_ptr<Network> claimed_;
};

}  // namespace braid::runtime
