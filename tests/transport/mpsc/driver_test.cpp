#include "transport/mpsc/driver.hpp"

#include "catch.hpp"
#include "transport/loopback.hpp"
#include "transport/scripted.hpp"

#include <asio/detached.hpp>
#include <asio/strand.hpp>

#include <functional>
#include <memory>
#include <thread>
#include <utility>

using namespace braid;
using namespace braid::test;
using namespace braid::transport;
using protocol::Time;
using Side = Passage::Side;

namespace {

/// One end of a passage with what drives it.
struct End {
    End(std::shared_ptr<Passage> passage, Side side, const asio::any_io_executor& executor)
        : strand{executor}, driver{PassageEnd{std::move(passage), side}, strand, link} {}

    asio::awaitable<void> write_all() {
        while (!link.failure() && (link.has_output() || source.pending(Time{}))) {
            link.fill(source, Time{});
            if (!driver.try_write()) co_await driver.write();
        }
    }

    /// Until `frames` have come, or the link fails.
    asio::awaitable<void> read_frames(std::size_t frames) {
        while (!link.failure() && sink.frames < frames) {
            co_await driver.read();
            link.drain(sink, Time{});
        }
    }

    asio::any_io_executor strand;
    ScriptedSource source;
    ScriptedSink sink;
    MpscLink link;
    MpscDriver driver;
};

struct Ends {
    Ends(asio::io_context& one, asio::io_context& other)
        : passage{std::make_shared<Passage>()},
          left{std::make_shared<End>(passage, Side::dialling, asio::make_strand(one))},
          right{std::make_shared<End>(passage, Side::accepting, asio::make_strand(other))} {}

    std::shared_ptr<Passage> passage;
    std::shared_ptr<End> left;
    std::shared_ptr<End> right;
};

asio::awaitable<void> write_and_hold(std::shared_ptr<End> end) { co_await end->write_all(); }

asio::awaitable<void> read_and_hold(std::shared_ptr<End> end, std::size_t frames) {
    co_await end->read_frames(frames);
}

asio::awaitable<void> note(asio::awaitable<void> what, bool& done) {
    co_await std::move(what);
    done = true;
}

std::size_t fill_with_all_sizes(ScriptedSource& source, unsigned count) {
    std::size_t bytes = 0;
    for (unsigned i = 0; i < count; ++i) {
        const auto size = i % 10 == 0 ? 500 + i % 3000 : i % 300;
        source.push(payload(size, i));
        bytes += size;
    }
    return bytes;
}

}  // namespace

TEST_CASE("a driver within the process carries frames of all sizes, both ways at once") {
    asio::io_context context;
    Ends ends{context, context};
    const auto bytes = fill_with_all_sizes(ends.left->source, 3000);
    fill_with_all_sizes(ends.right->source, 3000);
    for (const auto& end : {ends.left, ends.right}) {
        asio::co_spawn(end->strand, write_and_hold(end), asio::detached);
        asio::co_spawn(end->strand, read_and_hold(end, 3000), asio::detached);
    }
    context.run_for(std::chrono::seconds{20});
    REQUIRE(ends.right->sink.frames == 3000);
    REQUIRE(ends.left->sink.frames == 3000);
    CHECK(ends.right->sink.received_bytes == bytes);
    for (unsigned i = 0; i < 3000; ++i) {
        REQUIRE(ends.right->sink.messages[i] == ends.left->source.taken[i].bytes);
        REQUIRE(ends.left->sink.messages[i] == ends.right->source.taken[i].bytes);
    }
}

TEST_CASE("a driver carries frames between threads") {
    asio::io_context one;
    asio::io_context other;
    Ends ends{one, other};
    const auto bytes = fill_with_all_sizes(ends.left->source, 20'000);
    ends.right->sink.keep = false;
    asio::co_spawn(ends.left->strand, write_and_hold(ends.left), asio::detached);
    asio::co_spawn(ends.right->strand, read_and_hold(ends.right, 20'000), asio::detached);
    std::thread thread{[&] { other.run_for(std::chrono::seconds{20}); }};
    one.run_for(std::chrono::seconds{20});
    thread.join();
    CHECK(ends.right->sink.frames == 20'000);
    CHECK(ends.right->sink.received_bytes == bytes);
}

TEST_CASE("a driver waits while the lane is full, and goes on when it was read") {
    asio::io_context context;
    Ends ends{context, context};
    fill_with_all_sizes(ends.left->source, 5000);
    bool written = false;
    asio::co_spawn(ends.left->strand, note(write_and_hold(ends.left), written), asio::detached);
    context.run_for(std::chrono::milliseconds{50});
    CHECK_FALSE(written);
    CHECK_FALSE(ends.left->source.queue.empty());
    asio::co_spawn(ends.right->strand, read_and_hold(ends.right, 5000), asio::detached);
    context.restart();
    context.run_for(std::chrono::seconds{20});
    CHECK(written);
    CHECK(ends.right->sink.frames == 5000);
}

TEST_CASE("close() ends a driver's read() and write(), and the peer sees what was sent first") {
    asio::io_context context;
    Ends ends{context, context};
    fill_with_all_sizes(ends.left->source, 5000);
    bool read = false;
    bool written = false;
    asio::co_spawn(ends.left->strand, note(read_and_hold(ends.left, 1), read), asio::detached);
    asio::co_spawn(ends.left->strand, note(write_and_hold(ends.left), written), asio::detached);
    context.poll();
    CHECK_FALSE(read);
    CHECK_FALSE(written);
    ends.left->driver.close();
    context.restart();
    context.poll();
    CHECK(read);
    CHECK(written);
    CHECK(ends.left->link.failure() == asio::error::operation_aborted);
    run(context, read_and_hold(ends.right, 5000));
    CHECK(ends.right->sink.frames > 0);
    CHECK(ends.right->sink.frames < 5000);
    CHECK(ends.right->link.failure() == errc::participant_lost);
}

TEST_CASE("finish() ends one direction only") {
    asio::io_context context;
    Ends ends{context, context};
    ends.left->driver.finish();
    run(context, read_and_hold(ends.right, 1));
    CHECK(ends.right->link.failure() == errc::participant_lost);
    CHECK_FALSE(ends.left->link.failure());
}

TEST_CASE("who writes to a peer that is gone goes on until the reader has seen the end") {
    asio::io_context context;
    Ends ends{context, context};
    fill_with_all_sizes(ends.right->source, 10);
    asio::co_spawn(ends.right->strand, write_and_hold(ends.right), asio::detached);
    context.poll();
    ends.right.reset();
    fill_with_all_sizes(ends.left->source, 5000);
    run(context, write_and_hold(ends.left));
    CHECK_FALSE(ends.left->link.failure());
    run(context, read_and_hold(ends.left, 11));
    CHECK(ends.left->sink.frames == 10);
    CHECK(ends.left->link.failure() == errc::participant_lost);
}

TEST_CASE("what waits in a driver dies with its context, and the peer hears of it") {
    asio::io_context context;
    auto dying = std::make_unique<asio::io_context>();
    Ends ends{context, *dying};
    const std::weak_ptr<End> watched = ends.right;
    asio::co_spawn(ends.right->strand, read_and_hold(ends.right, 1), asio::detached);
    dying->poll();
    ends.right.reset();
    CHECK_FALSE(watched.expired());
    dying.reset();
    CHECK(watched.expired());
    run(context, read_and_hold(ends.left, 1));
    CHECK(ends.left->link.failure() == errc::participant_lost);
}
