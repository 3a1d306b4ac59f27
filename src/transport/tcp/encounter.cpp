#include "transport/tcp/encounter.hpp"

#include "transport/refused.hpp"
#include "transport/resolve.hpp"
#include "transport/socket_io.hpp"
#include "transport/tcp/driver.hpp"
#include "transport/tcp/link.hpp"

#include <braid/error.hpp>

#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace braid::transport {

namespace {

using asio::ip::tcp;
using protocol::HandshakeReader;
using protocol::HandshakeSide;
using protocol::HandshakeStatus;

// What a peer whom we refuse may have sent without waiting for our answer.
constexpr std::size_t discarded_bytes_max = 64u << 10;

}  // namespace

TcpEncounter::TcpEncounter(const asio::any_io_executor& strand, ConnectAddr address)
    : side_{HandshakeSide::dialling},
      strand_{strand},
      socket_{strand},
      dial_{std::make_shared<TcpDial>(strand)},
      peer_address_{to_string(address)} {
    address_.emplace(std::move(address));
}

TcpEncounter::TcpEncounter(tcp::socket socket)
    : side_{HandshakeSide::accepting}, strand_{socket.get_executor()}, socket_{std::move(socket)} {
    connected();
}

void TcpEncounter::connected() {
    std::error_code error;
    const auto endpoint = socket_.remote_endpoint(error);
    // A peer that is gone again has no address; the first read will say so.
    if (!error) {
        peer_host_ = host_of(endpoint.address());
        if (side_ == HandshakeSide::accepting) {
            peer_address_ = text_of(Transport::tcp, endpoint.address(), endpoint.port());
        }
    }
    socket_io::prepare(socket_, unmapped(endpoint.address()).is_loopback());
}

asio::awaitable<void> TcpEncounter::send_hello(protocol::Hello hello) {
    if (dial_ != nullptr && !closed_) {
        // close() needs it while connect() runs.
        const auto dial = dial_;
        socket_ = co_await dial->connect(*address_);
        dial_ = nullptr;
        connected();
    }
    note_idle(hello.idle_ms);
    auto bytes = protocol::encode_hello(hello, side_);
    co_await send(std::move(bytes));
}

asio::awaitable<void> TcpEncounter::send(std::vector<std::byte> bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        if (closed_) fail(asio::error::operation_aborted);
        const std::array segments{std::span<const std::byte>{bytes}.subspan(sent)};
        std::error_code error;
        sent += socket_io::send(socket_, segments, error);
        if (!error) continue;
        if (error != asio::error::would_block) fail(error);
        co_await socket_.async_wait(tcp::socket::wait_write,
                                    asio::redirect_error(asio::use_awaitable, error));
        if (error) fail(error);
    }
}

asio::awaitable<protocol::Hello> TcpEncounter::receive_hello() {
    HandshakeReader reader{side_ == HandshakeSide::dialling ? HandshakeSide::accepting
                                                            : HandshakeSide::dialling};
    auto status = HandshakeStatus::incomplete;
    while (status == HandshakeStatus::incomplete) {
        if (closed_) fail(asio::error::operation_aborted);
        std::error_code error;
        co_await socket_.async_wait(tcp::socket::wait_read,
                                    asio::redirect_error(asio::use_awaitable, error));
        if (error || closed_) fail(error);
        status = receive(reader);
    }
    if (status != HandshakeStatus::hello) {
        if (status == HandshakeStatus::refused) {
            close();
            throw Refused{reader.refusal(), peer_address_};
        }
        answer(reader.refusal());
        fail(reader.refusal().reason, reader.refusal().text);
    }
    note_idle(reader.hello().idle_ms);
    co_return reader.hello();
}

HandshakeStatus TcpEncounter::receive(HandshakeReader& reader) {
    std::array<std::byte, protocol::handshake_bytes_max> buffer;
    std::error_code error;
    const auto size = socket_io::receive(socket_, buffer, error);
    if (error == asio::error::would_block) return HandshakeStatus::incomplete;
    if (error == asio::error::eof) {
        fail(reader.started() ? errc::handshake_malformed : errc::handshake_not_braid,
             "the peer closed the connection before it had said hello");
    }
    if (error) fail(error);
    auto rest = std::span<const std::byte>{buffer}.first(size);
    const auto status = reader.read(rest);
    leftover_.assign(rest.begin(), rest.end());
    return status;
}

/// Tells a peer that speaks braid, but not ours, what we speak. Others are owed nothing.
void TcpEncounter::answer(const protocol::Refusal& refusal) {
    if (side_ != HandshakeSide::accepting) return;
    if (refusal.reason == errc::handshake_version) {
        const std::array spoken{protocol::WireVersion{}};
        send_last(protocol::encode_versions(spoken));
    } else if (refusal.reason == errc::handshake_security) {
        send_last(protocol::encode_refusal(refusal));
    }
}

asio::awaitable<void> TcpEncounter::refuse(protocol::Refusal refusal) {
    if (!closed_) send_last(protocol::encode_refusal(refusal));
    close();
    co_return;
}

/// Nothing was sent before, so that the system takes these few bytes at once. Bytes that arrived
/// and are not read would make close() reset the connection, and the peer might miss the answer.
void TcpEncounter::send_last(const std::vector<std::byte>& bytes) noexcept {
    const std::array segments{std::span<const std::byte>{bytes}};
    std::error_code error;
    socket_io::send(socket_, segments, error);
    socket_.shutdown(tcp::socket::shutdown_send, error);
    std::array<std::byte, 4096> discarded;
    std::size_t total = 0;
    while (total < discarded_bytes_max) {
        const auto size = socket_io::receive(socket_, discarded, error);
        if (error) break;
        total += size;
    }
}

Connection TcpEncounter::established() {
    socket_io::limit_unacknowledged(socket_, std::chrono::milliseconds{idle_ms_});
    auto link = std::make_unique<TcpLink>(leftover_);
    auto driver = std::make_unique<TcpDriver>(std::move(socket_), *link);
    if (std::exchange(closed_, true)) driver->close();
    return {std::move(link), std::move(driver)};
}

void TcpEncounter::close() noexcept {
    closed_ = true;
    if (dial_ != nullptr) dial_->close();
    std::error_code ignored;
    socket_.close(ignored);
}

void TcpEncounter::note_idle(std::uint64_t idle_ms) noexcept {
    idle_ms_ = idle_ms_ == 0 ? idle_ms : std::min(idle_ms_, idle_ms);
}

void TcpEncounter::fail(errc reason, const std::string& text) {
    close();
    throw HandshakeError{reason, text.empty() ? peer_address_ : peer_address_ + ": " + text};
}

void TcpEncounter::fail(std::error_code error) {
    if (closed_) error = asio::error::operation_aborted;
    close();
    throw ConnectError{error, peer_address_};
}

}  // namespace braid::transport
