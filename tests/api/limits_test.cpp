#include "catch.hpp"

#include <braid/limits.hpp>

#include <chrono>
#include <fstream>
#include <map>
#include <regex>
#include <string>

// docs/limits.md repeats the defaults for people to read; this holds the two together.

namespace {

using braid::Limits;

std::string text_of(std::size_t bytes) {
    const auto mebibytes = bytes >> 20;
    return mebibytes > 0 ? std::to_string(mebibytes) + " MiB"
                         : std::to_string(bytes >> 10) + " KiB";
}

std::string text_of(std::uint32_t count) { return std::to_string(count); }

std::string text_of(std::chrono::milliseconds time) {
    return std::to_string(time.count() / 1000) + " s";
}

std::map<std::string, std::string> defaults() {
    const Limits limits;
    std::map<std::string, std::string> all;
#define FIELD(name) all[#name] = text_of(limits.name)
    FIELD(message_bytes);
    FIELD(stream_send_queue_bytes);
    FIELD(participant_send_queue_bytes);
    FIELD(stream_receive_window_bytes);
    FIELD(stream_receive_window_bytes_max);
    FIELD(participant_receive_window_bytes);
    FIELD(participant_receive_window_bytes_max);
    FIELD(lossy_receive_queue_bytes);
    FIELD(peer_streams);
    FIELD(participants);
    FIELD(participants_per_address);
    FIELD(half_open);
    FIELD(handshakes_per_second);
    FIELD(connect);
    FIELD(handshake);
    FIELD(idle);
    FIELD(disconnect);
#undef FIELD
    all["keep_alive"] = "a third of `idle`";
    return all;
}

std::map<std::string, std::string> documented() {
    std::ifstream page{BRAID_SOURCE_DIR "/docs/limits.md"};
    REQUIRE(page);
    const std::regex row{R"(^\| `(\w+)` \| ([^|]+?) \|.*)"};
    std::map<std::string, std::string> all;
    for (std::string line; std::getline(page, line);) {
        std::smatch parts;
        if (std::regex_match(line, parts, row)) all[parts[1]] = parts[2];
    }
    return all;
}

}  // namespace

TEST_CASE("docs/limits.md has the defaults that the code has") {
    CHECK(documented() == defaults());
    CHECK(Limits{}.keep_alive == std::chrono::milliseconds{0});
}
