#pragma once

#include "protocol/time.hpp"

#include <braid/network_options.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace spdlog {
class logger;
}

namespace braid::runtime {

/// What a Network has to tell people. A peer must not be able to fill a disk: there are only so
/// many lines a second. Any thread.
class Log {
public:
    static constexpr unsigned lines_per_second_max = 10;

    /// To standard error.
    explicit Log(LogLevel level);
    /// To `logger`.
    Log(LogLevel level, std::shared_ptr<spdlog::logger> logger);
    ~Log();

    /// To be asked before a line is put together.
    bool wants(LogLevel level) const noexcept { return level >= level_; }

    void write(LogLevel level, const std::string& line, protocol::Time now);

private:
    bool admit(protocol::Time now, unsigned& suppressed);

    const LogLevel level_;
    const std::shared_ptr<spdlog::logger> logger_;
    std::mutex mutex_;
    protocol::Time second_{};
    unsigned lines_ = 0;
    unsigned suppressed_ = 0;
};

}  // namespace braid::runtime
