#include "harness/report.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace bench {

std::string short_number(double value) {
    if (std::isnan(value)) {
        return "-";
    }
    const char* unit = "";
    const double size = std::abs(value);
    if (size >= 999.5e6) {
        value /= 1e9;
        unit = "G";
    } else if (size >= 999.5e3) {
        value /= 1e6;
        unit = "M";
    } else if (size >= 9'999.5) {
        value /= 1e3;
        unit = "k";
    }
    char text[32];
    const double shown = std::abs(value);
    const int decimals = shown == 0        ? 0
                         : shown >= 100    ? 0
                         : shown >= 10     ? 1
                         : shown >= 0.1    ? 2
                         : shown >= 0.0001 ? 5
                                           : 7;
    std::snprintf(text, sizeof text, "%.*f%s", decimals, value, unit);
    return text;
}

std::string short_spread(const Spread& spread) {
    if (spread.count == 0) {
        return "-";
    }
    if (spread.count == 1) {
        return short_number(spread.median);
    }
    return short_number(spread.median) + " (" + short_number(spread.minimum) + "-" +
           short_number(spread.maximum) + ")";
}

Table::Table(std::vector<std::string> titles) { rows_.push_back(std::move(titles)); }

void Table::row(std::vector<std::string> cells) {
    cells.resize(rows_.front().size());
    rows_.push_back(std::move(cells));
}

void Table::print() const {
    std::vector<std::size_t> widths(rows_.front().size(), 0);
    for (const auto& row : rows_) {
        for (std::size_t column = 0; column < row.size(); ++column) {
            widths[column] = std::max(widths[column], row[column].size());
        }
    }
    for (const auto& row : rows_) {
        std::printf("%-*s", static_cast<int>(widths[0]), row[0].c_str());
        for (std::size_t column = 1; column < row.size(); ++column) {
            std::printf("  %*s", static_cast<int>(widths[column]), row[column].c_str());
        }
        std::printf("\n");
    }
    std::printf("\n");
}

void Targets::at_least(std::string what, const Spread& measured, double bound) {
    judge(std::move(what), ">=", measured, bound, measured.median >= bound);
}

void Targets::at_most(std::string what, const Spread& measured, double bound) {
    judge(std::move(what), "<=", measured, bound, measured.median <= bound);
}

void Targets::not_measured(std::string what) {
    targets_.push_back({std::move(what) + ": not measured", Verdict::not_measured});
}

void Targets::judge(std::string what, const char* relation, const Spread& measured, double bound,
                    bool met) {
    if (measured.count == 0) {
        not_measured(std::move(what));
        return;
    }
    what += std::string(": ") + short_spread(measured) + ", target " + relation + " " +
            short_number(bound) + ": " + (met ? "met" : "MISSED");
    targets_.push_back({std::move(what), met ? Verdict::met : Verdict::missed});
}

void Targets::print() const {
    for (const Target& target : targets_) {
        std::printf("target  %s\n", target.text.c_str());
    }
    std::fflush(stdout);
}

bool Targets::all_met() const {
    return std::all_of(targets_.begin(), targets_.end(),
                       [](const Target& target) { return target.verdict == Verdict::met; });
}

void print_conditions(unsigned rounds, double seconds, const std::string& placement,
                      bool exclusive) {
    utsname system{};
    ::uname(&system);
    double load[1] = {0};
    ::getloadavg(load, 1);
    std::printf("Linux %s, %zu processors, load %.1f; rounds %u of %g s, placement %s%s\n",
                system.release, allowed_processors().size(), load[0], rounds, seconds,
                placement.c_str(), exclusive ? ", exclusive" : "");
    std::printf("Cells are median (min-max); ratios are taken within a round.\n\n");
    std::fflush(stdout);
}

}  // namespace bench
