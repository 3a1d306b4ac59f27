#include "catch.hpp"
#include "protocol/frame_writer.hpp"
#include "runtime/simulated_world.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <array>
#include <memory>
#include <sstream>
#include <string>

using namespace std::chrono_literals;
using braid::errc;
using braid::protocol::FrameWriter;
using simulated::error_of;
using simulated::Stranger;
using simulated::World;

namespace {

std::vector<std::byte> ping() {
    std::array<std::byte, 16> buffer;
    FrameWriter writer{buffer};
    writer.ping();
    return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(writer.copied())};
}

asio::awaitable<void> break_rules(World& world, braid::Network& network,
                                  std::vector<std::byte> bytes, std::error_code expected) {
    auto listener = co_await network.listen("tcp://127.0.0.1:0");
    const auto address = to_string(listener.address());
    auto good = world.make_network(8);
    auto to_network = co_await good.connect(address);
    auto from_good = co_await network.connected();

    auto stranger = co_await simulated::introduce(world, address, 9);
    stranger.say(ping());
    auto participant = co_await network.connected();
    CHECK(participant.pid() == braid::Pid::numbered(9));
    stranger.say(std::move(bytes));
    const auto error = co_await error_of(participant.opened());
    CHECK(error == expected);
    CHECK(network.stats().violations == 1);

    auto stream = co_await to_network.open();
    stream.send(1);
    auto opened = co_await from_good.opened();
    const auto value = co_await opened.recv<int>();
    CHECK(value == 1);
}

}  // namespace

TEST_CASE("whoever breaks the rules is shut out by name, and nobody else") {
    World world;
    auto network = world.make_network(1);
    SECTION("garbage") {
        world.run(
            break_rules(world, network, std::vector(8, std::byte{0x1f}), errc::frame_malformed));
    }
    SECTION("a message for no stream") {
        const std::vector bytes{std::byte{0xb2}, std::byte{0}, std::byte{0}, std::byte{0}};
        world.run(break_rules(world, network, bytes, errc::protocol_violation));
    }
}

TEST_CASE("whoever breaks the rules is one line in the application's log and one in its counters") {
    World world;
    std::ostringstream text;
    const auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
    logger->set_pattern("%l %v");
    const auto make = [&](braid::LogLevel level) {
        const auto options = braid::NetworkOptions{}.logger(logger).log_level(level);
        return std::make_unique<braid::Network>(world.make_core_with(1, options));
    };
    const auto provoke = [&](braid::Network& network) {
        world.run(
            break_rules(world, network, std::vector(8, std::byte{0x1f}), errc::frame_malformed));
    };
    const auto pid = to_string(braid::Pid::numbered(9));
    SECTION("warnings only") {
        const auto network = make(braid::LogLevel::warning);
        provoke(*network);
        const auto reason = std::error_code{errc::frame_malformed}.message();
        CHECK(text.str() == "warning violation pid=" + pid +
                                " address=tcp://127.0.0.1:1 reason=\"" + reason + "\"\n");
    }
    SECTION("who comes and goes, too") {
        const auto network = make(braid::LogLevel::info);
        provoke(*network);
        const auto said = text.str();
        CHECK(said.find("info connected pid=" + pid + " address=tcp://127.0.0.1:1 dialled=no\n") !=
              std::string::npos);
        CHECK(std::count(said.begin(), said.end(), '\n') == 3);  // two came, one broke the rules
    }
    SECTION("nothing") {
        const auto network = make(braid::LogLevel::off);
        provoke(*network);
        CHECK(text.str() == "");
    }
}
