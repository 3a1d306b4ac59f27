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

TEST_CASE("a peer cannot fill the disk") {
    Paper paper;
    Log log{LogLevel::warning, paper.logger};
    braid::protocol::Time now{1h};
    for (int i = 0; i < 1000; ++i) log.write(LogLevel::warning, "again", now);
    CHECK(paper.lines() == Log::lines_per_second_max);
    log.write(LogLevel::warning, "later", now + 1s);
    CHECK(paper.lines() == Log::lines_per_second_max + 2);
    CHECK(paper.text.str().find("990 lines were left out") != std::string::npos);
}
