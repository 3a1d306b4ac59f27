// Runs a program on a machine of its own whose 127.0.0.1 is at the other end of a bad link.

#include "net/emulator.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

namespace {

/// What ctest takes for "skipped".
constexpr int skipped = 4;

struct Options {
    net::LinkShape shape;
    std::uint64_t seed = 1;
    char** program = nullptr;
};

std::chrono::nanoseconds milliseconds(double value) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(value * 1e6));
}

int usage(const char* name) {
    std::fprintf(stderr,
                 "usage: %s [--name value]... -- program [argument]...\n"
                 "  --loss SHARE        of the packets, each way\n"
                 "  --loss-run N        mean number lost in a row\n"
                 "  --delay-ms X        one way\n"
                 "  --jitter-ms X       up to so much more\n"
                 "  --reorder SHARE     of the packets\n"
                 "  --reorder-ms X      by which they come later\n"
                 "  --mbit X            per second, for both ways together, with 50 ms of queue\n"
                 "  --seed N\n"
                 "Needs root and /dev/net/tun; returns %d without.\n",
                 name, skipped);
    return 2;
}

bool read_option(Options& options, const std::string& name, double value) {
    net::LinkShape& shape = options.shape;
    if (name == "--loss")
        shape.loss = value;
    else if (name == "--loss-run")
        shape.loss_run = value;
    else if (name == "--delay-ms")
        shape.delay = milliseconds(value);
    else if (name == "--jitter-ms")
        shape.jitter = milliseconds(value);
    else if (name == "--reorder")
        shape.reorder = value;
    else if (name == "--reorder-ms")
        shape.reorder_delay = milliseconds(value);
    else if (name == "--mbit")
        shape.bits_per_second = value * 1e6;
    else if (name == "--seed")
        options.seed = static_cast<std::uint64_t>(value);
    else
        return false;
    return true;
}

bool read_options(int count, char** arguments, Options& options) {
    int index = 1;
    for (; index + 1 < count && std::strcmp(arguments[index], "--") != 0; index += 2) {
        if (!read_option(options, arguments[index], std::strtod(arguments[index + 1], nullptr))) {
            return false;
        }
    }
    if (options.shape.bits_per_second > 0) options.shape.queue_time(milliseconds(50));
    options.program = arguments + index + 1;
    return index + 1 < count;
}

int run(const Options& options) {
    net::Emulator emulator;
    net::Link& link = emulator.add_loopback(options.shape, options.seed);
    const pid_t child = ::fork();
    if (child == 0) {
        link.near().enter();
        ::execvp(options.program[0], options.program);
        std::perror(options.program[0]);
        ::_exit(127);
    }
    if (child < 0) return 1;
    emulator.start();
    int status = 0;
    ::waitpid(child, &status, 0);
    emulator.stop();
    const net::PathCounts counts = link.outbound();
    std::fprintf(stderr, "%s\nof %llu packets %llu were lost, %llu found the queue full\n",
                 emulator.lateness().describe().c_str(),
                 static_cast<unsigned long long>(counts.offered),
                 static_cast<unsigned long long>(counts.lost),
                 static_cast<unsigned long long>(counts.queue_full));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int count, char** arguments) {
    Options options;
    if (!read_options(count, arguments, options)) return usage(arguments[0]);
    if (const std::string why = net::namespaces_unavailable(); !why.empty()) {
        std::fprintf(stderr, "SKIPPED, no link can be emulated here: %s\n", why.c_str());
        return skipped;
    }
    return run(options);
}
