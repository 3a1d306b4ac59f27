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

LogLine& LogLine::with(std::string_view key, std::string_view value) {
    text_ += ' ';
    text_ += key;
    text_ += '=';
    const bool plain = !value.empty() && value.find_first_of(" \"=\\") == value.npos;
    if (!plain) text_ += '"';
    for (const char letter : value) {
        if (letter == '"' || letter == '\\') text_ += '\\';
        const bool control = static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f;
        text_ += control ? '?' : letter;
    }
    if (!plain) text_ += '"';
    return *this;
}

Log::Log(LogLevel level, std::shared_ptr<spdlog::logger> logger)
    : level_{level}, logger_{logger != nullptr ? std::move(logger) : standard_error()} {}

Log::~Log() = default;

void Log::write(LogLevel level, const std::string& line, protocol::Time now) {
    if (!wants(level) || !logger_->should_log(level_of(level))) return;
    unsigned suppressed = 0;
    if (!admit(now, suppressed)) return;
    if (suppressed != 0) {
        const auto left_out = LogLine{"lines_left_out"}.with("count", std::to_string(suppressed));
        logger_->log(level_of(level), "{}", left_out.text());
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
