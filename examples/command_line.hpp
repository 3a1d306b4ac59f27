#pragma once

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

// What the larger examples do with their command lines; nothing here is about braid.

/// The arguments; prints `usage` and ends the program if one of them is --help or there are more
/// than `at_most`.
inline std::vector<std::string> arguments(int argc, char** argv, std::string_view usage,
                                          std::size_t at_most) {
    std::vector<std::string> words{argv + 1, argv + argc};
    for (const auto& word : words) {
        if (word != "--help" && word != "-h") continue;
        std::cout << usage;
        std::exit(0);
    }
    if (words.size() > at_most) {
        std::cerr << usage;
        std::exit(2);
    }
    return words;
}

/// The argument with that index, or what it is if it is not given.
inline std::string argument_or(const std::vector<std::string>& words, std::size_t index,
                               std::string fallback) {
    return index < words.size() ? words[index] : fallback;
}
