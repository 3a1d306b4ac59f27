#pragma once

#include "transport/driver.hpp"
#include "transport/tcp/dial.hpp"

#include <asio/ip/tcp.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace braid::transport {

/// The handshake over a TCP connection.
///
/// The dialling side connects in send_hello(), not before, so that close() also ends a look-up or
/// a connect that takes too long.
class TcpEncounter final : public Encounter {
public:
    /// The dialling side.
    TcpEncounter(const asio::any_io_executor& strand, ConnectAddr address);

    /// The accepting side.
    explicit TcpEncounter(asio::ip::tcp::socket socket);

    asio::awaitable<protocol::Hello> receive_hello() override;
    asio::awaitable<void> send_hello(protocol::Hello hello) override;
    asio::awaitable<void> refuse(protocol::Refusal refusal) override;
    Connection established() override;
    std::string peer_address() const override { return peer_address_; }
    std::string peer_host() const override { return peer_host_; }
    void close() noexcept override;
    asio::any_io_executor executor() override { return strand_; }

private:
    void connected();
    asio::awaitable<void> send(std::vector<std::byte> bytes);
    protocol::HandshakeStatus receive(protocol::HandshakeReader& reader);
    void answer(const protocol::Refusal& refusal);
    void send_last(const std::vector<std::byte>& bytes) noexcept;
    void note_idle(std::uint64_t idle_ms) noexcept;
    [[noreturn]] void fail(errc reason, const std::string& text);
    [[noreturn]] void fail(std::error_code error);

    protocol::HandshakeSide side_;
    asio::any_io_executor strand_;
    asio::ip::tcp::socket socket_;
    std::shared_ptr<TcpDial> dial_;       // dialling side, until connected
    std::optional<ConnectAddr> address_;  // dialling side
    std::string peer_address_;
    std::string peer_host_;
    std::vector<std::byte> leftover_;
    std::uint64_t idle_ms_ = 0;  // the shorter one of both ends
    bool closed_ = false;
};

}  // namespace braid::transport
