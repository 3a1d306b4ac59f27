#include "transport/tcp/driver.hpp"

#include "catch.hpp"
#include "transport/loopback.hpp"
#include "transport/scripted.hpp"

#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace braid;
using namespace braid::test;
using namespace braid::transport;
using asio::ip::tcp;
using protocol::Time;

namespace {

/// One end of a connection with what drives it. Time is told: a millisecond for each fill.
struct End {
    explicit End(tcp::socket socket) : driver{std::move(socket), link} {}

    asio::awaitable<void> write_all() {
        while (!link.failure() && (link.has_pending() || source.pending(now))) {
            now += std::chrono::milliseconds{1};
            link.fill(source, now);
            co_await driver.write();
        }
    }

    /// Until `frames` have come, or the link fails.
    asio::awaitable<void> read_frames(std::size_t frames) {
        while (!link.failure() && sink.frames < frames) {
            co_await driver.read();
            link.drain(sink, now);
        }
    }

    ScriptedSource source;  // outlives the link, which refers to what came from it
    ScriptedSink sink;
    TcpLink link;
    TcpDriver driver;
    Time now{};
};

struct Ends {
    explicit Ends(SocketPair&& pair)
        : left{std::make_shared<End>(std::move(pair.left))},
          right{std::make_shared<End>(std::move(pair.right))} {}

    std::shared_ptr<End> left;
    std::shared_ptr<End> right;
};

Ends connect(asio::io_context& context) {
    SocketPair pair{context};
    return Ends{std::move(pair)};
}

asio::awaitable<void> write_and_hold(std::shared_ptr<End> end) { co_await end->write_all(); }

asio::awaitable<void> read_and_hold(std::shared_ptr<End> end, std::size_t frames) {
    co_await end->read_frames(frames);
}

asio::awaitable<void> note(asio::awaitable<void> what, bool& done) {
    co_await std::move(what);
    done = true;
}

void poll_until(asio::io_context& context, const std::function<bool()>& reached) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    context.restart();
    while (!reached() && std::chrono::steady_clock::now() < limit) {
        context.run_one_for(std::chrono::milliseconds{10});
    }
    REQUIRE(reached());
}

}  // namespace

TEST_CASE("a TCP driver carries frames of all sizes in order, both ways at once") {
    asio::io_context context;
    auto ends = connect(context);
    std::size_t bytes = 0;
    for (unsigned i = 0; i < 3000; ++i) {
        const auto size = i % 10 == 0 ? 10'000 + i : i % 300;
        ends.left->source.push(payload(size, i));
        ends.right->source.push(payload(size / 2, i + 1));
        bytes += size;
    }
    asio::co_spawn(context, write_and_hold(ends.left), asio::detached);
    asio::co_spawn(context, write_and_hold(ends.right), asio::detached);
    asio::co_spawn(context, read_and_hold(ends.left, 3000), asio::detached);
    run(context, read_and_hold(ends.right, 3000));
    poll_until(context, [&] { return ends.left->sink.frames == 3000; });

    CHECK(ends.right->sink.received_bytes == bytes);
    for (unsigned i = 0; i < 3000; ++i) {
        REQUIRE(ends.right->sink.messages[i] == ends.left->source.taken[i].bytes);
        REQUIRE(ends.left->sink.messages[i] == ends.right->source.taken[i].bytes);
    }
    CHECK(ends.left->source.referenced() == 0);
    CHECK(ends.right->source.referenced() == 0);
}

TEST_CASE("close() ends a TCP driver's read()") {
    asio::io_context context;
    auto ends = connect(context);
    bool ended = false;
    asio::co_spawn(context, note(read_and_hold(ends.left, 1), ended), asio::detached);
    context.poll();
    CHECK_FALSE(ended);
    ends.left->driver.close();
    ends.left->driver.close();
    poll_until(context, [&] { return ended; });
    CHECK(ends.left->link.failure() == asio::error::operation_aborted);

    SECTION("and the next one too") { run(context, ends.left->driver.read()); }
    SECTION("and writes") { run(context, ends.left->driver.write()); }
}

TEST_CASE("close() ends a TCP driver's write() to a peer that does not read") {
    asio::io_context context;
    auto ends = connect(context);
    ends.left->source.push(payload(10, 1));
    std::size_t blocked_at = 0;
    for (unsigned i = 0; i < 20'000; ++i) ends.left->source.push(payload(9'000, i));
    bool ended = false;
    asio::co_spawn(context, note(write_and_hold(ends.left), ended), asio::detached);
    poll_until(context, [&] {
        const auto before = std::exchange(blocked_at, ends.left->source.taken.size());
        return before == blocked_at && before > 1;
    });
    CHECK_FALSE(ended);
    ends.left->driver.close();
    poll_until(context, [&] { return ended; });
    CHECK(ends.left->link.failure() == asio::error::operation_aborted);
    CHECK(ends.left->source.referenced() == 0);
}

TEST_CASE("an io_context may go while a TCP driver reads and writes") {
    auto context = std::make_unique<asio::io_context>();
    auto ends = std::make_unique<Ends>(connect(*context));
    for (unsigned i = 0; i < 5000; ++i) ends->left->source.push(payload(9'000, i));
    asio::co_spawn(*context, write_and_hold(ends->left), asio::detached);
    asio::co_spawn(*context, read_and_hold(ends->left, 1), asio::detached);
    context->run_for(std::chrono::milliseconds{50});
    SECTION("the coroutines are the last owners") {
        ends.reset();
        context.reset();
    }
    SECTION("someone else is, and goes first") {
        const auto left = ends->left;
        ends.reset();
        left->driver.close();
        context.reset();
    }
}

TEST_CASE("the end of the stream is a lost participant, after what came before") {
    asio::io_context context;
    auto ends = connect(context);
    ends.left->source.push(payload(100, 1));
    run(context, ends.left->write_all());
    SECTION("finished") { ends.left->driver.finish(); }
    SECTION("closed") { ends.left->driver.close(); }
    run(context, ends.right->read_frames(5));
    CHECK(ends.right->sink.frames == 1);
    CHECK(ends.right->link.failure() == errc::participant_lost);
}

TEST_CASE("the end of the stream within a frame is a lost participant") {
    asio::io_context context;
    SocketPair pair{context};
    End right{std::move(pair.right)};
    const Bytes half{std::byte{0x92}, std::byte{10}, std::byte{1}};
    const std::array segments{std::span<const std::byte>{half}};
    std::error_code error;
    socket_io::send(pair.left, segments, error);
    pair.left.close();
    run(context, right.read_frames(1));
    CHECK(right.sink.frames == 0);
    CHECK(right.link.failure() == errc::participant_lost);
}

TEST_CASE("finish() leaves the other direction open") {
    asio::io_context context;
    auto ends = connect(context);
    ends.left->driver.finish();
    ends.right->source.push(payload(100, 1));
    run(context, ends.right->write_all());
    run(context, ends.left->read_frames(1));
    CHECK(ends.left->sink.frames == 1);
}

TEST_CASE("a broken write does not swallow the peer's last words") {
    asio::io_context context;
    auto ends = connect(context);
    // The left end has bytes to read when it closes, so that it resets the connection.
    ends.right->source.push(payload(100, 1));
    run(context, ends.right->write_all());
    ends.left->source.push(payload(100, 2));
    run(context, ends.left->write_all());
    ends.left->driver.close();

    for (unsigned i = 0; i < 5000; ++i) ends.right->source.push(payload(9'000, i));
    bool written = false;
    asio::co_spawn(context, note(write_and_hold(ends.right), written), asio::detached);
    context.poll();  // the writer meets the reset before anyone reads
    asio::co_spawn(context, read_and_hold(ends.right, 5), asio::detached);
    poll_until(context, [&] { return written; });
    CHECK(ends.right->link.failure());
    CHECK(ends.right->source.referenced() == 0);
    CHECK(ends.right->sink.frames == 1);
}

TEST_CASE("a broken write ends even if nobody reads") {
    asio::io_context context;
    SocketPair pair{context};
    pair.left.set_option(tcp::socket::linger{true, 0});
    pair.left.close();
    End right{std::move(pair.right)};
    for (unsigned i = 0; i < 500; ++i) right.source.push(payload(9'000, i));
    run(context, right.write_all());
    CHECK(right.link.failure());
}

TEST_CASE("a busy TCP connection does not starve another") {
    asio::io_context context;
    auto busy = connect(context);
    auto calm = connect(context);
    busy.right->sink.keep = false;
    for (unsigned i = 0; i < 10'000; ++i) busy.left->source.push(payload(9'000, i));
    asio::co_spawn(context, write_and_hold(busy.left), asio::detached);
    asio::co_spawn(context, read_and_hold(busy.right, 10'000), asio::detached);
    std::size_t busy_frames = 0;
    const auto ping_pong = [&]() -> asio::awaitable<void> {
        for (unsigned i = 1; i <= 20; ++i) {
            calm.left->source.push(payload(10, i));
            co_await calm.left->write_all();
            co_await calm.right->read_frames(i);
            calm.right->source.push(payload(10, i));
            co_await calm.right->write_all();
            co_await calm.left->read_frames(i);
        }
        busy_frames = busy.right->sink.frames;
    };
    run(context, ping_pong());
    CHECK(busy_frames < 10'000);
    poll_until(context, [&] { return busy.right->sink.frames == 10'000; });
}

TEST_CASE("a TCP driver measures its path where the system can tell") {
    asio::io_context context;
    auto ends = connect(context);
    ends.right->sink.keep = false;
    for (unsigned i = 0; i < 10'000; ++i) ends.left->source.push(payload(9'000, i));
    asio::co_spawn(context, write_and_hold(ends.left), asio::detached);
    run(context, read_and_hold(ends.right, 10'000));
#if defined(__linux__) && !defined(BRAID_PORTABLE_IO)
    CHECK(ends.left->link.path().round_trip_time.count() > 0);
#endif
}

TEST_CASE("TCP drivers on strands of a shared io_context with two threads") {
    asio::io_context context{2};
    std::vector<Ends> pairs;
    std::atomic<int> left{8};
    for (int i = 0; i < 4; ++i) {
        auto ends = connect(context);
        for (unsigned n = 0; n < 500; ++n) {
            ends.left->source.push(payload(n * 13 % 12'000, n));
            ends.right->source.push(payload(n * 7 % 12'000, n));
        }
        const auto finish = [&](std::exception_ptr) {
            if (--left == 0) context.stop();
        };
        for (const auto& end : {ends.left, ends.right}) {
            const auto strand = asio::make_strand(context);
            asio::co_spawn(strand, write_and_hold(end), asio::detached);
            asio::co_spawn(strand, read_and_hold(end, 500), finish);
        }
        pairs.push_back(std::move(ends));
    }
    std::thread other{[&] { context.run_for(std::chrono::seconds{20}); }};
    context.run_for(std::chrono::seconds{20});
    other.join();
    CHECK(left == 0);
    for (const auto& ends : pairs) {
        CHECK(ends.left->sink.frames == 500);
        CHECK(ends.right->sink.frames == 500);
    }
}
