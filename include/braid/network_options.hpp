#pragma once

#include <braid/congestion_algorithm.hpp>
#include <braid/limits.hpp>
#include <braid/link_simulation.hpp>
#include <braid/peer_stream_limits.hpp>
#include <braid/pid.hpp>
#include <braid/stream_options.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace spdlog {
class logger;
}

namespace braid {

/// From which importance on braid writes log lines.
enum class LogLevel : std::uint8_t { debug, info, warning, error, off };

/// What a Network is told when it is made. Setters chain:
///
///     braid::NetworkOptions{}.application("chess", "3").log_level(braid::LogLevel::info)
class NetworkOptions {
public:
    // g++ 12 destroys aggregates twice in a co_await expression.
    NetworkOptions() {}

    /// Sizes, counts and times that hold for this end.
    NetworkOptions& limits(const Limits& limits) {
        limits_ = limits;
        return *this;
    }

    /// Two Networks talk only if both names and both versions are the same; a mismatch is
    /// errc::handshake_application, which names both. Each at most 64 bytes.
    NetworkOptions& application(std::string name, std::string version = {}) {
        application_name_ = std::move(name);
        application_version_ = std::move(version);
        return *this;
    }

    /// Caps on the streams that each peer opens.
    NetworkOptions& peer_streams(const PeerStreamLimits& limits) {
        peer_streams_ = limits;
        return *this;
    }

    /// Decides about a stream that a peer opens within these caps: nothing takes it, a code (0 to
    /// close_code::application_max) refuses it before the application sees it.
    using AcceptStreams =
        std::function<std::optional<std::uint64_t>(const Pid&, const StreamOptions&)>;

    /// Called for each stream that a peer opens, on the threads of the execution context: for one
    /// participant once at a time, for several at the same time. It must not block; an exception
    /// from it refuses the stream (close_code::policy_failed).
    NetworkOptions& accept_streams(AcceptStreams policy) {
        accept_streams_ = std::move(policy);
        return *this;
    }

    /// `warning` if not set. At most ten lines a second are written.
    NetworkOptions& log_level(LogLevel level) {
        log_level_ = level;
        return *this;
    }

    /// Every participant is reached over a link that is as bad as this, for tests and for trying
    /// how an application feels over one. One end is enough. Values that make no sense are
    /// errc::options_invalid when the Network is made.
    NetworkOptions& simulate_link(const LinkSimulation& simulation) {
        simulated_link_ = simulation;
        return *this;
    }

    /// How fast participants that are reached over UDP are sent to; `copa` if not set.
    /// @param fixed_bytes_per_second for CongestionAlgorithm::fixed, where 0 is
    /// errc::options_invalid
    ///        when the Network is made
    NetworkOptions& congestion(CongestionAlgorithm algorithm,
                               std::uint64_t fixed_bytes_per_second = 0) {
        congestion_ = algorithm;
        fixed_bytes_per_second_ = fixed_bytes_per_second;
        return *this;
    }

    /// Gets the lines in place of standard error, as `event key=value ...`. Its own level holds as
    /// well.
    NetworkOptions& logger(std::shared_ptr<spdlog::logger> logger) {
        logger_ = std::move(logger);
        return *this;
    }

    /// What was set, or the defaults.
    const Limits& limits() const noexcept { return limits_; }
    const std::string& application_name() const noexcept { return application_name_; }
    const std::string& application_version() const noexcept { return application_version_; }
    const PeerStreamLimits& peer_streams() const noexcept { return peer_streams_; }
    const AcceptStreams& accept_streams() const noexcept { return accept_streams_; }
    LogLevel log_level() const noexcept { return log_level_; }
    const std::optional<LinkSimulation>& simulated_link() const noexcept { return simulated_link_; }
    const std::shared_ptr<spdlog::logger>& logger() const noexcept { return logger_; }
    CongestionAlgorithm congestion() const noexcept { return congestion_; }
    std::uint64_t fixed_bytes_per_second() const noexcept { return fixed_bytes_per_second_; }

private:
    Limits limits_;
    std::string application_name_;
    std::string application_version_;
    PeerStreamLimits peer_streams_;
    AcceptStreams accept_streams_;
    LogLevel log_level_ = LogLevel::warning;
    std::optional<LinkSimulation> simulated_link_;
    std::shared_ptr<spdlog::logger> logger_;
    CongestionAlgorithm congestion_ = CongestionAlgorithm::copa;
    std::uint64_t fixed_bytes_per_second_ = 0;
};

}  // namespace braid
