// How the congestion controls of UDP do over a simulated bottleneck: goodput, the latency of a game
// beside bulk, and how a link is shared.

#include "congestion/scenarios.hpp"
#include "congestion/simulation.hpp"
#include "harness/command_line.hpp"
#include "harness/report.hpp"
#include "transport/udp/copa.hpp"
#include "transport/udp/cubic.hpp"
#include "transport/udp/fixed.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace bench;
using braid::transport::CopaConstants;

constexpr double packet_bytes = 1200;

/// The constants that can be swept, by name. Times are in milliseconds.
bool set_constant(CopaConstants& constants, const std::string& name, double value) {
    const std::map<std::string, double CopaConstants::*> numbers{
        {"delta", &CopaConstants::delta},
        {"near_empty_share", &CopaConstants::near_empty_share},
        {"pacing_gain", &CopaConstants::pacing_gain},
        {"ease_in_share", &CopaConstants::ease_in_share},
        {"startup_pacing_gain", &CopaConstants::startup_pacing_gain},
        {"startup_queue_share", &CopaConstants::startup_queue_share},
        {"startup_loss", &CopaConstants::startup_loss},
        {"startup_window", &CopaConstants::startup_window},
        {"cap", &CopaConstants::cap},
        {"cap_packets", &CopaConstants::cap_packets},
        {"loss_excess", &CopaConstants::loss_excess},
        {"loss_learning", &CopaConstants::loss_learning},
        {"loss_usual_most", &CopaConstants::loss_usual_most},
        {"loss_learning_tested", &CopaConstants::loss_learning_tested},
        {"question_queue", &CopaConstants::question_queue},
        {"near_empty_packets_most", &CopaConstants::near_empty_packets_most},
        {"packets_per_round", &CopaConstants::packets_per_round},
        {"packets_per_second", &CopaConstants::packets_per_second},
        {"question_window", &CopaConstants::question_window},
        {"loss_window", &CopaConstants::loss_window},
        {"near_empty_packets", &CopaConstants::near_empty_packets},
    };
    const std::map<std::string, unsigned CopaConstants::*> counts{
        {"near_empty_rounds", &CopaConstants::near_empty_rounds},
        {"question_first", &CopaConstants::question_first},
        {"steady_rounds", &CopaConstants::steady_rounds},
        {"startup_lost_packets", &CopaConstants::startup_lost_packets},
        {"rate_rounds", &CopaConstants::rate_rounds},
        {"question_rounds", &CopaConstants::question_rounds},
        {"question_interval", &CopaConstants::question_interval},
        {"loss_rounds", &CopaConstants::loss_rounds},
    };
    const std::map<std::string, braid::protocol::Duration CopaConstants::*> times{
        {"least_round_trip_window", &CopaConstants::least_round_trip_window},
        {"least_round_trip_window_in_company", &CopaConstants::least_round_trip_window_in_company},
        {"startup_queue_least", &CopaConstants::startup_queue_least},
        {"packet_time", &CopaConstants::packet_time},
    };
    if (numbers.contains(name)) {
        constants.*numbers.at(name) = value;
    } else if (counts.contains(name)) {
        constants.*counts.at(name) = static_cast<unsigned>(value);
    } else if (times.contains(name)) {
        constants.*times.at(name) = std::chrono::duration_cast<braid::protocol::Duration>(
            std::chrono::duration<double, std::milli>{value});
    } else if (name == "startup_guard") {
        constants.startup_guard = value != 0;
    } else {
        return false;
    }
    return true;
}

double percentile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size()));
    return values[std::min(index, values.size() - 1)];
}

struct Outcome {
    double megabits = 0;
    double game_median = 0;
    double game_p99 = 0;
    double lost_percent = 0;
    double share_percent = 0;  ///< of what all flows got
    double fairness = 0;       ///< Jain's index of the flows under test
    double last_p99 = 0;       ///< of the last quarter

    void add(const Outcome& other, double weight) {
        megabits += weight * other.megabits;
        game_median += weight * other.game_median;
        game_p99 += weight * other.game_p99;
        lost_percent += weight * other.lost_percent;
        share_percent += weight * other.share_percent;
        fairness += weight * other.fairness;
        last_p99 += weight * other.last_p99;
    }
};

Outcome outcome_of(const Scenario& scenario, const std::vector<FlowResult>& flows, double seconds) {
    Outcome outcome;
    double all = 0;
    double mine = 0;
    double squares = 0;
    double sent = 0;
    std::vector<double> game;
    std::vector<double> last;
    for (std::size_t i = 0; i < flows.size(); ++i) {
        const auto bytes = static_cast<double>(flows[i].bulk_bytes);
        all += bytes;
        if (i >= scenario.copies) continue;
        mine += bytes;
        squares += bytes * bytes;
        sent += static_cast<double>(flows[i].packets_sent);
        outcome.lost_percent += 100 * static_cast<double>(flows[i].packets_lost);
        const auto& each = flows[i].game_ms;
        game.insert(game.end(), each.begin(), each.end());
        last.insert(last.end(), each.begin() + static_cast<std::ptrdiff_t>(each.size() * 3 / 4),
                    each.end());
    }
    outcome.megabits = mine * 8 / seconds / 1e6;
    outcome.game_median = percentile(game, 0.5);
    outcome.game_p99 = percentile(game, 0.99);
    outcome.last_p99 = percentile(last, 0.99);
    outcome.lost_percent /= std::max(sent, 1.0);
    outcome.share_percent = all > 0 ? 100 * mine / all : 0;
    outcome.fairness = squares > 0 ? mine * mine / (squares * scenario.copies) : 0;
    return outcome;
}

MakeControl control_of(const std::string& name, const Scenario& scenario,
                       const CopaConstants& constants) {
    using namespace braid::transport;
    if (name == "cubic") return [] { return std::make_unique<Cubic>(packet_bytes); };
    if (name == "fixed") {
        const auto rate = static_cast<std::uint64_t>(scenario.path.bits_per_second / 8);
        return [rate] { return std::make_unique<FixedRate>(packet_bytes, rate); };
    }
    return [constants] { return std::make_unique<Copa>(packet_bytes, constants); };
}

Outcome run(const Scenario& scenario, const MakeControl& control, double seconds, unsigned seeds,
            unsigned first_seed) {
    Outcome mean;
    std::vector<FlowPlan> flows;
    for (unsigned i = 0; i < scenario.copies; ++i) {
        FlowPlan plan;
        plan.control = control;
        plan.begins_seconds = 0.5 * i;
        flows.push_back(plan);
    }
    for (unsigned i = 0; i < scenario.cubics; ++i) {
        FlowPlan plan;
        plan.control = [] { return std::make_unique<braid::transport::Cubic>(packet_bytes); };
        plan.game = false;
        plan.paced = false;
        plan.begins_seconds = 0.1;
        plan.ends_seconds = scenario.cubics_end;
        flows.push_back(plan);
    }
    for (unsigned seed = first_seed; seed < first_seed + seeds; ++seed) {
        mean.add(outcome_of(scenario, simulate(scenario.path, flows, seconds, seed), seconds),
                 1.0 / seeds);
    }
    return mean;
}

std::string cell(const Scenario& scenario, const Outcome& outcome) {
    char text[96];
    if (scenario.cubics > 0) {
        std::snprintf(text, sizeof text, "%4.1f / %3.0f (last %3.0f) share %2.0f%%",
                      outcome.megabits, outcome.game_p99, outcome.last_p99, outcome.share_percent);
    } else if (scenario.copies > 1) {
        std::snprintf(text, sizeof text, "%4.1f / %3.0f  Jain %.3f", outcome.megabits,
                      outcome.game_p99, outcome.fairness);
    } else {
        std::snprintf(text, sizeof text, "%5.2f / %3.0f / %3.0f / %4.1f%%", outcome.megabits,
                      outcome.game_median, outcome.game_p99, outcome.lost_percent);
    }
    return text;
}

}  // namespace

int main(int count, char** arguments) {
    RunOptions options;
    options.rounds = 2;
    options.seconds = 30;
    std::string suites = "design,sharing";
    std::string controls = "copa,cubic,fixed";
    std::string set;
    unsigned first_seed = 1;
    CommandLine line{
        "Congestion control over a simulated bottleneck. A cell is goodput in Mbit/s, median and\n"
        "99th percentile of the game's packets in ms (one way), share of packets lost.",
        options};
    line.text(
        "suites", suites,
        "comma-separated: design, unseen, fresh, detours, sharing, sharing_unseen, sharing_fresh");
    line.text("controls", controls, "comma-separated: copa, cubic, fixed");
    line.text("set", set, "constants of Copa-G, comma-separated name=value");
    line.number("first-seed", first_seed, "of as many as --rounds");
    if (line.parse(count, arguments) == CommandLine::Outcome::stop) return line.exit_code();

    CopaConstants constants;
    for (const auto& part : split_at_commas(set)) {
        const auto equals = part.find('=');
        if (part.empty()) continue;
        if (equals == std::string::npos ||
            !set_constant(constants, part.substr(0, equals),
                          std::strtod(part.c_str() + equals + 1, nullptr))) {
            std::fprintf(stderr, "no such constant: %s\n", part.c_str());
            return 2;
        }
    }
    for (const auto& suite : split_at_commas(suites)) {
        std::vector<std::string> titles{suite};
        for (const auto& name : split_at_commas(controls)) titles.push_back(name);
        Table table{titles};
        for (const auto& scenario : scenarios(suite)) {
            std::vector<std::string> row{scenario.name};
            for (const auto& name : split_at_commas(controls)) {
                row.push_back(cell(scenario, run(scenario, control_of(name, scenario, constants),
                                                 options.seconds, options.rounds, first_seed)));
            }
            table.row(row);
        }
        table.print();
    }
    return 0;
}
