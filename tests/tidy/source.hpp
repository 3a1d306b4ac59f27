#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace tidy {

/// One C++ file as the rules see it.
struct Source {
    std::string path;  ///< from the root, with slashes
    std::string text;
    std::string code;  ///< the text with comments and the insides of literals blanked out
};

Source source_of(std::string path, std::string text);

/// Every C++ file of the project.
const std::vector<Source>& tree();

/// The same text with comments and the insides of literals turned to spaces; lines stay lines.
std::string without_comments_and_literals(const std::string& text);

std::vector<std::string> lines_of(const std::string& text);

/// What a file includes, as written between the brackets, and in which line, from 0.
std::vector<std::pair<std::size_t, std::string>> includes_of(const Source& source);

}  // namespace tidy
