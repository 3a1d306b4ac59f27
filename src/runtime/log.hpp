#pragma once

#include "protocol/time.hpp"

#include <braid/network_options.hpp>
#include <braid/pid.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace braid::runtime {

/// One line of a log: an event and what belongs to it, as `event key=value ...`.
class LogLine {
public:
    explicit LogLine(std::string_view event) : text_{event} {}
    LogLine(std::string_view event, std::string_view address) : LogLine{event} {
        with("address", address);
    }
    LogLine(std::string_view event, const Pid& pid, std::string_view address) : LogLine{event} {
        with("pid", to_string(pid)).with("address", address);
    }

    /// A value with spaces is quoted.
    LogLine& with(std::string_view key, std::string_view value);

    const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

/// What a Network has to tell people. A peer must not be able to fill a disk: there are only so
/// many lines a second. Any thread.
class Log {
public:
    static constexpr unsigned lines_per_second_max = 10;

    /// To `logger`, or to standard error if that is null.
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
