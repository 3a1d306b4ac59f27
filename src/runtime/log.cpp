#include "runtime/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <utility>

namespace braid::runtime {

namespace {

spdlog::level::level_enum level_of(LogLevel level) noexcept {
    switch (level) {
        case LogLevel::debug: return spdlog::level::debug;
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::warning: return spdlog::level::warn;
        case LogLevel::error: return spdlog::level::err;
        case LogLevel::off: break;
    }
    return spdlog::level::off;
}

std::shared_ptr<spdlog::logger> standard_error() {
    static const auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    auto logger = std::make_shared<spdlog::logger>("braid", sink);
    logger->set_level(spdlog::level::trace);
    return logger;
}

}  // namespace

Log::Log(LogLevel level) : Log{level, standard_error()} {}

Log::Log(LogLevel level, std::shared_ptr<spdlog::logger> logger)
    : level_{level}, logger_{std::move(logger)} {}

Log::~Log() = default;

void Log::write(LogLevel level, const std::string& line, protocol::Time now) {
    if (!wants(level) || !logger_->should_log(level_of(level))) return;
    unsigned suppressed = 0;
    if (!admit(now, suppressed)) return;
    if (suppressed != 0) {
        logger_->log(level_of(level), "{} lines were left out", suppressed);
    }
    logger_->log(level_of(level), "{}", line);
}

bool Log::admit(protocol::Time now, unsigned& suppressed) {
    const std::lock_guard lock{mutex_};
    if (now - second_ >= std::chrono::seconds{1}) {
        second_ = now;
        lines_ = 0;
        suppressed = std::exchange(suppressed_, 0);
    }
    if (lines_ < lines_per_second_max) {
        ++lines_;
        return true;
    }
    ++suppressed_;
    return false;
}

}  // namespace braid::runtime
