#include "api/trial.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

using namespace trial;
using braid::Cork;
using braid::errc;
using braid::RecvStatus;

namespace {

/// A client whose context only runs when it is told, and a server that runs on a thread of its own.
class Bench {
public:
    explicit Bench(std::size_t count, braid::Limits limits = {}) : limits_{limits} {
        serving_ = std::thread{[this] { server_context_.run(); }};
        asio::co_spawn(server_context_, serve(count), asio::detached);
        const auto address = address_.get_future().get();
        run(context, connect(address, count));
        context.restart();
    }
    ~Bench() {
        server_work_.reset();
        received.clear();
        asio::post(server_context_, [this] { server_context_.stop(); });
        serving_.join();
    }

    /// Runs all that is ready at the client.
    /// @returns how much that was
    std::size_t poll() {
        std::size_t handlers = 0;
        while (const auto ran = context.poll()) handlers += ran;
        return handlers;
    }

    /// Runs the client until nothing has happened there for a while.
    void settle() {
        for (int quiet = 0; quiet < 20;) {
            quiet = context.run_one_for(1ms) == 0 ? quiet + 1 : 0;
        }
    }

    /// Runs the client until the server has `wanted` messages on `stream`.
    int receive(std::size_t stream, int wanted) {
        int count = 0;
        int value = 0;
        for (int turn = 0; turn < 20'000 && count < wanted; ++turn) {
            context.run_one_for(1ms);
            while (received[stream].try_recv(value) == RecvStatus::ok) {
                CHECK(value == count);
                ++count;
            }
        }
        return count;
    }

    asio::io_context context;
    std::vector<braid::Participant> participants;
    std::vector<braid::Stream> streams;   ///< one to each server
    std::vector<braid::Stream> received;  ///< their other ends

private:
    awaitable<void> serve(std::size_t count) {
        const auto executor = co_await asio::this_coro::executor;
        auto& server = server_.emplace(executor, with(limits_));
        auto listener = co_await server.listen("tcp://127.0.0.1:0");
        address_.set_value(to_string(listener.address()));
        std::vector<braid::Stream> opened;
        for (std::size_t i = 0; i < count; ++i) {
            at_server_.push_back(co_await server.connected());
            opened.push_back(co_await at_server_.back().opened());
        }
        opened_.set_value(std::move(opened));
    }

    awaitable<void> connect(std::string address, std::size_t count) {
        const auto executor = co_await asio::this_coro::executor;
        for (std::size_t i = 0; i < count; ++i) {
            clients_.emplace_back(executor, with(limits_));
            participants.push_back(co_await clients_.back().connect(address));
            streams.push_back(co_await participants.back().open(4));
        }
        auto opened = opened_.get_future();
        co_await until([&] { return opened.wait_for(0s) == std::future_status::ready; });
        received = opened.get();
    }

    braid::Limits limits_;
    asio::io_context server_context_;
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> server_work_{
        asio::make_work_guard(server_context_)};
    std::optional<braid::Network> server_;
    std::vector<braid::Participant> at_server_;
    std::vector<braid::Network> clients_;
    std::promise<std::string> address_;
    std::promise<std::vector<braid::Stream>> opened_;
    std::thread serving_;
};

}  // namespace

TEST_CASE("a cork makes one flush of a hundred sends") {
    Bench bench{1};
    bench.settle();
    auto& stream = bench.streams[0];
    std::size_t handlers = 0;
    for (int i = 0; i < 10; ++i) {
        stream.send(i);
        handlers += bench.poll();
    }
    CHECK(handlers >= 10);  // the machine's part: each was flushed as soon as it could be
    CHECK(bench.receive(0, 10) == 10);
    bench.settle();
    {
        const Cork cork;
        for (int i = 0; i < 100; ++i) {
            stream.send(i);
            REQUIRE(bench.poll() == 0);
        }
    }
    CHECK(bench.context.poll_one() == 1);
    CHECK(bench.receive(0, 100) == 100);
}

TEST_CASE("corks nest and the outermost counts") {
    Bench bench{2};
    bench.settle();
    {
        const Cork outer;
        {
            const Cork inner;
            bench.streams[0].send(0);
        }
        bench.streams[1].send(0);
        bench.streams[0].send(1);
        CHECK(bench.poll() == 0);
    }
    CHECK(bench.receive(0, 2) == 2);
    CHECK(bench.receive(1, 1) == 1);
    bench.settle();
    bench.streams[0].send(0);
    CHECK(bench.poll() > 0);
}

TEST_CASE("a cork holds back the farewell of a participant that goes under it and no more") {
    Bench bench{2};
    bench.settle();
    {
        const Cork cork;
        bench.streams[0].send(0);
        bench.streams[1].send(0);
        bench.streams.erase(bench.streams.begin());
        bench.participants.erase(bench.participants.begin());
    }
    CHECK(bench.receive(0, 1) == 1);
    CHECK(bench.receive(1, 1) == 1);
}

TEST_CASE("a cork may outlive the network") {
    std::optional<Cork> cork;
    {
        Bench bench{1};
        cork.emplace();
        bench.streams[0].send(0);
    }
    cork.reset();
}

TEST_CASE("a cork leaves limits as they are") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = 1'000;
    Bench bench{1, limits};
    const Cork cork;
    std::error_code error;
    for (int i = 0; i < 1'000 && !error; ++i) error = bench.streams[0].try_send(i);
    CHECK(error == errc::send_queue_full);
}

TEST_CASE("a thread without a cork waits for another's at most until it ends") {
    Bench bench{1};
    bench.settle();
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work{
        asio::make_work_guard(bench.context)};
    std::thread runner{[&] { bench.context.run(); }};
    constexpr int each = 2'000;
    const auto send = [&](bool corked) {
        for (int i = 0; i < each;) {
            std::optional<Cork> cork;
            if (corked) cork.emplace();
            for (int n = 0; n < 50 && i < each; ++n, ++i) bench.streams[0].send(i);
        }
    };
    std::thread corked{send, true};
    std::thread plain{send, false};
    corked.join();
    plain.join();
    int count = 0;
    int value = 0;
    for (int turn = 0; turn < 20'000 && count < 2 * each; ++turn) {
        while (bench.received[0].try_recv(value) == RecvStatus::ok) ++count;
        if (count < 2 * each) std::this_thread::sleep_for(1ms);
    }
    CHECK(count == 2 * each);
    work.reset();
    bench.context.stop();
    runner.join();
}
