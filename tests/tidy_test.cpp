// The house rules that a machine can check, over every C++ file of the tree. Each test first shows
// that its rule can fail, then that the tree keeps it.

#include "catch.hpp"
#include "tidy/exceptions.hpp"
#include "tidy/source.hpp"

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tidy::exceptions;
using tidy::Exceptions;
using tidy::Source;
using Violations = std::vector<std::string>;

constexpr std::size_t columns_max = 100;
constexpr std::size_t file_lines_max = 500;
constexpr std::size_t function_lines_max = 70;

// What several links are made of: no I/O, no clock.
const std::set<std::string> pure_parts{"transport/output_buffer.hpp",
                                       "transport/simulated/path.hpp"};

// The public headers that show coroutines; all the others are vocabulary and know std only.
const std::set<std::string> handles{"braid",          "network", "participant", "stream",
                                    "recv_operation", "run",     "io_thread"};

const std::set<std::string> waiting_headers{
    "barrier", "condition_variable", "coroutine",    "fstream",    "future", "iostream", "latch",
    "mutex",   "semaphore",          "shared_mutex", "stop_token", "thread", "random"};

// Where each third-party library lives: the start of its headers, the starts of its home paths.
struct Home {
    std::string headers;
    std::vector<std::string> paths;
};
const std::vector<Home> homes{
    {"cereal/", {"include/braid/serialize.hpp", "include/braid/detail/"}},
    {"lz4", {"src/protocol/envelope.cpp"}},
    {"xxhash", {"src/protocol/envelope.cpp", "src/crypto/mac_cipher.cpp"}},
    {"sodium", {"src/crypto/"}},
    {"spdlog/", {"src/runtime/log."}},
    {"fmt/", {"src/runtime/log."}},
    {"catch2/", {"tests/catch.hpp"}},
};

bool starts(std::string_view text, std::string_view start) { return text.starts_with(start); }

bool in_library(const Source& source) {
    return starts(source.path, "src/") || starts(source.path, "include/");
}

std::string at_line(const Source& source, std::size_t index, std::string_view what) {
    return source.path + ":" + std::to_string(index + 1) + ": " + std::string{what};
}

using Rule = Violations (*)(const Source&);

bool breaks(Rule rule, const std::string& path, const std::string& text) {
    return !rule(tidy::source_of(path, text)).empty();
}

/// One violation a line, so that a failing check reads like a compiler's errors.
std::string in_tree(Rule rule) {
    std::string all;
    for (const auto& source : tidy::tree()) {
        for (const auto& violation : rule(source)) all += "\n" + violation;
    }
    return all;
}

Violations matches(const Source& source, const std::string& text, const std::string& pattern,
                   std::string_view what) {
    const std::regex expression{pattern, std::regex::optimize};
    Violations violations;
    const auto lines = tidy::lines_of(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (std::regex_search(lines[i], expression)) {
            violations.push_back(at_line(source, i, what));
        }
    }
    return violations;
}

Violations joined(std::vector<Violations> parts) {
    Violations all;
    for (auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

const Home* home_of(const std::string& include) {
    const auto found = std::find_if(homes.begin(), homes.end(), [&](const Home& each) {
        return starts(include, each.headers);
    });
    return found == homes.end() ? nullptr : &*found;
}

bool is_std(const std::string& include) { return include.find_first_of("./") == std::string::npos; }

bool is_asio(const std::string& include) {
    return starts(include, "asio/") || include == "asio.hpp";
}

/// "stream" for "braid/stream.hpp", "detail/form" for "braid/detail/form.hpp", else empty.
std::string public_name(const std::string& include) {
    if (!starts(include, "braid/")) return {};
    return include.substr(6, include.rfind('.') - 6);
}

bool is_vocabulary(const std::string& include) {
    const auto name = public_name(include);
    return !name.empty() && name != "serialize" && !starts(name, "detail/") &&
           !handles.contains(name);
}

bool is_platform(const std::string& include) { return include.ends_with(".h"); }

/// The folder of one transport: "transport/tcp/" for "src/transport/tcp/link.cpp" and for
/// "transport/tcp/link.hpp", empty for "transport/driver.hpp".
std::string transport_of(std::string_view path) {
    if (starts(path, "src/")) path.remove_prefix(4);
    const auto slash = path.rfind('/');
    const std::string folder{path.substr(0, slash + 1)};
    return starts(folder, "transport/") && folder != "transport/" ? folder : std::string{};
}

bool public_header_may_include(const std::string& header, const std::string& include) {
    const bool is_serializer = header == "serialize" || starts(header, "detail/");
    if (is_vocabulary(include)) return true;
    if (is_serializer) return starts(include, "braid/");
    return handles.contains(header) &&
           (!public_name(include).empty() || include == "asio/awaitable.hpp" ||
            include == "asio/any_io_executor.hpp");
}

bool transport_may_include(const std::string& path, const std::string& include) {
    const auto own = transport_of(path);
    const auto other = transport_of(include);
    if (starts(include, "protocol/") || is_vocabulary(include)) return true;
    if (pure_parts.contains(include)) return true;
    if (!other.empty()) return other == own || path == "src/transport/transport.cpp";
    if (path.find("/link.") != std::string::npos) return false;
    return starts(include, "transport/") || starts(include, "crypto/") || is_asio(include) ||
           is_platform(include);
}

/// design: "Who may include whom".
bool may_include(const std::string& path, const std::string& include) {
    const bool is_pure = starts(path, "src/protocol/") || starts(path, "src/crypto/") ||
                         path.find("/link.") != std::string::npos;
    if (is_std(include)) return !is_pure || !waiting_headers.contains(include);
    if (home_of(include) != nullptr) return true;  // third_parties_stay_home() looks after these
    if (starts(path, "include/"))
        return public_header_may_include(public_name(path.substr(8)), include);
    if (starts(path, "src/protocol/")) {
        return starts(include, "protocol/") || is_vocabulary(include);
    }
    if (starts(path, "src/crypto/")) {
        return starts(include, "protocol/") || starts(include, "crypto/") || is_vocabulary(include);
    }
    if (starts(path, "src/transport/")) return transport_may_include(path, include);
    if (starts(path, "src/runtime/")) {
        return (starts(include, "protocol/") || starts(include, "crypto/") ||
                starts(include, "transport/") || starts(include, "runtime/") ||
                is_vocabulary(include) || is_asio(include) ||
                include == "braid/recv_operation.hpp") &&
               transport_of(include).empty();
    }
    if (starts(path, "src/api/")) {
        return starts(include, "runtime/") || starts(include, "api/") || is_asio(include) ||
               !public_name(include).empty();
    }
    return true;
}

Violations includes_point_down(const Source& source) {
    Violations violations;
    for (const auto& [line, include] : tidy::includes_of(source)) {
        if (in_library(source) && !may_include(source.path, include)) {
            violations.push_back(at_line(source, line, "may not include " + include));
        }
    }
    return violations;
}

Violations third_parties_stay_home(const Source& source) {
    Violations violations;
    for (const auto& [line, include] : tidy::includes_of(source)) {
        const auto* home = home_of(include);
        if (home == nullptr || (!in_library(source) && home->headers != "catch2/")) continue;
        const bool at_home = std::any_of(home->paths.begin(), home->paths.end(),
                                         [&](auto& path) { return starts(source.path, path); });
        if (!at_home) {
            violations.push_back(at_line(source, line, include + " belongs in " + home->paths[0]));
        }
    }
    return violations;
}

Violations calls_are_allowed(const Source& source) {
    const auto banned = [&](const std::string& pattern, const std::string& home) {
        if (!in_library(source) || starts(source.path, home)) return Violations{};
        return matches(source, source.code, pattern, "belongs in " + home);
    };
    return joined({
        matches(source, source.code, R"(using namespace std\s*;)", "names std whole"),
        banned(R"(_clock::now\b)", "src/runtime/clock."),
        banned(R"(\brandom_device\b)", "src/runtime/entropy."),
        banned(R"(\b(printf|fprintf|puts|cout|cerr|clog)\b)", "src/runtime/log."),
    });
}

Violations names_say_what_it_is(const Source& source) {
    static const std::set<std::string> empty_words{"util",   "utils",   "helper",   "helpers",
                                                   "common", "manager", "managers", "base"};
    std::istringstream words{std::regex_replace(source.path, std::regex{"[/_.]"}, " ")};
    for (std::string word; words >> word;) {
        if (empty_words.contains(word)) return {source.path + ": '" + word + "' names nothing"};
    }
    return {};
}

Violations comments_are_sentences(const Source& source) {
    return joined({
        matches(source, source.text,
                R"(\b(TO)"
                R"(DO|FIX)"
                R"(ME|XX)"
                R"(X|HA)"
                R"(CK)\b)",
                "belongs in an issue"),
        matches(source, source.text, R"(^\s*(//|/?\*)\s*[-=*#~+_/]{4,})", "is a banner"),
    });
}

Violations lines_fit(const Source& source) {
    Violations violations;
    const auto lines = tidy::lines_of(source.text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].size() > columns_max) {
            violations.push_back(at_line(source, i, "is longer than 100 columns"));
        }
        const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 128; };
        if (!std::all_of(lines[i].begin(), lines[i].end(), is_ascii)) {
            violations.push_back(at_line(source, i, "is not ASCII"));
        }
    }
    return violations;
}

/// A semicolon in the name of a test case cuts the name in two in ctest, and neither half runs.
Violations test_names_are_whole(const Source& source) {
    return matches(source, source.text, R"(^(TEST_CASE|ON_EVERY_TRANSPORT\w*)\("[^"]*;)",
                   "has a semicolon in its name");
}

/// In the head of a loop g++ 12 awaits even what `&&`, `||` or `?:` should have skipped. CHECK and
/// REQUIRE are loops with their text in the head.
Violations loops_await_alone(const Source& source) {
    const auto code = tidy::without_comments_and_literals(source.text);
    return matches(source, code,
                   R"(\b((while|for) \(.*(&&|\|\||\?)|(CHECK|REQUIRE)(_FALSE)?\().*\bco_await\b)",
                   "awaits behind && || or ?: in the head of a loop (docs/compilers.md)");
}

Violations with_exceptions(const Exceptions& exceptions, const Source& source,
                           Violations violations) {
    if (!exceptions.contains(source.path)) return violations;
    if (violations.empty()) return {source.path + ": needs its exception no more"};
    return {};
}

Violations files_have_one_subject(const Source& source) {
    Violations violations;
    const auto count = tidy::lines_of(source.text).size();
    if (count > file_lines_max) {
        violations.push_back(source.path + ": has " + std::to_string(count) + " lines");
    }
    return with_exceptions(long_files, source, violations);
}

/// True for what stands before the brace of a function, a lambda or a control statement.
bool opens_function(std::string head) {
    head = std::regex_replace(head, std::regex{R"(template\s*<[^()]*>)"}, "");
    static const std::regex type{R"(^\s*(class|struct|union|enum|namespace|extern)\b)"};
    return head.find('(') != std::string::npos && !std::regex_search(head, type);
}

/// Blanks #define and its kin, which need not have their braces in pairs; lines stay lines.
std::string without_directives(const std::string& code) {
    std::string rest;
    bool is_directive = false;
    for (const auto& line : tidy::lines_of(code)) {
        is_directive = is_directive || line.find_first_not_of(' ') == line.find('#');
        if (!is_directive) rest += line;
        rest += '\n';
        is_directive = is_directive && line.ends_with('\\');
    }
    return rest;
}

/// Counts the lines from the brace to its twin. Leans on clang-format: `{` after a space opens a
/// block, `{` after anything else initialises a value.
Violations functions_are_short(const Source& source) {
    struct Block {
        bool is_value;
        bool is_function;
        std::size_t line;
    };
    Violations violations;
    std::vector<Block> open;
    std::string head;
    std::size_t line = 0;
    char before = ' ';
    for (const char c : without_directives(source.code)) {
        if (c == '{') {
            const bool is_value = before != ' ' && before != '\n';
            open.push_back({is_value, !is_value && opens_function(head), line});
            if (!is_value) head.clear();
        } else if (c == '}' && !open.empty()) {
            const auto block = open.back();
            open.pop_back();
            const auto count = line - block.line + 1;
            if (block.is_function && count > function_lines_max) {
                const auto what = "starts a block of " + std::to_string(count) + " lines";
                violations.push_back(at_line(source, block.line, what));
            }
            if (!block.is_value) head.clear();
        } else if (c == ';' && (open.empty() || !open.back().is_value)) {
            head.clear();
        } else {
            head += c;
        }
        if (c == '\n') ++line;
        before = c;
    }
    return with_exceptions(long_functions, source, violations);
}

/// src/transport/tcp/link.cpp is tested by tests/transport/tcp/link_test.cpp.
std::string test_path_of(const std::string& path) {
    return "tests/" + path.substr(4, path.size() - 8) + "_test.cpp";
}

Violations sources_have_tests(const Source& source) {
    if (!starts(source.path, "src/") || !source.path.ends_with(".cpp")) return {};
    const auto wanted = test_path_of(source.path);
    const bool is_tested = std::any_of(tidy::tree().begin(), tidy::tree().end(),
                                       [&](const Source& other) { return other.path == wanted; });
    Violations violations;
    if (!is_tested) violations.push_back(source.path + ": has no " + wanted);
    return with_exceptions(untested_sources, source, violations);
}

}  // namespace

TEST_CASE("the source tree is found") { REQUIRE(tidy::tree().size() > 3); }

TEST_CASE("comments and literals are not code") {
    CHECK(tidy::without_comments_and_literals("a /* b */ c // d\ne") == "a         c     \ne");
    CHECK(tidy::without_comments_and_literals("f(\"g\\\"h\", 'i', 1'000)") ==
          "f(\"    \", ' ', 1'000)");
    CHECK(tidy::without_comments_and_literals("R\"x(a\")x\";b") == "R\"      \";b");
}

TEST_CASE("includes point down") {
    const auto may_not = [](const std::string& path, const std::string& include) {
        return breaks(includes_point_down, path, "#include " + include + "\n");
    };
    CHECK(may_not("include/braid/promises.hpp", "<asio/awaitable.hpp>"));
    CHECK(may_not("include/braid/promises.hpp", "<braid/stream.hpp>"));
    CHECK(may_not("include/braid/stream.hpp", "<asio/ip/tcp.hpp>"));
    CHECK(may_not("include/braid/stream.hpp", "\"runtime/network.hpp\""));
    CHECK(may_not("src/protocol/frame.cpp", "<asio.hpp>"));
    CHECK(may_not("src/protocol/frame.cpp", "<mutex>"));
    CHECK(may_not("src/protocol/frame.cpp", "<sys/socket.h>"));
    CHECK(may_not("src/protocol/frame.cpp", "\"runtime/clock.hpp\""));
    CHECK(may_not("src/protocol/frame.cpp", "\"crypto/hash.hpp\""));
    CHECK(may_not("src/crypto/hash.cpp", "\"transport/driver.hpp\""));
    CHECK(may_not("src/crypto/hash.cpp", "<random>"));
    CHECK(may_not("src/transport/tcp/link.cpp", "\"crypto/hash.hpp\""));
    CHECK(may_not("src/transport/tcp/link.cpp", "<asio/ip/tcp.hpp>"));
    CHECK(may_not("src/transport/tcp/link.cpp", "\"transport/driver.hpp\""));
    CHECK(may_not("src/transport/tcp/driver.cpp", "\"transport/mpsc/link.hpp\""));
    CHECK(may_not("src/transport/tcp/driver.cpp", "\"runtime/clock.hpp\""));
    CHECK(may_not("src/runtime/network.cpp", "\"transport/tcp/driver.hpp\""));
    CHECK(may_not("src/runtime/network.cpp", "<sys/socket.h>"));
    CHECK(may_not("src/runtime/network.cpp", "<braid/network.hpp>"));
    CHECK(may_not("src/api/stream.cpp", "\"transport/driver.hpp\""));
    CHECK(may_not("src/api/stream.cpp", "\"protocol/mux.hpp\""));

    CHECK_FALSE(may_not("include/braid/stream.hpp", "<asio/awaitable.hpp>"));
    CHECK_FALSE(may_not("src/transport/transport.cpp", "\"transport/tcp/driver.hpp\""));
    CHECK_FALSE(may_not("src/transport/tcp/driver.cpp", "\"transport/tcp/link.hpp\""));
    CHECK(in_tree(includes_point_down) == "");
}

TEST_CASE("third-party libraries stay home") {
    CHECK(breaks(third_parties_stay_home, "src/api/stream.cpp", "#include <cereal/cereal.hpp>\n"));
    CHECK(breaks(third_parties_stay_home, "src/protocol/frame.cpp", "#include <lz4.h>\n"));
    CHECK(breaks(third_parties_stay_home, "src/api/pid.cpp", "#include <sodium.h>\n"));
    CHECK(breaks(third_parties_stay_home, "src/runtime/clock.cpp", "#include <spdlog/spdlog.h>\n"));
    CHECK(breaks(third_parties_stay_home, "tests/x_test.cpp", "#include <catch2/catch.hpp>\n"));
    CHECK(in_tree(third_parties_stay_home) == "");
}

TEST_CASE("time, chance and output have one home each") {
    CHECK(breaks(calls_are_allowed, "src/api/a.cpp", "auto t = steady_clock::now();"));
    CHECK(breaks(calls_are_allowed, "src/api/a.cpp", "std::random_device device;"));
    CHECK(breaks(calls_are_allowed, "src/api/a.cpp", "std::printf(\"x\");"));
    CHECK(breaks(calls_are_allowed, "tests/a.cpp", "using namespace std;"));
    CHECK_FALSE(breaks(calls_are_allowed, "src/runtime/clock.cpp", "steady_clock::now();"));
    CHECK_FALSE(breaks(calls_are_allowed, "src/api/a.cpp", "// steady_clock::now()"));
    CHECK(in_tree(calls_are_allowed) == "");
}

TEST_CASE("names say what a thing is") {
    CHECK(breaks(names_say_what_it_is, "src/api/stream_util.cpp", ""));
    CHECK(breaks(names_say_what_it_is, "src/common/a.cpp", ""));
    CHECK_FALSE(breaks(names_say_what_it_is, "src/api/base64.cpp", ""));
    CHECK(in_tree(names_say_what_it_is) == "");
}

TEST_CASE("comments are sentences") {
    CHECK(breaks(comments_are_sentences, "src/a.cpp",
                 "int a;  // TO"
                 "DO: later"));
    CHECK(breaks(comments_are_sentences, "src/a.cpp",
                 "// ---"
                 "--- part two"));
    CHECK_FALSE(breaks(comments_are_sentences, "src/a.cpp", "/// Says why."));
    CHECK(in_tree(comments_are_sentences) == "");
}

TEST_CASE("lines fit and are ASCII") {
    CHECK(breaks(lines_fit, "src/a.cpp", std::string(101, 'a')));
    CHECK(breaks(lines_fit, "src/a.cpp", "// 3 \xc2\xb5s"));
    CHECK(in_tree(lines_fit) == "");
}

TEST_CASE("heads of loops await alone") {
    CHECK(breaks(loops_await_alone, "src/a.cpp", "while (more && co_await next()) {}"));
    CHECK(breaks(loops_await_alone, "src/a.cpp", "for (; i < 3 || co_await f(); ++i) {}"));
    CHECK(breaks(loops_await_alone, "tests/a.cpp", "CHECK(co_await f() == 1);"));
    CHECK_FALSE(breaks(loops_await_alone, "src/a.cpp", "while (auto m = co_await next()) {}"));
    CHECK_FALSE(breaks(loops_await_alone, "src/a.cpp", "if (more && co_await next()) {}"));
    CHECK(in_tree(loops_await_alone) == "");
}

TEST_CASE("names of test cases are whole") {
    CHECK(breaks(test_names_are_whole, "tests/a_test.cpp",
                 "TEST_CASE(\""
                 "a; b\") {}"));
    CHECK(in_tree(test_names_are_whole) == "");
}

TEST_CASE("files have one subject") {
    std::string text;
    for (std::size_t i = 0; i <= file_lines_max; ++i) text += "int a;\n";
    CHECK(breaks(files_have_one_subject, "src/a.cpp", text));
    CHECK(in_tree(files_have_one_subject) == "");
}

TEST_CASE("functions are short") {
    const std::string body(function_lines_max, '\n');
    CHECK(breaks(functions_are_short, "src/a.cpp", "void f() {" + body + "}"));
    CHECK(breaks(functions_are_short, "src/a.cpp", "A::A(int b) : a_{b}, c_{2} {" + body + "}"));
    CHECK(breaks(functions_are_short, "src/a.cpp", "class A {\n void f() const {" + body + "} };"));
    CHECK_FALSE(breaks(functions_are_short, "src/a.cpp", "class A {\n int f();" + body + "};"));
    CHECK_FALSE(breaks(functions_are_short, "src/a.cpp", "namespace a {" + body + "}"));
    CHECK_FALSE(breaks(functions_are_short, "src/a.cpp", "#define A() { \\\n f(\n" + body + "}"));
    CHECK(in_tree(functions_are_short) == "");
}

TEST_CASE("every source has a test of its name") {
    CHECK(test_path_of("src/transport/tcp/link.cpp") == "tests/transport/tcp/link_test.cpp");
    CHECK(breaks(sources_have_tests, "src/protocol/no_such_source.cpp", ""));
    CHECK(in_tree(sources_have_tests) == "");
}
