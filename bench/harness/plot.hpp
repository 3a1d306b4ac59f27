#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Line charts side by side in one SVG file, with one logarithmic scale upwards.
class Plot {
public:
    using Points = std::vector<std::pair<double, double>>;
    struct Line {
        std::string name;  ///< lines of one name have one colour in all panels
        Points points;     ///< those that are not positive numbers are left out
    };

    Plot(std::string across, std::string up);
    void panel(std::string title, std::vector<Line> lines);

    /// Throws std::runtime_error if the file cannot be written.
    void write(const std::string& path) const;

private:
    struct Panel {
        std::string title;
        std::vector<Line> lines;
    };

    std::string across_;
    std::string up_;
    std::vector<Panel> panels_;
};

}  // namespace bench
