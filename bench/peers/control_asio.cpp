#include "peers/control_asio.hpp"

#include "peers/frame.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <exception>
#include <span>
#include <vector>

namespace bench {

namespace {

using asio::ip::tcp;

asio::const_buffer buffer_of(std::span<const std::byte> bytes) {
    return {bytes.data(), bytes.size()};
}

asio::mutable_buffer buffer_of(std::span<std::byte> bytes) { return {bytes.data(), bytes.size()}; }

/// One thread, one io_context: what a coroutine program of one thread has.
void run(asio::io_context& context, asio::awaitable<void> work) {
    std::exception_ptr failure;
    asio::co_spawn(context, std::move(work),
                   [&failure](std::exception_ptr thrown) { failure = std::move(thrown); });
    context.run();
    if (failure) {
        std::rethrow_exception(failure);
    }
}

template <typename Side>
asio::awaitable<tcp::socket> accept_one(Side& side) {
    const auto executor = co_await asio::this_coro::executor;
    tcp::acceptor acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    side.listening(acceptor.local_endpoint().port());
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    side.connected();
    co_return socket;
}

template <typename Side>
asio::awaitable<tcp::socket> connect_to(Side& side) {
    tcp::socket socket(co_await asio::this_coro::executor);
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), side.port());
    co_await socket.async_connect(endpoint, asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    side.connected();
    co_return socket;
}

asio::awaitable<void> send_one_way(OneWaySender& sender) {
    tcp::socket socket = co_await connect_to(sender);
    FrameWriter writer;
    std::vector<std::byte> message(sender.message_bytes(), std::byte{0x5A});
    for (std::uint64_t sequence = 0; sequence != end_sequence;) {
        sequence = sender.next();
        stamp(message, sequence);
        writer.begin_frame(message.size());
        std::span<const std::byte> rest = message;
        while (true) {
            rest = rest.subspan(writer.append(rest));
            if (!writer.full()) {
                break;
            }
            co_await asio::async_write(socket, buffer_of(writer.bytes()), asio::use_awaitable);
            writer.clear();
        }
    }
    co_await asio::async_write(socket, buffer_of(writer.bytes()), asio::use_awaitable);
    sender.wait_until_received();
}

asio::awaitable<void> receive_one_way(OneWayReceiver& receiver) {
    tcp::socket socket = co_await accept_one(receiver);
    FrameReader reader(receiver.message_bytes());
    while (true) {
        const std::size_t count =
            co_await socket.async_read_some(buffer_of(reader.room()), asio::use_awaitable);
        reader.read(count);
        while (const auto message = reader.next()) {
            if (!receiver.accept(sequence_of(*message))) {
                co_return;
            }
        }
    }
}

asio::awaitable<void> ask(PingPongAsker& asker) {
    tcp::socket socket = co_await connect_to(asker);
    std::vector<std::byte> message(asker.message_bytes(), std::byte{0x5A});
    while (asker.next()) {
        stamp(message, asker.sequence());
        co_await asio::async_write(socket, asio::buffer(message), asio::use_awaitable);
        co_await asio::async_read(socket, asio::buffer(message), asio::use_awaitable);
        asker.received(sequence_of(message));
    }
}

asio::awaitable<void> answer(PingPongAnswerer& answerer) {
    tcp::socket socket = co_await accept_one(answerer);
    std::vector<std::byte> message(answerer.message_bytes());
    while (true) {
        asio::error_code error;
        co_await asio::async_read(socket, asio::buffer(message),
                                  asio::redirect_error(asio::use_awaitable, error));
        if (error) {
            break;
        }
        co_await asio::async_write(socket, asio::buffer(message), asio::use_awaitable);
    }
    answerer.closed();
}

}  // namespace

OneWayPeer asio_one_way() {
    return {"asio-batch",
            [](OneWayReceiver& receiver) {
                asio::io_context context(1);
                run(context, receive_one_way(receiver));
            },
            [](OneWaySender& sender) {
                asio::io_context context(1);
                run(context, send_one_way(sender));
            }};
}

PingPongPeer asio_ping_pong() {
    return {"asio-echo",
            [](PingPongAnswerer& answerer) {
                asio::io_context context(1);
                run(context, answer(answerer));
            },
            [](PingPongAsker& asker) {
                asio::io_context context(1);
                run(context, ask(asker));
                asker.closed();
            }};
}

}  // namespace bench
