#pragma once

#include "harness/measure.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// What every benchmark understands.
struct RunOptions {
    unsigned rounds = 5;
    double seconds = 0.7;
    bool check = false;      ///< exit with 1 when a target is missed or was not measured
    bool exclusive = false;  ///< raise_autogroup_priority()
    std::string peers;       ///< comma-separated names; empty: all

    bool wants(std::string_view peer) const;
};

/// Reads `--name value` and `--name=value`, and prints what there is for `--help`.
class CommandLine {
public:
    CommandLine(std::string purpose, RunOptions& run);

    void number(std::string name, unsigned& target, std::string meaning);
    void number(std::string name, double& target, std::string meaning);
    void text(std::string name, std::string& target, std::string meaning);
    void flag(std::string name, bool& target, std::string meaning);

    enum class Outcome { run, stop };

    /// Fills the targets. On `stop`, `exit_code()` is what the program should return.
    Outcome parse(int count, char** arguments);
    int exit_code() const noexcept { return exit_code_; }

private:
    struct Option {
        std::string name;
        std::string meaning;
        unsigned* whole = nullptr;
        double* real = nullptr;
        std::string* text = nullptr;
        bool* flag = nullptr;
    };

    bool take(const Option& option, const std::string& value);
    void print_help(const char* program) const;

    std::string purpose_;
    std::vector<Option> options_;
    int exit_code_ = 0;
};

/// The parts of a comma-separated text.
std::vector<std::string> split_at_commas(std::string_view text);

}  // namespace bench
