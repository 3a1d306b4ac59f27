// What the pages show and promise is what the code does.

#include "catch.hpp"
#include "protocol/delivery_class.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using braid::Promises;
using braid::protocol::DeliveryClass;
using Lines = std::vector<std::string>;

const std::filesystem::path root{BRAID_SOURCE_DIR};

/// Without indentation, which differs between a page and a function's body.
Lines lines_of(std::istream& text) {
    Lines lines;
    for (std::string line; std::getline(text, line);) {
        const auto first = line.find_first_not_of(' ');
        lines.push_back(first == std::string::npos ? "" : line.substr(first));
    }
    return lines;
}

Lines lines_of(const std::filesystem::path& path) {
    std::ifstream file{path};
    REQUIRE(file);
    return lines_of(file);
}

std::vector<std::filesystem::path> files(const std::string& folder, const std::string& extension) {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator{root / folder}) {
        if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    return found;
}

std::vector<Lines> snippets_of(const Lines& page) {
    std::vector<Lines> snippets;
    bool inside = false;
    for (const auto& line : page) {
        if (!inside && line == "```cpp") {
            snippets.emplace_back();
            inside = true;
        } else if (line == "```") {
            inside = false;
        } else if (inside) {
            snippets.back().push_back(line);
        }
    }
    return snippets;
}

bool contains(const Lines& source, const Lines& snippet) {
    return std::search(source.begin(), source.end(), snippet.begin(), snippet.end()) !=
           source.end();
}

/// What the table of docs/promises.md says of each pair of promises.
std::map<std::pair<bool, bool>, std::string> documented_deliveries() {
    const std::regex row{R"(\| (yes|no) \| (yes|no) \| (.*) \|)"};
    std::map<std::pair<bool, bool>, std::string> found;
    for (const auto& line : lines_of(root / "docs/promises.md")) {
        std::smatch parts;
        if (!std::regex_match(line, parts, row)) continue;
        found[{parts[1] == "yes", parts[2] == "yes"}] = parts[3];
    }
    return found;
}

/// The same from the code; tests/conformance shows that it is done.
std::string text_of(DeliveryClass delivery) {
    switch (delivery) {
        case DeliveryClass::unreliable: return "at most once, in any order; it may be lost";
        case DeliveryClass::sequenced: return "at most once, never an older one after a newer one";
        case DeliveryClass::guaranteed:
            return "exactly once, in any order, as soon as it is complete";
        case DeliveryClass::guaranteed_ordered: return "exactly once, in the order sent";
    }
    return {};
}

}  // namespace

TEST_CASE("what the pages show is cut from the examples") {
    std::vector<Lines> examples;
    for (const auto& path : files("examples", ".cpp")) examples.push_back(lines_of(path));
    auto pages = files("docs", ".md");
    for (const auto& path : files(".", ".md")) pages.push_back(path);
    std::size_t count = 0;
    for (const auto& path : pages) {
        for (const auto& snippet : snippets_of(lines_of(path))) {
            INFO(path << " shows, as no example does: " << snippet.at(0));
            const auto shows = [&](const Lines& example) { return contains(example, snippet); };
            CHECK(std::any_of(examples.begin(), examples.end(), shows));
            ++count;
        }
    }
    CHECK(count > 3);
}

TEST_CASE("a snippet that is not in a source is noticed") {
    std::istringstream page{"text\n```cpp\n  a;\n  c;\n```\n"};
    std::istringstream source{"    a;\n    b;\n    c;\n"};
    const auto snippets = snippets_of(lines_of(page));
    REQUIRE(snippets.size() == 1);
    const auto example = lines_of(source);
    CHECK_FALSE(contains(example, snippets[0]));
    CHECK(contains(example, {"b;", "c;"}));
}

TEST_CASE("the table of promises is the code's") {
    std::map<std::pair<bool, bool>, std::string> deliveries;
    for (const bool ordered : {false, true}) {
        for (const bool guaranteed : {false, true}) {
            const auto promises = (ordered ? Promises::ordered : Promises::none) |
                                  (guaranteed ? Promises::guaranteed_delivery : Promises::none);
            deliveries[{ordered, guaranteed}] = text_of(braid::protocol::delivery_class(promises));
        }
    }
    CHECK(documented_deliveries() == deliveries);
}

TEST_CASE("Every hostile input on its page has a test of that name") {
    std::string names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{root / "tests"}) {
        if (entry.path().extension() != ".cpp") continue;
        std::ifstream file{entry.path()};
        names.append(std::istreambuf_iterator<char>{file}, {});
    }
    names = std::regex_replace(names, std::regex{R"("\s*\n\s*")"}, "");  // cut into two lines
    const std::regex row{R"(\| \d+ .* \| `(hostile [^`]*)` \|)"};
    std::size_t rows = 0;
    for (const auto& line : lines_of(root / "docs/hostile_inputs.md")) {
        std::smatch parts;
        if (!std::regex_match(line, parts, row)) continue;
        ++rows;
        INFO(parts[1]);
        CHECK(names.find('"' + parts[1].str() + '"') != std::string::npos);
    }
    CHECK(rows >= 40);
}
