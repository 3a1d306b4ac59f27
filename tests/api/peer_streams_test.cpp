// What peers may open, and how they hear of it.
#include "api/trial.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace trial;
using braid::errc;
using braid::NetworkOptions;
using braid::PeerStreamLimits;
using braid::Promises;
using braid::StreamOptions;
namespace close_code = braid::close_code;

namespace {

/// Two Networks of which the server has these options.
awaitable<Pair> make_pair_with(NetworkOptions options) {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network server{executor, options};
    braid::Network client{executor, with({})};
    auto listener = co_await server.listen("tcp://127.0.0.1:0");
    auto at_client = co_await client.connect(to_string(listener.address()));
    auto at_server = co_await server.connected();
    co_return Pair{std::move(server), std::move(client), std::move(at_server),
                   std::move(at_client)};
}

awaitable<void> expect_refused(braid::Participant& participant, StreamOptions options,
                               std::uint64_t code) {
    auto stream = co_await participant.open(options);
    CHECK_FALSE(stream.close_code());
    const auto error = co_await error_of(stream.recv<int>().as_awaitable());
    CHECK(error == errc::stream_refused);
    CHECK(stream.close_code() == code);
    CHECK(stream.try_send(1) == errc::stream_refused);
    const auto next = co_await error_of(stream.next<int>().as_awaitable());
    CHECK(next == errc::stream_refused);
}

awaitable<void> expect_welcome(Pair& pair, StreamOptions options, std::vector<Lane>& lanes) {
    auto lane = co_await make_lane(pair, options);
    lane.client.send(5);
    const auto value = co_await lane.server.recv<int>();
    CHECK(value == 5);
    lanes.push_back(std::move(lane));
}

StreamOptions asked(int priority, std::uint64_t bandwidth = 0) {
    StreamOptions options;
    options.priority = priority;
    options.bandwidth_bytes_per_second = bandwidth;
    return options;
}

}  // namespace

TEST_CASE("a stream beyond a cap is refused and never downgraded") {
    run([]() -> awaitable<void> {
        PeerStreamLimits caps;
        caps.most_urgent = 2;
        caps.bandwidth_bytes_per_second = 1000;
        caps.bandwidth_bytes_per_second_total = 1500;
        caps.promises = Promises::reliable;
        auto pair = co_await make_pair_with(with({}).peer_streams(caps));
        co_await expect_refused(pair.at_client, asked(1), close_code::priority_refused);
        co_await expect_refused(pair.at_client, asked(4, 1001), close_code::bandwidth_refused);
        auto compressed = asked(4);
        compressed.promises = Promises::reliable | Promises::compressed;
        co_await expect_refused(pair.at_client, compressed, close_code::promises_refused);
        CHECK(pair.server.stats().streams_refused == 3);
        CHECK(pair.client.stats().streams_refused == 0);

        std::vector<Lane> lanes;
        co_await expect_welcome(pair, asked(2, 1000), lanes);
        co_await expect_welcome(pair, asked(7, 500), lanes);
        co_await expect_refused(pair.at_client, asked(7, 1), close_code::bandwidth_refused);
        co_await expect_welcome(pair, asked(7), lanes);
        // What a stream had is free when it is over.
        lanes.erase(lanes.begin());
        co_await until([&] { return pair.at_server.stats().streams == 2; });
        co_await expect_welcome(pair, asked(2, 1000), lanes);
        CHECK_FALSE(pair.at_server.try_opened());
        CHECK(pair.server.stats().streams_refused == 4);

        // The caps are for peers: this end may open what it likes.
        auto own = co_await pair.at_server.open(asked(0, 1'000'000));
        own.send(1);
        auto there = co_await pair.at_client.opened();
        const auto value = co_await there.recv<int>();
        CHECK(value == 1);
    }());
}

TEST_CASE("a policy refuses a stream with a code before the application sees it") {
    run([]() -> awaitable<void> {
        std::vector<std::uint64_t> tags;
        std::optional<braid::Pid> seen;
        auto pair = co_await make_pair_with(with({}).accept_streams(
            [&](const braid::Pid& peer,
                const StreamOptions& options) -> std::optional<std::uint64_t> {
                seen = peer;
                tags.push_back(options.tag);
                if (options.tag == 2) return 404;
                if (options.tag == 3) throw std::runtime_error{"undecided"};
                return std::nullopt;
            }));
        std::vector<Lane> lanes;
        StreamOptions options;
        options.tag = 1;
        co_await expect_welcome(pair, options, lanes);
        options.tag = 2;
        co_await expect_refused(pair.at_client, options, 404);
        options.tag = 3;
        co_await expect_refused(pair.at_client, options, close_code::policy_failed);
        CHECK(tags == std::vector<std::uint64_t>{1, 2, 3});
        CHECK(seen == pair.client.pid());
        CHECK_FALSE(pair.at_server.try_opened());
    }());
}

TEST_CASE("what was queued on a refused stream is dropped and holds nothing up") {
    run([]() -> awaitable<void> {
        PeerStreamLimits caps;
        caps.most_urgent = 1;
        auto pair = co_await make_pair_with(with({}).peer_streams(caps));
        auto stream = co_await pair.at_client.open(asked(0));
        const std::vector<std::byte> bytes(100'000);
        for (int i = 0; i < 20; ++i) stream.send(std::span<const std::byte>{bytes});
        auto error = co_await error_of(stream.drained());
        CHECK(error == errc::stream_refused);
        error = co_await error_of(stream.drained());
        CHECK(error == errc::stream_refused);
        error = co_await error_of(stream.writable(1));
        CHECK(error == errc::stream_refused);
        co_await until([&] { return pair.at_client.stats().queued_bytes == 0; });

        auto lossy = asked(0);
        lossy.promises = Promises::none;
        auto dropped = co_await pair.at_client.open(lossy);
        dropped.send(1);
        co_await dropped.drained();

        auto result = co_await pair.at_client.disconnect();
        CHECK(result.all_delivered());
        CHECK(stream.close_code() == close_code::priority_refused);
    }());
}

TEST_CASE("a reset tells its code to the peer and to nobody else") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        lane.client.send(1);
        lane.client.reset(77);
        const auto received = co_await error_of(lane.server.recv<int>().as_awaitable());
        if (!received) {
            const auto error = co_await error_of(lane.server.recv<int>().as_awaitable());
            CHECK(error == errc::stream_reset);
        }
        CHECK(lane.server.close_code() == 77);
        co_await until([&] { return static_cast<bool>(lane.server.try_send(1)); });
        co_await give_way(100);
        CHECK_FALSE(lane.client.close_code());

        auto plain = co_await make_lane(pair);
        { const auto gone = std::move(plain.client); }
        const auto end = co_await plain.server.next<int>();
        CHECK_FALSE(end);
        co_await until([&] { return static_cast<bool>(plain.server.try_send(1)); });
        CHECK_FALSE(plain.server.close_code());

        auto last = co_await make_lane(pair);
        last.client.reset(close_code::application_max);
        { const auto gone = std::move(last.client); }
        co_await error_of(last.server.recv<int>().as_awaitable());
        CHECK(last.server.close_code() == close_code::application_max);
    }());
}

TEST_CASE("codes above the application's own are the caller's mistake") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto lane = co_await make_lane(pair);
        CHECK(thrown_by([&] { lane.client.reset(close_code::application_max + 1); }) ==
              errc::options_invalid);
        const braid::CloseReason reason{close_code::network_destroyed};
        const auto error = co_await error_of(pair.at_client.disconnect(reason));
        CHECK(error == errc::options_invalid);
        lane.client.send(1);
        const auto value = co_await lane.server.recv<int>();
        CHECK(value == 1);
    }());
}

TEST_CASE("refusals are one line a second and say whom and why") {
    run([]() -> awaitable<void> {
        std::ostringstream text;
        const auto logger = std::make_shared<spdlog::logger>(
            "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
        logger->set_pattern("%l %v");
        PeerStreamLimits caps;
        caps.most_urgent = 1;
        auto pair = co_await make_pair_with(
            with({}).log_level(braid::LogLevel::warning).logger(logger).peer_streams(caps));
        for (int i = 0; i < 20; ++i) {
            co_await expect_refused(pair.at_client, asked(0), close_code::priority_refused);
        }
        CHECK(pair.server.stats().streams_refused == 20);
        const auto said = text.str();
        const auto lines = std::count(said.begin(), said.end(), '\n');
        CHECK(lines >= 1);
        CHECK(lines <= 3);  // should it take longer than a second
        const auto begin = "warning stream_refused pid=" + to_string(pair.client.pid()) +
                           " address=tcp://127.0.0.1:";
        CHECK(said.starts_with(begin));
        CHECK(said.find(" code=4611686018427387906 reason=\"more urgent than PeerStreamLimits "
                        "allows\" count=1\n") != std::string::npos);
    }());
}
