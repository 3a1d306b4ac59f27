// Two ends that meet over UDP on loopback, and peers that do as told.
#pragma once

#include "transport/loopback.hpp"
#include "transport/scripted.hpp"
#include "transport/udp/datagram_io.hpp"
#include "transport/udp/handshake_datagram.hpp"
#include "transport/udp/socket_address.hpp"

#include <braid/error.hpp>

#include <asio/buffer.hpp>
#include <asio/detached.hpp>
#include <asio/ip/udp.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace braid::test {

inline protocol::Hello hello(unsigned letter) {
    protocol::Hello result;
    result.pid = Pid::numbered(letter);
    result.session.fill(static_cast<std::uint8_t>(letter));
    result.application_name = "test";
    result.idle_ms = 15'000;
    return result;
}

inline ConnectAddr connect_address(const ListenAddr& address) {
    return ConnectAddr::udp(address.host(), address.port());
}

/// What a coroutine threw, if anything.
inline asio::awaitable<std::error_code> caught(asio::awaitable<void> what,
                                               std::string* text = nullptr) {
    try {
        co_await std::move(what);
    } catch (const std::system_error& error) {
        if (text != nullptr) *text = error.what();
        co_return error.code();
    }
    co_return std::error_code{};
}

inline asio::awaitable<void> meet_dialling(transport::Encounter& encounter,
                                           protocol::Hello* theirs = nullptr) {
    protocol::Hello ours = hello(1);
    co_await encounter.send_hello(std::move(ours));
    auto heard = co_await encounter.receive_hello();
    if (theirs != nullptr) *theirs = std::move(heard);
}

inline asio::awaitable<void> meet_accepting(transport::Listener& listener,
                                            std::unique_ptr<transport::Encounter>& encounter,
                                            protocol::Hello* theirs = nullptr) {
    encounter = co_await listener.accept();
    auto heard = co_await encounter->receive_hello();
    if (theirs != nullptr) *theirs = std::move(heard);
    protocol::Hello ours = hello(2);
    co_await encounter->send_hello(std::move(ours));
}

inline void spawn(asio::io_context& context, asio::awaitable<void> what) {
    asio::co_spawn(context, std::move(what), asio::detached);
}

/// The way that users get to one end.
inline std::unique_ptr<transport::Encounter> dial(asio::io_context& context,
                                                  transport::Transports& transports,
                                                  ConnectAddr address) {
    std::unique_ptr<transport::Encounter> encounter;
    const auto start = [&]() -> asio::awaitable<void> {
        encounter = co_await transports.dial(std::move(address));
    };
    run(context, start());
    return encounter;
}

/// Both ends of a connection, and what goes in and comes out.
struct Rendezvous {
    struct End {
        ScriptedSource source;  // outlives the link, which refers to what came from it
        ScriptedSink sink;
        transport::Connection connection;

        asio::awaitable<void> write_all() {
            auto& link = *connection.link;
            while (!link.failure() && source.pending(clock.now())) {
                link.fill(source, clock.now());
                co_await connection.driver->write();
                if (source.pending(clock.now())) co_await wait();
            }
        }

        /// What has come. Frames of the link's own making are empty.
        std::vector<Bytes> messages() const {
            auto result = sink.messages;
            std::erase_if(result, [](const Bytes& each) { return each.empty(); });
            return result;
        }

        /// Until so many have come, or the link fails. Answers what has to be answered.
        asio::awaitable<void> read_messages(std::size_t count) {
            auto& link = *connection.link;
            while (!link.failure() && messages().size() < count) {
                co_await connection.driver->read();
                link.drain(sink, clock.now());
                link.fill(source, clock.now());
                co_await connection.driver->write();
            }
        }

    private:
        /// What holds the link back is an answer of the peer, or its own deadline.
        asio::awaitable<void> wait() {
            auto& link = *connection.link;
            co_await connection.driver->read();
            link.drain(sink, clock.now());
            if (link.deadline() <= clock.now()) link.advance(clock.now());
        }

        runtime::SystemClock clock;
    };

    explicit Rendezvous(asio::io_context& context, const std::string& host = "127.0.0.1")
        : listener{listen(context, "udp://" + host + ":0")} {
        spawn(context, meet_accepting(*listener, accepted));
        dialled = dial(context, transports, connect_address(listener->address()));
        run(context, meet_dialling(*dialled));
        left.connection = dialled->established();
        right.connection = accepted->established();
    }

    transport::SystemTransports transports = system_transports();
    std::unique_ptr<transport::Listener> listener;
    std::unique_ptr<transport::Encounter> dialled;
    std::unique_ptr<transport::Encounter> accepted;
    End left;   ///< which dialled
    End right;  ///< which accepted
};

/// A UDP socket that does as told.
struct RawPeer {
    explicit RawPeer(asio::io_context& context)
        : socket{context, {asio::ip::address_v4::loopback(), 0}} {}

    ConnectAddr address() const {
        return ConnectAddr::udp("127.0.0.1", socket.local_endpoint().port());
    }

    asio::awaitable<Bytes> receive() {
        Bytes buffer(2'048);
        const auto size =
            co_await socket.async_receive_from(asio::buffer(buffer), from, asio::use_awaitable);
        buffer.resize(size);
        co_return buffer;
    }

    /// To where the last one came from.
    void answer(const Bytes& bytes) { socket.send_to(asio::buffer(bytes), from); }

    asio::ip::udp::socket socket;
    asio::ip::udp::endpoint from;
};

}  // namespace braid::test
