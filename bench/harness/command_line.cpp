#include "harness/command_line.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace bench {

bool RunOptions::wants(std::string_view peer) const {
    const auto names = split_at_commas(peers);
    return names.empty() || std::find(names.begin(), names.end(), peer) != names.end();
}

CommandLine::CommandLine(std::string purpose, RunOptions& run) : purpose_(std::move(purpose)) {
    number("rounds", run.rounds, "how often each peer is measured; the table shows medians");
    number("seconds", run.seconds, "how long one measurement lasts");
    text("peers", run.peers, "only these peers, comma-separated");
    flag("exclusive", run.exclusive,
         "own scheduler autogroup at nice -19, so that other work on the machine takes little");
    flag("check", run.check, "exit with 1 when a target is missed or was not measured");
}

void CommandLine::number(std::string name, unsigned& target, std::string meaning) {
    Option option{std::move(name), std::move(meaning)};
    option.whole = &target;
    options_.push_back(std::move(option));
}

void CommandLine::number(std::string name, double& target, std::string meaning) {
    Option option{std::move(name), std::move(meaning)};
    option.real = &target;
    options_.push_back(std::move(option));
}

void CommandLine::text(std::string name, std::string& target, std::string meaning) {
    Option option{std::move(name), std::move(meaning)};
    option.text = &target;
    options_.push_back(std::move(option));
}

void CommandLine::flag(std::string name, bool& target, std::string meaning) {
    Option option{std::move(name), std::move(meaning)};
    option.flag = &target;
    options_.push_back(std::move(option));
}

CommandLine::Outcome CommandLine::parse(int count, char** arguments) {
    for (int index = 1; index < count; ++index) {
        std::string name = arguments[index];
        if (name == "--help" || name == "-h") {
            print_help(arguments[0]);
            return Outcome::stop;
        }
        std::string value;
        bool has_value = false;
        if (const auto equals = name.find('='); equals != std::string::npos) {
            value = name.substr(equals + 1);
            name.resize(equals);
            has_value = true;
        }
        const auto found = std::find_if(options_.begin(), options_.end(), [&](const Option& each) {
            return name == "--" + each.name;
        });
        if (found != options_.end() && found->flag == nullptr && !has_value && index + 1 < count) {
            value = arguments[++index];
            has_value = true;
        }
        if (found == options_.end() || has_value == (found->flag != nullptr) ||
            !take(*found, value)) {
            std::fprintf(stderr, "%s: cannot understand '%s'; --help lists the options\n",
                         arguments[0], arguments[index]);
            exit_code_ = 2;
            return Outcome::stop;
        }
    }
    return Outcome::run;
}

bool CommandLine::take(const Option& option, const std::string& value) {
    if (option.flag != nullptr) {
        *option.flag = true;
        return true;
    }
    if (option.text != nullptr) {
        *option.text = value;
        return true;
    }
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    if (value.empty() || *end != '\0' || !(number > 0) || number > 1e9) {
        return false;
    }
    if (option.real != nullptr) {
        *option.real = number;
    } else {
        *option.whole = std::max(1U, static_cast<unsigned>(number));
    }
    return true;
}

void CommandLine::print_help(const char* program) const {
    std::printf("%s\n\nusage: %s [options]\n", purpose_.c_str(), program);
    for (const Option& option : options_) {
        std::string left = "--" + option.name;
        std::string preset;
        if (option.whole != nullptr) {
            left += " N";
            preset = std::to_string(*option.whole);
        } else if (option.real != nullptr) {
            char text[32];
            std::snprintf(text, sizeof text, "%g", *option.real);
            left += " X";
            preset = text;
        } else if (option.text != nullptr) {
            left += " TEXT";
            preset = *option.text;
        }
        std::printf("  %-20s %s%s\n", left.c_str(), option.meaning.c_str(),
                    preset.empty() ? "" : (" (default " + preset + ")").c_str());
    }
}

std::vector<std::string> split_at_commas(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto comma = text.find(',');
        parts.emplace_back(text.substr(0, comma));
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return parts;
}

}  // namespace bench
