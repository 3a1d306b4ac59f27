#include "harness/two_processes.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <thread>

namespace bench {

namespace {

constexpr std::int64_t grace_ns = 200'000'000;
constexpr const char* too_few_processors = "two processors are needed for placement split";

struct Failure {
    std::array<char, 256> text{};
};

[[noreturn]] void run_child(const std::function<void()>& work, int processor, Failure& failure) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_IGN);
    int code = 0;
    try {
        if (processor >= 0) {
            pin_to(processor);
        }
        work();
    } catch (const std::exception& error) {
        std::snprintf(failure.text.data(), failure.text.size(), "%s", error.what());
        code = 1;
    }
    // No destructors of static objects: they belong to the parent.
    ::_exit(code);
}

pid_t start(const std::function<void()>& work, int processor, Failure& failure) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) {
        throw std::system_error(errno, std::system_category(), "fork");
    }
    if (child == 0) {
        run_child(work, processor, failure);
    }
    return child;
}

/// The processors of the first and the second side, -1 for any.
/// @returns false if there are not as many
bool choose_processors(Placement placement, std::array<int, 2>& processors) {
    processors = {-1, -1};
    if (placement == Placement::anywhere) return true;
    const auto allowed = allowed_processors();
    if (placement == Placement::split && allowed.size() < 2) return false;
    processors = {allowed[0], placement == Placement::same ? allowed[0] : allowed[1]};
    return true;
}

std::string describe(int status, const Failure& failure) {
    if (WIFSIGNALED(status)) {
        return std::string("ended by signal ") + ::strsignal(WTERMSIG(status));
    }
    if (failure.text[0] != '\0') {
        return failure.text.data();
    }
    return "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

std::string run_two_processes(const std::function<void()>& first,
                              const std::function<void()>& second, Placement placement,
                              double seconds_max) {
    std::array<int, 2> processors;
    if (!choose_processors(placement, processors)) return too_few_processors;
    SharedBoard<std::array<Failure, 2>> failures;
    std::array<pid_t, 2> children{start(first, processors[0], (*failures)[0]),
                                  start(second, processors[1], (*failures)[1])};
    std::string problem;
    std::int64_t end_ns = now_ns() + static_cast<std::int64_t>(seconds_max * 1e9);
    bool killed = false;
    while (children[0] > 0 || children[1] > 0) {
        for (std::size_t side = 0; side < children.size(); ++side) {
            int status = 0;
            if (children[side] <= 0 || ::waitpid(children[side], &status, WNOHANG) <= 0) continue;
            children[side] = 0;
            if (status == 0 || killed) continue;
            problem += problem.empty() ? "" : "; ";
            problem += side == 0 ? "first process: " : "second process: ";
            problem += describe(status, (*failures)[side]);
            // One side's failure is often the consequence of the other's, which ends a bit later.
            end_ns = std::min(end_ns, now_ns() + grace_ns);
        }
        if (now_ns() > end_ns && !killed) {
            killed = true;
            problem += problem.empty() ? "did not end in time" : "";
            for (const pid_t child : children) {
                if (child > 0) ::kill(child, SIGKILL);
            }
        }
        sleep_ns(5'000'000);
    }
    return problem;
}

std::string run_two_threads(const std::function<void()>& first, const std::function<void()>& second,
                            Placement placement, double seconds_max) {
    std::array<int, 2> processors;
    if (!choose_processors(placement, processors)) return too_few_processors;
    const auto both = [&] {
        std::exception_ptr error;
        std::thread thread([&] {
            try {
                if (processors[0] >= 0) pin_to(processors[0]);
                first();
            } catch (...) {
                error = std::current_exception();
            }
        });
        if (processors[1] >= 0) pin_to(processors[1]);
        second();
        thread.join();
        if (error) {
            std::rethrow_exception(error);
        }
    };
    return run_two_processes(
        both, [] {}, Placement::anywhere, seconds_max);
}

void wait_until(const std::function<bool()>& condition, double seconds_max, const char* what) {
    const std::int64_t end_ns = now_ns() + static_cast<std::int64_t>(seconds_max * 1e9);
    while (!condition()) {
        if (now_ns() > end_ns) {
            throw std::runtime_error(std::string("waited in vain for ") + what);
        }
        sleep_ns(200'000);
    }
}

}  // namespace bench
