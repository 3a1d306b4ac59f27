#include "harness/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace bench {

namespace {

constexpr double panel_width = 420;
constexpr double panel_height = 320;
constexpr double margin_left = 60;
constexpr double margin_right = 110;  // for the names of the lines
constexpr double margin_top = 36;
constexpr double margin_bottom = 48;

// Told apart by people who see few colours: M. Okabe and K. Ito, "Color Universal Design" (2008).
constexpr std::array<const char*, 6> colours{"#D55E00", "#0072B2", "#009E73",
                                             "#CC79A7", "#E69F00", "#56B4E9"};

struct Range {
    double low = 1e300;
    double high = -1e300;
    void include(double value) {
        low = std::min(low, value);
        high = std::max(high, value);
    }
};

bool is_shown(const std::pair<double, double>& point) {
    return std::isfinite(point.second) && point.second > 0;
}

/// Maps a panel's values to places in the picture.
class Scale {
public:
    Scale(Range across, Range up, double left) : across_(across), left_(left) {
        low_ = std::floor(std::log10(up.low) * 4) / 4;
        high_ = std::max(std::ceil(std::log10(up.high) * 4) / 4, low_ + 0.25);
    }
    double x(double value) const {
        const double share = (value - across_.low) / std::max(across_.high - across_.low, 1e-9);
        return left_ + margin_left + share * (panel_width - margin_left - margin_right);
    }
    double y(double value) const {
        const double share = (std::log10(value) - low_) / (high_ - low_);
        return panel_height - margin_bottom - share * (panel_height - margin_top - margin_bottom);
    }
    std::vector<double> rungs() const {
        std::vector<double> values;
        for (int decade = -3; decade < 7; ++decade) {
            for (const double digit : {1.0, 2.0, 5.0}) {
                const double value = digit * std::pow(10, decade);
                const double place = std::log10(value);
                if (place >= low_ - 1e-9 && place <= high_ + 1e-9) values.push_back(value);
            }
        }
        return values;
    }

private:
    Range across_;
    double left_;
    double low_;
    double high_;
};

void write_text(std::ostream& out, double x, double y, const char* anchor, const std::string& text,
                const char* colour = "#333") {
    out << "<text x=\"" << x << "\" y=\"" << y << "\" text-anchor=\"" << anchor << "\" fill=\""
        << colour << "\">" << text << "</text>\n";
}

void write_line(std::ostream& out, const Scale& scale, const Plot::Line& line, const char* colour,
                double& name_y_max) {
    out << "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" << colour << "\" points=\"";
    std::pair<double, double> last{0, 0};
    for (const auto& point : line.points) {
        if (!is_shown(point)) continue;
        out << scale.x(point.first) << ',' << scale.y(point.second) << ' ';
        last = point;
    }
    out << "\"/>\n";
    for (const auto& point : line.points) {
        if (!is_shown(point)) continue;
        out << "<circle r=\"3\" fill=\"" << colour << "\" cx=\"" << scale.x(point.first)
            << "\" cy=\"" << scale.y(point.second) << "\"/>\n";
    }
    if (last.second <= 0) return;
    // Names go downwards as their lines do, and do not cover each other.
    constexpr double name_height = 13;
    const double y = std::max(scale.y(last.second) + 4, name_y_max + name_height);
    write_text(out, scale.x(last.first) + 8, y, "start", line.name, colour);
    name_y_max = y;
}

std::string number(double value) {
    std::ostringstream text;
    text << value;
    return text.str();
}

}  // namespace

Plot::Plot(std::string across, std::string up) : across_(std::move(across)), up_(std::move(up)) {}

void Plot::panel(std::string title, std::vector<Line> lines) {
    panels_.push_back({std::move(title), std::move(lines)});
}

namespace {

/// The panel's lines, the uppermost at their right end first.
std::vector<std::size_t> from_the_top(const std::vector<Plot::Line>& lines) {
    const auto end_of = [&](std::size_t index) {
        const auto& points = lines[index].points;
        return points.empty() || !is_shown(points.back()) ? 0 : points.back().second;
    };
    std::vector<std::size_t> order(lines.size());
    for (std::size_t index = 0; index < order.size(); ++index) order[index] = index;
    std::sort(order.begin(), order.end(),
              [&](std::size_t one, std::size_t other) { return end_of(one) > end_of(other); });
    return order;
}

void write_grid(std::ostream& out, const Scale& scale, const std::set<double>& across,
                double left) {
    const double right = left + panel_width - margin_right;
    for (const double rung : scale.rungs()) {
        out << "<line stroke=\"#ddd\" x1=\"" << left + margin_left << "\" x2=\"" << right
            << "\" y1=\"" << scale.y(rung) << "\" y2=\"" << scale.y(rung) << "\"/>\n";
        write_text(out, left + margin_left - 6, scale.y(rung) + 4, "end", number(rung));
    }
    for (const double value : across) {
        write_text(out, scale.x(value), panel_height - margin_bottom + 18, "middle", number(value));
    }
}

}  // namespace

void Plot::write(const std::string& path) const {
    std::ofstream out(path);
    out << "<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" font-size=\"12\" "
        << "viewBox=\"0 0 " << panel_width * static_cast<double>(panels_.size()) << ' '
        << panel_height << "\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    // One scale for all panels, so that they compare.
    std::set<double> across;
    Range up;
    for (const Panel& panel : panels_) {
        for (const Line& line : panel.lines) {
            for (const auto& point : line.points) {
                if (!is_shown(point)) continue;
                across.insert(point.first);
                up.include(point.second);
            }
        }
    }
    double left = 0;
    for (const Panel& panel : panels_) {
        if (across.empty()) break;
        const Scale scale({*across.begin(), *across.rbegin()}, up, left);
        write_grid(out, scale, across, left);
        write_text(out, left + margin_left, 20, "start", panel.title + ", " + up_);
        write_text(out, left + (margin_left + panel_width - margin_right) / 2, panel_height - 10,
                   "middle", across_);
        double name_y_max = 0;
        for (const std::size_t index : from_the_top(panel.lines)) {
            const char* colour = colours[index % colours.size()];
            write_line(out, scale, panel.lines[index], colour, name_y_max);
        }
        left += panel_width;
    }
    out << "</svg>\n";
    if (!out) throw std::runtime_error("cannot write " + path);
}

}  // namespace bench
