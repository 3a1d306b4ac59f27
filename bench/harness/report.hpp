#pragma once

#include "harness/measure.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace bench {

/// "29.3M", "410k", "12.4": three figures are more than these measurements hold.
std::string short_number(double value);

/// "29.3M (21.8M-36.3M)", or "-" when there was no measurement.
std::string short_spread(const Spread& spread);

/// Prints aligned columns: the first to the left, all others to the right.
class Table {
public:
    explicit Table(std::vector<std::string> titles);
    void row(std::vector<std::string> cells);
    void print() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

/// The promises of the project in numbers, each judged by what was measured in this run.
class Targets {
public:
    void at_least(std::string what, const Spread& measured, double bound);
    void at_most(std::string what, const Spread& measured, double bound);
    /// For a target whose measurement failed or could not be made here.
    void not_measured(std::string what);

    void print() const;
    bool all_met() const;

private:
    enum class Verdict { met, missed, not_measured };
    struct Target {
        std::string text;
        Verdict verdict;
    };
    void judge(std::string what, const char* relation, const Spread& measured, double bound,
               bool met);

    std::vector<Target> targets_;
};

/// One line on the machine and on how this run was made, printed above the tables.
void print_conditions(unsigned rounds, double seconds, const std::string& placement,
                      bool exclusive);

}  // namespace bench
