#pragma once

#include <braid/limits.hpp>
#include <braid/link_simulation.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

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

    /// Lines go to standard error; `warning` if not set.
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

    /// What was set, or the defaults.
    const Limits& limits() const noexcept { return limits_; }
    const std::string& application_name() const noexcept { return application_name_; }
    const std::string& application_version() const noexcept { return application_version_; }
    LogLevel log_level() const noexcept { return log_level_; }
    const std::optional<LinkSimulation>& simulated_link() const noexcept { return simulated_link_; }

private:
    Limits limits_;
    std::string application_name_;
    std::string application_version_;
    LogLevel log_level_ = LogLevel::warning;
    std::optional<LinkSimulation> simulated_link_;
};

}  // namespace braid
