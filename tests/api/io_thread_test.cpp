#include "api/trial.hpp"

#include <braid/braid.hpp>
#include <braid/io_thread.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

using namespace trial;
using braid::errc;
using braid::IoThread;
using braid::Network;

namespace {

awaitable<std::unique_ptr<std::string>> say(std::string text) {
    co_await asio::post(asio::use_awaitable);
    co_return std::make_unique<std::string>(std::move(text));
}

/// Has nothing to read: ThreadSanitizer does not see how the standard library counts the owners of
/// an exception, and takes its end in one thread for a race with a look at it in another.
struct OutOfLuck {};

awaitable<void> fail() {
    co_await asio::post(asio::use_awaitable);
    throw OutOfLuck{};
}

awaitable<void> never_done(std::shared_ptr<int> held) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    timer.expires_after(1h);
    co_await timer.async_wait(asio::use_awaitable);
    *held = 1;
}

}  // namespace

TEST_CASE("a thread without an executor gets what a coroutine returns or throws") {
    IoThread io;
    CHECK(*io.wait(say("a message that is too long for its object")) ==
          "a message that is too long for its object");
    std::thread::id there;
    const auto where = [&]() -> awaitable<void> {
        there = std::this_thread::get_id();
        co_return;
    };
    io.wait(where());
    CHECK(there != std::thread::id{});
    CHECK(there != std::this_thread::get_id());
    CHECK_THROWS_AS(io.wait(fail()), OutOfLuck);
}

TEST_CASE("a loop that polls learns when a coroutine is done") {
    IoThread io{2};
    auto text = io.start(say("done"));
    auto failure = io.start(fail());
    while (text.wait_for(0s) != std::future_status::ready) std::this_thread::yield();
    CHECK(*text.get() == "done");
    CHECK_THROWS_AS(failure.get(), OutOfLuck);
}

TEST_CASE("to wait on an IoThread's own thread is an error and no deadlock") {
    IoThread io;
    std::string text;
    std::error_code error;
    const auto wait_there = [&]() -> awaitable<void> {
        try {
            io.wait(say("never"));
        } catch (const std::system_error& thrown) {
            error = thrown.code();
            text = thrown.what();
        }
        co_return;
    };
    io.wait(wait_there());
    CHECK(error == std::errc::resource_deadlock_would_occur);
    CHECK(text.find("co_await") != std::string::npos);
    CHECK(thrown_by([] { IoThread{0}; }) == errc::options_invalid);
}

TEST_CASE("what still runs when an IoThread is destroyed is dropped") {
    auto held = std::make_shared<int>(0);
    std::future<void> unfinished;
    {
        IoThread io{3};
        unfinished = io.start(never_done(held));
        braid::spawn(io.executor(), never_done(held));
        io.wait(say(""));
    }
    CHECK(held.use_count() == 1);
    CHECK(*held == 0);
    try {
        unfinished.get();
        FAIL("it has no result");
    } catch (const std::future_error& error) {
        CHECK(error.code() == std::future_errc::broken_promise);
    }
}

TEST_CASE("a program of loops and threads talks through an IoThread") {
    IoThread io{2};
    Network server{io.executor(), with({})};
    Network client{io.executor(), with({})};
    auto listener = io.wait(server.listen("tcp://127.0.0.1:0"));
    auto at_client = io.wait(client.connect(to_string(listener.address())));
    auto at_server = io.wait(server.next_connected());
    REQUIRE(at_server);
    auto sender = io.wait(at_client.open());
    auto receiver = io.wait(at_server->opened());
    for (int i = 0; i < 100; ++i) sender.send(i);
    for (int i = 0; i < 100;) {
        int value = 0;
        if (receiver.try_recv(value) != braid::RecvStatus::ok) {
            std::this_thread::yield();
            continue;
        }
        CHECK(value == i++);
    }
    sender.send(100);
    CHECK(io.wait(receiver.recv<int>()) == 100);
    const auto result = io.wait(at_client.disconnect());
    CHECK(result.all_delivered());
}

TEST_CASE("networks, participants and streams outlive their IoThread") {
    std::optional<Network> server;
    std::optional<Network> client;
    std::optional<braid::Participant> participant;
    std::optional<braid::Stream> stream;
    {
        IoThread io{2};
        server.emplace(io.executor(), with({}));
        client.emplace(io.executor(), with({}));
        auto listener = io.wait(server->listen("tcp://127.0.0.1:0"));
        participant.emplace(io.wait(client->connect(to_string(listener.address()))));
        stream.emplace(io.wait(participant->open()));
        stream->send(1);
    }
    CHECK(stream->try_send(2) == errc::network_closed);
    IoThread other;
    CHECK(thrown_by([&] { other.wait(participant->open()); }) == errc::network_closed);
    CHECK(thrown_by([&] { other.wait(server->connected()); }) == errc::network_closed);
    CHECK_FALSE(other.wait(server->next_connected()));
    CHECK(other.wait(client->try_connect("tcp://127.0.0.1:1")).error() == errc::network_closed);
}

TEST_CASE("many threads wait on one IoThread") {
    IoThread io{2};
    std::atomic<int> sum{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int k = 0; k < 200; ++k) sum += static_cast<int>(io.wait(say("four"))->size());
        });
    }
    for (auto& each : threads) each.join();
    CHECK(sum == 4 * 200 * 4);
}
