#include "runtime/network.hpp"

#include "runtime/limits.hpp"
#include "runtime/system_timers.hpp"
#include "transport/transport.hpp"

#include <algorithm>
#include <utility>

namespace braid::runtime {

namespace {

std::shared_ptr<const LinkSimulation> shared(const std::optional<LinkSimulation>& simulation) {
    return simulation ? std::make_shared<const LinkSimulation>(*simulation) : nullptr;
}

constexpr protocol::Duration refusal_pause = std::chrono::seconds{1};

}  // namespace

Listening::Listening(std::weak_ptr<Network> network, std::shared_ptr<transport::Listener> listener)
    : network_{std::move(network)}, listener_{listener}, address_{listener->address()} {}

void Listening::stop() {
    const auto network = network_.lock();
    const auto listener = listener_.lock();
    if (network != nullptr && listener != nullptr) network->stop(listener);
}

Environment Network::system_environment(const asio::any_io_executor& executor) {
    Environment environment;
    environment.clock = std::make_shared<SystemClock>();
    environment.timers = SystemTimers::make(executor, environment.clock);
    environment.entropy = std::make_shared<SystemEntropy>();
    environment.transports =
        std::make_shared<transport::SystemTransports>(environment.clock, environment.entropy);
    return environment;
}

std::shared_ptr<Network> Network::make(const Pid& pid, const asio::any_io_executor& executor,
                                       const NetworkOptions& options, Environment environment) {
    if (!protocol::application_text_valid(options.application_name()) ||
        !protocol::application_text_valid(options.application_version())) {
        throw NetworkError{errc::options_invalid,
                           "an application's name and version have at most 64 bytes each and no "
                           "control characters"};
    }
    check(options.limits());
    if (const auto& simulation = options.simulated_link()) transport::check(*simulation);
    if (options.congestion() == CongestionAlgorithm::fixed &&
        options.fixed_bytes_per_second() == 0) {
        throw NetworkError{errc::options_invalid,
                           "NetworkOptions::congestion: a fixed rate of 0 sends nothing"};
    }
    std::shared_ptr<Network> network{new Network{pid, executor, options, std::move(environment)}};
    network->residents_->enter(*network);
    return network;
}

Network::Network(const Pid& pid, const asio::any_io_executor& executor,
                 const NetworkOptions& options, Environment environment)
    : pid_{pid},
      options_{options},
      simulated_link_{shared(options.simulated_link())},
      residents_{transport::Residents::of(executor)},
      environment_{std::move(environment)},
      log_{options.log_level(), options.logger()},
      policy_{StreamPolicy::of(options)},
      executor_{executor},
      handshake_tokens_{static_cast<double>(options.limits().handshakes_per_second)},
      handshake_tokens_at_{environment_.clock->now()},
      strand_{Strand::make(executor)} {}

Network::~Network() {
    strand_.give_up();
    residents_->leave(*this);
}

NetworkStats Network::stats() const {
    const std::lock_guard lock{mutex_};
    auto stats = stats_;
    stats.half_open = half_open_;
    stats.participants = static_cast<std::size_t>(std::count_if(
        known_.begin(), known_.end(), [](const auto& each) { return each.second.confirmed; }));
    for (const auto& each : listeners_) stats.handshakes_refused += each->turned_away();
    return stats;
}

asio::awaitable<std::shared_ptr<Participant>> Network::connected(std::shared_ptr<Network> self) {
    auto participant = co_await next_connected(std::move(self));
    if (participant == nullptr) throw NetworkError{errc::network_closed};
    co_return participant;
}

asio::awaitable<std::shared_ptr<Participant>> Network::next_connected(
    std::shared_ptr<Network> self) {
    for (;;) {
        const auto ticket = self->changes_.ticket();
        if (auto participant = self->try_connected()) co_return participant;
        if (self->closing()) co_return nullptr;
        co_await self->changes_.wait(ticket, self);
    }
}

std::shared_ptr<Participant> Network::try_connected() {
    const std::lock_guard lock{mutex_};
    if (connected_.empty()) return nullptr;
    auto participant = std::move(connected_.front());
    connected_.erase(connected_.begin());
    return participant;
}

asio::awaitable<void> Network::shutdown(std::shared_ptr<Network> self,
                                        protocol::Duration deadline) {
    for (const auto& each : self->begin_closing(errc::network_closed)) {
        each->begin_disconnect({}, deadline);
    }
    for (;;) {
        const auto ticket = self->changes_.ticket();
        {
            const std::lock_guard lock{self->mutex_};
            if (self->known_.empty() && self->replaced_.empty()) co_return;
        }
        co_await self->changes_.wait(ticket, self);
    }
}

void Network::close() {
    for (const auto& each : begin_closing(errc::network_closed)) each->abort(errc::network_closed);
}

// Nobody comes any more.
std::vector<std::shared_ptr<Participant>> Network::begin_closing(std::error_code reason) {
    std::vector<std::shared_ptr<Participant>> participants;
    std::vector<std::shared_ptr<Participant>> unclaimed;
    {
        const std::lock_guard lock{mutex_};
        if (!closed_) closed_ = reason;
        for (const auto& [pid, known] : known_) participants.push_back(known.participant);
        unclaimed.swap(connected_);
        for (const auto& each : meetings_) {
            if (const auto meeting = each.lock()) meeting->close();
        }
        for (const auto& each : std::exchange(listeners_, {})) {
            stats_.handshakes_refused += each->turned_away();
            strand_.post([each] { each->close(); });
        }
    }
    for (const auto& each : unclaimed) each->release();
    changes_.notify();
    return participants;
}

void Network::stop(const std::shared_ptr<transport::Listener>& listener) {
    {
        const std::lock_guard lock{mutex_};
        if (std::erase(listeners_, listener) == 0) return;
        stats_.handshakes_refused += listener->turned_away();
    }
    strand_.post([listener] { listener->close(); });
}

bool Network::listens_at(const std::shared_ptr<transport::Listener>& listener) const {
    const std::lock_guard lock{mutex_};
    return std::find(listeners_.begin(), listeners_.end(), listener) != listeners_.end();
}

void Network::confirmed(const std::shared_ptr<Participant>& participant) {
    bool unwanted = false;
    {
        const std::lock_guard lock{mutex_};
        const auto found = known_.find(participant->pid());
        if (found == known_.end() || found->second.participant != participant) return;
        auto& known = found->second;
        known.confirmed = true;
        if (std::exchange(known.half_open, false)) --half_open_;
        unwanted = !known.awaited && closed_;
        if (!known.awaited && !closed_) connected_.push_back(participant);
    }
    if (unwanted) participant->release();
    changes_.notify();
    report_connected(*participant);
}

void Network::report_connected(const Participant& participant) {
    if (!log_.wants(LogLevel::info)) return;
    report(LogLevel::info, LogLine{"connected", participant.pid(), participant.peer_address()}.with(
                               "dialled", participant.dialled() ? "yes" : "no"));
}

void Network::ended(Participant& participant, std::error_code reason) {
    const bool violation = reason == errc::message_too_large ||
                           (reason.category() == braid::category() &&
                            reason.value() >= static_cast<int>(errc::frame_malformed) &&
                            reason.value() <= static_cast<int>(errc::compression_malformed));
    bool hung_up = false;
    std::shared_ptr<Participant> keeper;
    {
        const std::lock_guard lock{mutex_};
        if (violation) ++stats_.violations;
        const auto found = known_.find(participant.pid());
        if (found != known_.end() && found->second.participant.get() == &participant) {
            if (found->second.half_open) --half_open_;
            hung_up = found->second.half_open && !violation && !closed_ &&
                      reason != errc::already_connected;
            keeper = std::move(found->second.participant);
            known_.erase(found);
        }
        std::erase_if(replaced_, [&](auto& each) {
            if (each.get() != &participant) return false;
            keeper = std::move(each);
            return true;
        });
        if (hung_up) ++stats_.handshakes_failed;
        if (!participant.dialled()) forget_host(participant.peer_host());
    }
    changes_.notify();
    const auto level = violation || hung_up ? LogLevel::warning : LogLevel::info;
    if (!log_.wants(level)) return;
    const auto* const event = violation ? "violation" : hung_up ? "handshake_failed" : "ended";
    report(level, LogLine{event, participant.pid(), participant.peer_address()}.with(
                      "reason", reason.message()));
}

bool Network::closing() const {
    const std::lock_guard lock{mutex_};
    return static_cast<bool>(closed_);
}

protocol::Hello Network::hello() const {
    const auto& limits = options_.limits();
    protocol::Hello hello;
    hello.pid = pid_;
    environment_.entropy->fill(std::as_writable_bytes(std::span{hello.session}));
    hello.application_name = options_.application_name();
    hello.application_version = options_.application_version();
    hello.stream_credit = limits.stream_receive_window_bytes;
    hello.participant_credit = limits.participant_receive_window_bytes;
    hello.streams = limits.peer_streams;
    hello.message_bytes_max = limits.message_bytes;
    hello.idle_ms = static_cast<std::uint64_t>(limits.idle.count());
    return hello;
}

Participant::Setup Network::setup(const protocol::Hello& peer, transport::Encounter& encounter,
                                  bool dialled) const {
    Participant::Setup setup;
    setup.pid = pid_;
    setup.peer = peer;
    setup.dialled = dialled;
    setup.peer_address = encounter.peer_address();
    setup.peer_host = encounter.peer_host();
    setup.limits = options_.limits();
    setup.number = serial_;
    setup.simulated_link = simulated_link_;
    setup.congestion = options_.congestion();
    setup.fixed_bytes_per_second = options_.fixed_bytes_per_second();
    setup.policy = policy_;
    if (!dialled) setup.confirm_by = environment_.clock->now() + options_.limits().handshake;
    return setup;
}

void Network::report(LogLevel level, const LogLine& line) {
    log_.write(level, line.text(), environment_.clock->now());
}

// A peer that asks again and again is worth one line a second.
void Network::refused(Participant& participant, std::uint64_t code) {
    const auto now = environment_.clock->now();
    std::uint64_t count = 0;
    {
        const std::lock_guard lock{mutex_};
        ++stats_.streams_refused;
        const bool quiet = refusals_reported_ != 0 && now - refusal_reported_at_ < refusal_pause;
        if (quiet || !log_.wants(LogLevel::warning)) return;
        refusal_reported_at_ = now;
        count = stats_.streams_refused - std::exchange(refusals_reported_, stats_.streams_refused);
    }
    report(LogLevel::warning,
           LogLine{"stream_refused", participant.pid(), participant.peer_address()}
               .with("code", std::to_string(code))
               .with("reason", refusal_text(code))
               .with("count", std::to_string(count)));
}

bool Network::claim() noexcept {
    claimed_ = weak_from_this().lock();
    return claimed_ != nullptr;
}

void Network::evict() noexcept {
    const auto self = std::move(claimed_);
    strand_.give_up();
    begin_closing(errc::network_closed);
    const std::lock_guard lock{mutex_};
    executor_ = {};
}

}  // namespace braid::runtime
