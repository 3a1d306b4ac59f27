#include "api/trial.hpp"

#include <braid/participant_event.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace trial;
using braid::errc;
using braid::Network;
using braid::Participant;
using braid::ParticipantEvent;
using Kind = braid::ParticipantEvent::Kind;

namespace {

/// All events until the participant has ended, and why it has.
struct Story {
    Story() {}
    std::vector<ParticipantEvent> events;
    std::error_code end;
};

awaitable<void> follow(Participant& participant, Story& story) {
    try {
        for (;;) {
            auto event = co_await participant.next_event();
            story.events.push_back(std::move(event));
        }
    } catch (const braid::ParticipantError& error) {
        story.end = error.code();
    }
}

void check_story(const Story& story, const std::string& address, errc reason) {
    REQUIRE(story.events.size() == 2);
    CHECK(story.events[0].kind() == Kind::channel_created);
    CHECK(story.events[0].address() == address);
    CHECK_FALSE(story.events[0].reason());
    CHECK(story.events[1].kind() == Kind::channel_deleted);
    CHECK(story.events[1].address() == address);
    CHECK(story.events[1].reason() == reason);
    CHECK(story.end == reason);
}

}  // namespace

TEST_CASE("the dialler sees the address it dialled, the listener an ephemeral port") {
    run([]() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        Network server{executor, with({})};
        Network client{executor, with({})};
        auto listener = co_await server.listen("tcp://127.0.0.1:0");
        const auto address = to_string(listener.address());
        auto at_client = co_await client.connect(address);
        auto at_server = co_await server.connected();

        const auto created = at_client.try_event();
        REQUIRE(created);
        CHECK(created->kind() == Kind::channel_created);
        CHECK(created->address() == address);
        CHECK_FALSE(at_client.try_event());

        const auto accepted = co_await at_server.next_event();
        CHECK(accepted.kind() == Kind::channel_created);
        CHECK(accepted.address() != address);
        const braid::ConnectAddr peer{accepted.address()};
        CHECK(peer.host() == "127.0.0.1");
        CHECK(peer.port() != 0);
        CHECK_FALSE(at_server.try_event());
    }());
}

TEST_CASE("each end sees its channel created once, deleted once, and then why it ended") {
    asio::io_context context;
    run(context, []() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        auto pair = co_await make_pair();
        Story server;
        Story client;
        asio::co_spawn(executor, follow(pair.at_server, server), asio::detached);
        asio::co_spawn(executor, follow(pair.at_client, client), asio::detached);
        co_await pair.at_client.disconnect();
        co_await until([&] { return server.end && client.end; });
        REQUIRE(client.events.size() == 2);
        REQUIRE(server.events.size() == 2);
        const auto dialled = client.events[0].address();
        check_story(client, dialled, errc::participant_closed);
        check_story(server, server.events[0].address(), errc::participant_disconnected);
        CHECK(dialled != server.events[0].address());

        // Whoever asks again hears the end again.
        const auto again = co_await error_of(pair.at_client.next_event());
        CHECK(again == errc::participant_closed);
        CHECK_FALSE(pair.at_client.try_event());
        CHECK(pair.at_client.stats().events_dropped == 0);
    }());
    // Nothing is left that keeps the executor alive.
    context.restart();
    context.run_for(5s);
    CHECK(context.stopped());
}

TEST_CASE("events that nobody took are there after the end") {
    run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        co_await pair.client.shutdown();
        const auto error = co_await error_of(pair.at_server.opened());
        CHECK(error == errc::participant_disconnected);
        Story story;
        co_await follow(pair.at_server, story);
        REQUIRE(story.events.size() == 2);
        check_story(story, story.events[0].address(), errc::participant_disconnected);
    }());
}
