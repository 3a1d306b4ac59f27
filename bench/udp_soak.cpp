// Two ends of UDP for long, in simulated time over bad networks: many bytes, or many days. Ends
// with 1 if a message is wrong, memory grows or anything is stuck.

#include "counting/allocation_count.hpp"
#include "harness/command_line.hpp"
#include "harness/measure.hpp"
#include "sim/check.hpp"
#include "sim/soak.hpp"

#include <chrono>
#include <cstdio>
#include <string>

namespace {

using namespace bench;

void print_head() {
    std::printf("%10s %10s %12s %12s %9s %9s %9s %8s %9s %10s %8s\n", "days", "GB", "messages",
                "packets", "lost", "spurious", "timeouts", "streams", "visitors", "heap B",
                "CPU s");
}

void print(const sim::SoakReport& report) {
    const auto days = std::chrono::duration<double, std::ratio<86'400>>(report.elapsed).count();
    std::printf(
        "%10.4f %10.3f %12llu %12llu %9llu %9llu %9llu %8llu %9llu %10llu %8.1f\n", days,
        static_cast<double>(report.bytes) / 1e9, static_cast<unsigned long long>(report.messages),
        static_cast<unsigned long long>(report.packets),
        static_cast<unsigned long long>(report.packets_lost),
        static_cast<unsigned long long>(report.losses_spurious),
        static_cast<unsigned long long>(report.probe_timeouts),
        static_cast<unsigned long long>(report.streams),
        static_cast<unsigned long long>(report.handshakes),
        static_cast<unsigned long long>(report.heap_last), static_cast<double>(cpu_ns()) / 1e9);
    std::fflush(stdout);
}

template <typename Soak>
bool passes(const char* what, Soak soak) {
    sim::SoakOptions options;
    options.heap_bytes = heap_bytes_in_use;
    options.progress = print;
    std::printf("%s\n", what);
    print_head();
    try {
        const auto report = soak(options);
        std::printf(
            "all delivered and right; heap %llu bytes when warm, %+lld at most since\n\n",
            static_cast<unsigned long long>(report.heap_first),
            static_cast<long long>(report.heap_most) - static_cast<long long>(report.heap_first));
        return true;
    } catch (const sim::Violation& violation) {
        std::printf("FAILED: %s\n\n", violation.what());
        return false;
    }
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions run;
    double gigabytes = 100;
    unsigned days = 400;
    unsigned seed = 1;
    std::string only;
    CommandLine line{"Two ends of UDP for long, in simulated time.", run};
    line.number("gigabytes", gigabytes, "of messages, over 10 Gbit/s");
    line.number("days", days, "of a connection that says little");
    line.number("seed", seed, "of the networks");
    line.text("only", only, "bytes or days");
    if (line.parse(count, arguments) == CommandLine::Outcome::stop) return line.exit_code();

    bool passed = true;
    if (only.empty() || only == "bytes") {
        passed = passes("many bytes", [&](sim::SoakOptions& options) {
            options.seed = seed;
            return sim::soak_bytes(static_cast<std::uint64_t>(gigabytes * 1e9), options);
        });
    }
    if (only.empty() || only == "days") {
        passed = passes("many days",
                        [&](sim::SoakOptions& options) {
                            options.seed = seed;
                            return sim::soak_days(days, options);
                        }) &&
                 passed;
    }
    return passed ? 0 : 1;
}
