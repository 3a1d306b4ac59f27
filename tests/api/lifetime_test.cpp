#include "api/trial.hpp"

// What the end of a handle means. That handles and contexts may go in any order is expected of
// every transport in tests/conformance/lifetimes_test.cpp.

using namespace trial;
using braid::errc;

TEST_CASE("destroying a stream finishes it after what was queued") {
    trial::run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        {
            auto stream = co_await pair.at_client.open();
            for (int i = 0; i < 1000; ++i) stream.send(i);
        }
        auto opened = co_await pair.at_server.opened();
        int count = 0;
        while (co_await opened.next<int>()) ++count;
        CHECK(count == 1000);
    }());
}

TEST_CASE("destroying a participant delivers what was queued") {
    trial::run([]() -> awaitable<void> {
        auto pair = co_await make_pair();
        auto stream = co_await pair.at_client.open();
        for (int i = 0; i < 1000; ++i) stream.send(i);
        { const braid::Participant gone{std::move(pair.at_client)}; }
        CHECK(stream.try_send(1) == braid::errc::participant_closed);
        auto opened = co_await pair.at_server.opened();
        int count = 0;
        while (co_await opened.next<int>()) ++count;
        CHECK(count == 1000);
        const auto error = co_await error_of(pair.at_server.opened());
        CHECK(error == errc::participant_disconnected);
    }());
}

TEST_CASE("a context that has nothing to do any more stops") {
    asio::io_context context;
    bool done = false;
    asio::co_spawn(
        context,
        [&]() -> awaitable<void> {
            auto pair = co_await make_pair();
            auto lane = co_await make_lane(pair);
            lane.client.send(1);
            co_await lane.server.recv<int>();
            done = true;
        },
        asio::detached);
    context.run_for(30s);
    CHECK(done);
    CHECK(context.stopped());
}
