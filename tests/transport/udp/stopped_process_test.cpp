// A process that the system stops and lets go on again, as a laptop that sleeps or a machine that
// swaps: for real, with a child process that holds a Network.

#include "catch.hpp"
#include "transport/udp/rendezvous.hpp"

#include <braid/braid.hpp>

#if defined(__unix__)

#include <asio/steady_timer.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <string>

using namespace braid;
using namespace braid::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto idle = 2s;
constexpr auto stopped = 3s;
constexpr std::uint64_t bytes_per_second = 500'000;

/// Sends as fast as it may to whoever connects first, until it is killed.
asio::awaitable<void> serve(int tell) {
    Limits limits;
    limits.idle = idle;
    auto options = NetworkOptions{}.limits(limits).log_level(LogLevel::off);
    options.congestion(CongestionAlgorithm::fixed, bytes_per_second);
    Network network{co_await asio::this_coro::executor, options};
    auto listener = co_await network.listen("udp://127.0.0.1:0");
    const auto port = listener.address().port();
    if (::write(tell, &port, sizeof port) != sizeof port) co_return;
    auto participant = co_await network.connected();
    auto stream = co_await participant.open();
    const Message message{Bytes(1'000)};
    for (;;) {
        stream.send(message);
        co_await stream.writable(64 << 10);
    }
}

/// Another process, killed at the end.
class Child {
public:
    Child() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe(ends.data()) == 0);
        id_ = ::fork();
        if (id_ == 0) live(ends[1]);
        ::close(ends[1]);
        REQUIRE(id_ > 0);
        const auto size = ::read(ends[0], &port_, sizeof port_);
        ::close(ends[0]);
        REQUIRE(size == sizeof port_);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (id_ <= 0) return;
        ::kill(id_, SIGKILL);
        ::waitpid(id_, nullptr, 0);
    }

    std::uint16_t port() const noexcept { return port_; }

    /// Returns when it stands still.
    void stop() const {
        REQUIRE(::kill(id_, SIGSTOP) == 0);
        int status = 0;
        REQUIRE(::waitpid(id_, &status, WUNTRACED) == id_);
        REQUIRE(WIFSTOPPED(status));
    }
    void go_on() const { REQUIRE(::kill(id_, SIGCONT) == 0); }

private:
    [[noreturn]] static void live(int tell) {
        try {
            asio::io_context context;
            spawn(context, serve(tell));
            context.run();
        } catch (...) {
        }
        ::_exit(1);
    }

    pid_t id_ = -1;
    std::uint16_t port_ = 0;
};

/// Says only that it is there.
class Pings final : public protocol::FrameSource {
public:
    protocol::FrameToken fill(protocol::FrameWriter& unit, protocol::Time) override {
        if (due && unit.ping()) due = false;
        return 0;
    }
    bool pending(protocol::Time) override { return due; }

    bool due = true;
};

/// Takes everything, and counts it.
class Scales final : public protocol::FrameSink {
public:
    Receipt receive(std::span<const std::byte> bytes, protocol::Framing, protocol::Time) override {
        total += bytes.size();
        Receipt receipt;
        receipt.consumed = bytes.size();
        return receipt;
    }
    Receipt receive(std::span<const std::byte> bytes, std::span<Message>,
                    protocol::Time now) override {
        return receive(bytes, protocol::Framing::unit, now);
    }
    void acked(protocol::FrameToken, protocol::Time) override {}
    void lost(protocol::FrameToken, protocol::Time) override {}

    std::uint64_t total = 0;
};

/// The link alone, without a participant that would lose its patience.
class Observer {
public:
    Observer(asio::io_context& context, std::uint16_t port) : context_{context} {
        const auto dialled = dial(context, transports_, ConnectAddr::udp("127.0.0.1", port));
        const auto meet = [&]() -> asio::awaitable<void> {
            auto ours = hello(1);
            ours.application_name.clear();
            ours.stream_credit = ours.participant_credit = std::uint64_t{1} << 40;
            ours.streams = 4;
            ours.message_bytes_max = 1 << 20;
            co_await dialled->send_hello(std::move(ours));
            co_await dialled->receive_hello();
        };
        run(context, meet());
        connection_ = dialled->established();
    }

    /// Listens for so long, and pings meanwhile. `watch` is called with what has come in all.
    template <typename Watch>
    void listen(std::chrono::milliseconds time, Watch watch) {
        const auto end = Clock::now() + time;
        do {
            context_.restart();
            context_.run_for(5ms);
            const auto now = clock_.now();
            auto& link = *connection_.link;
            connection_.driver->catch_up();
            link.drain(scales_, now);
            if (link.deadline() <= now) link.advance(now);
            link.drain(scales_, now);
            if (Clock::now() >= ping_at_) {
                pings_.due = true;
                ping_at_ = Clock::now() + 100ms;
            }
            link.fill(pings_, now);
            connection_.driver->try_write();
            REQUIRE_FALSE(link.failure());
            watch(scales_.total);
        } while (Clock::now() < end);
    }
    void listen(std::chrono::milliseconds time) {
        listen(time, [](std::uint64_t) {});
    }

    std::uint64_t heard() const noexcept { return scales_.total; }

private:
    asio::io_context& context_;
    transport::SystemTransports transports_ = system_transports();
    runtime::SystemClock clock_;
    Pings pings_;
    Scales scales_;
    transport::Connection connection_;
    Clock::time_point ping_at_ = Clock::now();
};

}  // namespace

TEST_CASE("hostile 60: a process that SIGSTOP held up sends no burst and hears its socket first") {
    const Child child;
    asio::io_context context;
    Observer observer{context, child.port()};
    observer.listen(500ms);
    CHECK(observer.heard() > 0);
    child.stop();
    // What it reads first when it goes on is nobody's, and more than it reads in one turn: its
    // deadlines come before it has seen that somebody was there.
    RawPeer stranger{context};
    constexpr int datagrams = 100;
    const asio::ip::udp::endpoint to{asio::ip::address_v4::loopback(), child.port()};
    for (int i = 0; i < datagrams; ++i) stranger.socket.send_to(asio::buffer("x", 1), to);
    // What was under way comes; then nothing does.
    observer.listen(200ms);
    const auto before = observer.heard();
    observer.listen(stopped);
    CHECK(observer.heard() == before);

    // Each look allows for what the rate makes of the time until then, by this process's clock, and
    // for an eighth of a second more: what it did not send is three seconds of the rate.
    const auto begun = Clock::now();
    child.go_on();
    bool burst = false;
    observer.listen(idle + 1s, [&](std::uint64_t heard) {
        const auto passed = std::chrono::duration<double>(Clock::now() - begun).count();
        const auto allowed = 1.25 * bytes_per_second * passed + bytes_per_second / 8.0;
        burst = burst || static_cast<double>(heard - before) > allowed;
    });
    CHECK_FALSE(burst);
    // It is still there, though its idle time had passed when it went on, and passed again.
    const auto after = observer.heard();
    CHECK(after > before);
    for (int i = 0; i < 100 && observer.heard() == after; ++i) observer.listen(100ms);
    CHECK(observer.heard() > after);
}

#endif
