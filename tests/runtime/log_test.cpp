#include "runtime/log.hpp"

#include "catch.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <sstream>
#include <string>

using namespace std::chrono_literals;
using braid::LogLevel;
using braid::runtime::Log;
using braid::runtime::LogLine;

namespace {

struct Paper {
    std::ostringstream text;
    std::shared_ptr<spdlog::logger> logger = std::make_shared<spdlog::logger>(
        "paper", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));

    std::size_t lines() const {
        const auto all = text.str();
        return static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n'));
    }
};

}  // namespace

TEST_CASE("what is not important enough is not written") {
    Paper paper;
    Log log{LogLevel::warning, paper.logger};
    const braid::protocol::Time now{1h};
    CHECK_FALSE(log.wants(LogLevel::info));
    CHECK(log.wants(LogLevel::error));
    log.write(LogLevel::info, "no", now);
    log.write(LogLevel::warning, "{} is no format", now);
    CHECK(paper.lines() == 1);
    CHECK(paper.text.str().find("{} is no format") != std::string::npos);
}

TEST_CASE("values that could be taken for something else are quoted") {
    CHECK(LogLine{"ended"}.text() == "ended");
    CHECK(LogLine{"ended", "tcp://[::1]:7"}.with("count", "12").text() ==
          "ended address=tcp://[::1]:7 count=12");
    CHECK(LogLine{"x"}.with("reason", "two words").with("empty", "").text() ==
          "x reason=\"two words\" empty=\"\"");
    CHECK(LogLine{"x"}.with("a", "b=c").text() == "x a=\"b=c\"");
    CHECK(LogLine{"x"}.with("said", "a \"b\\\n\x1b").text() == "x said=\"a \\\"b\\\\??\"");
    const auto pid = braid::Pid::numbered(3);
    CHECK(LogLine{"connected", pid, "mpsc://4"}.text() ==
          "connected pid=" + to_string(pid) + " address=mpsc://4");
}

TEST_CASE("a peer cannot fill the disk") {
    Paper paper;
    Log log{LogLevel::warning, paper.logger};
    braid::protocol::Time now{1h};
    for (int i = 0; i < 1000; ++i) log.write(LogLevel::warning, "again", now);
    CHECK(paper.lines() == Log::lines_per_second_max);
    log.write(LogLevel::warning, "later", now + 1s);
    CHECK(paper.lines() == Log::lines_per_second_max + 2);
    CHECK(paper.text.str().find("lines_left_out count=990") != std::string::npos);
}
