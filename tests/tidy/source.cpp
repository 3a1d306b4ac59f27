#include "tidy/source.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string_view>

namespace tidy {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

}  // namespace

Source source_of(std::string path, std::string text) {
    auto code = without_comments_and_literals(text);
    return {std::move(path), std::move(text), std::move(code)};
}

const std::vector<Source>& tree() {
    static const auto sources = [] {
        const std::filesystem::path root{BRAID_SOURCE_DIR};
        std::vector<Source> found;
        for (const auto* folder : {"include", "src", "tests", "examples", "bench"}) {
            if (!std::filesystem::exists(root / folder)) continue;
            for (const auto& entry : std::filesystem::recursive_directory_iterator{root / folder}) {
                const auto extension = entry.path().extension();
                if (extension != ".hpp" && extension != ".cpp") continue;
                std::ifstream stream{entry.path(), std::ios::binary};
                std::string text{std::istreambuf_iterator<char>{stream}, {}};
                found.push_back(source_of(entry.path().lexically_relative(root).generic_string(),
                                          std::move(text)));
            }
        }
        return found;
    }();
    return sources;
}

std::string without_comments_and_literals(const std::string& text) {
    std::string code = text;
    const auto blank = [&code](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < std::min(to, code.size()); ++i) {
            if (code[i] != '\n') code[i] = ' ';
        }
    };
    const auto after = [&text](std::string_view end, std::size_t from) {
        const auto found = text.find(end, from);
        return found == std::string::npos ? text.size() : found + end.size();
    };
    for (std::size_t i = 0; i < text.size();) {
        std::size_t end = i + 1;
        if (text.compare(i, 2, "//") == 0) {
            blank(i, end = std::min(text.find('\n', i), text.size()));
        } else if (text.compare(i, 2, "/*") == 0) {
            blank(i, end = after("*/", i + 2));
        } else if (text.compare(i, 2, "R\"") == 0) {
            const auto delimiter = text.substr(i + 2, text.find('(', i) - i - 2);
            end = after(")" + delimiter + "\"", i);
            blank(i + 2, end - 1);
        } else if (text[i] == '"' || (text[i] == '\'' && (i == 0 || !is_word(text[i - 1])))) {
            while (end < text.size() && text[end] != text[i]) end += text[end] == '\\' ? 2u : 1u;
            blank(i + 1, end++);
        }
        i = end;
    }
    return code;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream stream{text};
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

std::vector<std::pair<std::size_t, std::string>> includes_of(const Source& source) {
    static const std::regex expression{R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])"};
    std::vector<std::pair<std::size_t, std::string>> includes;
    const auto lines = lines_of(source.text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::smatch match;
        if (std::regex_search(lines[i], match, expression)) includes.emplace_back(i, match[1]);
    }
    return includes;
}

}  // namespace tidy
