#include "peers/control_memory.hpp"

#include "peers/frame.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
#ifdef BRAID_BENCH_ZEROMQ
#include <zmq.h>
#endif

namespace bench {

namespace {

using Channel = asio::experimental::concurrent_channel<void(std::error_code, std::string)>;

constexpr std::size_t channel_messages = 1024;

/// What the two threads share. It is made when one of them asks for it first, in the process that
/// they run in.
template <typename T>
class Shared {
public:
    T& operator*() {
        std::call_once(made_, [this] { object_ = std::make_unique<T>(); });
        return *object_;
    }
    T* operator->() { return &**this; }

private:
    std::once_flag made_;
    std::unique_ptr<T> object_;
};

struct Meeting {
    asio::io_context first{1};
    asio::io_context second{1};
    Channel to_first{first, channel_messages};
    Channel to_second{second, channel_messages};
};

std::span<std::byte> bytes_of(std::string& text) { return std::as_writable_bytes(std::span(text)); }

std::uint64_t sequence_of(const std::string& text) {
    return bench::sequence_of(std::as_bytes(std::span(text)));
}

asio::awaitable<void> receive(OneWayReceiver& receiver, Channel& channel) {
    for (;;) {
        const std::string message = co_await channel.async_receive(asio::use_awaitable);
        if (!receiver.accept(sequence_of(message))) break;
    }
}

asio::awaitable<void> send(OneWaySender& sender, Channel& channel) {
    for (std::uint64_t sequence = 0; sequence != end_sequence;) {
        sequence = sender.next();
        std::string message(sender.message_bytes(), 'Z');
        stamp(bytes_of(message), sequence);
        if (channel.try_send(std::error_code(), message)) continue;
        co_await channel.async_send(std::error_code(), std::move(message), asio::use_awaitable);
    }
}

asio::awaitable<void> ask(PingPongAsker& asker, Meeting& meeting) {
    std::string message(asker.message_bytes(), 'Z');
    while (asker.next()) {
        stamp(bytes_of(message), asker.sequence());
        co_await meeting.to_first.async_send(std::error_code(), message, asio::use_awaitable);
        const auto answer = co_await meeting.to_second.async_receive(asio::use_awaitable);
        asker.received(sequence_of(answer));
    }
    meeting.to_first.close();
}

asio::awaitable<void> answer(Meeting& meeting) {
    try {
        for (;;) {
            auto message = co_await meeting.to_first.async_receive(asio::use_awaitable);
            co_await meeting.to_second.async_send(std::error_code(), std::move(message),
                                                  asio::use_awaitable);
        }
    } catch (const std::system_error&) {
        // The asker has closed the channel.
    }
}

std::unique_ptr<asio::steady_timer> start_timer(asio::io_context& context) {
    auto timer = std::make_unique<asio::steady_timer>(context, std::chrono::hours{1});
    timer->async_wait([](std::error_code) {});
    return timer;
}

/// Posts its message to the answerer's context, which posts it back.
class Posting {
public:
    Posting(PingPongAsker& asker, Meeting& meeting)
        : asker_(asker), meeting_(meeting), message_(asker.message_bytes(), 'Z') {}

    void ask() {
        if (!asker_.next()) {
            meeting_.first.stop();
            meeting_.second.stop();
            return;
        }
        stamp(bytes_of(message_), asker_.sequence());
        asio::post(meeting_.first, [this, message = message_]() mutable {
            asio::post(meeting_.second, [this, message = std::move(message)] {
                asker_.received(sequence_of(message));
                ask();
            });
        });
    }

private:
    PingPongAsker& asker_;
    Meeting& meeting_;
    std::string message_;
};

}  // namespace

OneWayPeer channel_one_way() {
    const auto meeting = std::make_shared<Shared<Meeting>>();
    return {"channel",
            [meeting](OneWayReceiver& receiver) {
                receiver.listening(1);
                receiver.connected();
                asio::co_spawn((*meeting)->first, receive(receiver, (*meeting)->to_first),
                               asio::detached);
                (*meeting)->first.run();
            },
            [meeting](OneWaySender& sender) {
                sender.port();
                sender.connected();
                asio::co_spawn((*meeting)->second, send(sender, (*meeting)->to_first),
                               asio::detached);
                (*meeting)->second.run();
                sender.wait_until_received();
            }};
}

PingPongPeer channel_ping_pong() {
    const auto meeting = std::make_shared<Shared<Meeting>>();
    return {"channel",
            [meeting](PingPongAnswerer& answerer) {
                answerer.listening(1);
                answerer.connected();
                asio::co_spawn((*meeting)->first, answer(**meeting), asio::detached);
                (*meeting)->first.run();
                answerer.closed();
            },
            [meeting](PingPongAsker& asker) {
                asker.port();
                asker.connected();
                asio::co_spawn((*meeting)->second, ask(asker, **meeting), asio::detached);
                (*meeting)->second.run();
                asker.closed();
            }};
}

namespace {

PingPongPeer post_ping_pong(std::string name, bool timers) {
    const auto meeting = std::make_shared<Shared<Meeting>>();
    return {std::move(name),
            [meeting, timers](PingPongAnswerer& answerer) {
                const auto busy = asio::make_work_guard((*meeting)->first);
                const auto timer = timers ? start_timer((*meeting)->first) : nullptr;
                answerer.listening(1);
                answerer.connected();
                (*meeting)->first.run();
                answerer.closed();
            },
            [meeting, timers](PingPongAsker& asker) {
                const auto busy = asio::make_work_guard((*meeting)->second);
                const auto timer = timers ? start_timer((*meeting)->second) : nullptr;
                asker.port();
                asker.connected();
                Posting posting(asker, **meeting);
                asio::post((*meeting)->second, [&] { posting.ask(); });
                (*meeting)->second.run();
                asker.closed();
            }};
}

}  // namespace

PingPongPeer post_ping_pong() { return post_ping_pong("asio-post", false); }
PingPongPeer post_with_timer_ping_pong() { return post_ping_pong("asio-post-timer", true); }

#ifdef BRAID_BENCH_ZEROMQ

namespace {

constexpr int high_water_mark = 1'000;
constexpr const char* endpoint = "inproc://bench";

void check(int result, const char* what) {
    if (result < 0) {
        throw std::runtime_error(std::string(what) + ": " + ::zmq_strerror(::zmq_errno()));
    }
}

struct Context {
    Context() = default;
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { ::zmq_ctx_term(handle); }

    void* const handle = ::zmq_ctx_new();
};

class Socket {
public:
    Socket(void* context, int type, bool listens) : socket_(::zmq_socket(context, type)) {
        check(socket_ == nullptr ? -1 : 0, "zmq_socket");
        for (const int option : {ZMQ_SNDHWM, ZMQ_RCVHWM}) {
            check(::zmq_setsockopt(socket_, option, &high_water_mark, sizeof high_water_mark),
                  "high-water mark");
        }
        check(listens ? ::zmq_bind(socket_, endpoint) : ::zmq_connect(socket_, endpoint), endpoint);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() { ::zmq_close(socket_); }

    void send(std::span<const std::byte> message) {
        check(::zmq_send(socket_, message.data(), message.size(), 0), "zmq_send");
    }

    std::uint64_t receive() {
        zmq_msg_t message;
        check(::zmq_msg_init(&message), "zmq_msg_init");
        check(::zmq_msg_recv(&message, socket_, 0), "zmq_msg_recv");
        const std::uint64_t sequence = bench::sequence_of(
            {static_cast<const std::byte*>(::zmq_msg_data(&message)), ::zmq_msg_size(&message)});
        ::zmq_msg_close(&message);
        return sequence;
    }

private:
    void* socket_;
};

}  // namespace

OneWayPeer zeromq_one_way_within() {
    const auto context = std::make_shared<Shared<Context>>();
    return {"zeromq",
            [context](OneWayReceiver& receiver) {
                Socket socket((*context)->handle, ZMQ_PULL, true);
                receiver.listening(1);
                receiver.connected();
                while (receiver.accept(socket.receive())) {
                }
            },
            [context](OneWaySender& sender) {
                sender.port();
                Socket socket((*context)->handle, ZMQ_PUSH, false);
                sender.connected();
                std::vector<std::byte> message(sender.message_bytes(), std::byte{0x5A});
                for (std::uint64_t sequence = 0; sequence != end_sequence;) {
                    sequence = sender.next();
                    stamp(message, sequence);
                    socket.send(message);
                }
                sender.wait_until_received();
            }};
}

PingPongPeer zeromq_ping_pong_within() {
    const auto context = std::make_shared<Shared<Context>>();
    return {"zeromq",
            [context](PingPongAnswerer& answerer) {
                Socket socket((*context)->handle, ZMQ_PAIR, true);
                answerer.listening(1);
                answerer.connected();
                std::vector<std::byte> message(answerer.message_bytes(), std::byte{0x5A});
                for (;;) {
                    const std::uint64_t sequence = socket.receive();
                    if (sequence == end_sequence) break;
                    stamp(message, sequence);
                    socket.send(message);
                }
                answerer.closed();
            },
            [context](PingPongAsker& asker) {
                asker.port();
                Socket socket((*context)->handle, ZMQ_PAIR, false);
                asker.connected();
                std::vector<std::byte> message(asker.message_bytes(), std::byte{0x5A});
                while (asker.next()) {
                    stamp(message, asker.sequence());
                    socket.send(message);
                    asker.received(socket.receive());
                }
                stamp(message, end_sequence);
                socket.send(message);
                asker.closed();
            }};
}

#endif

}  // namespace bench
