#pragma once

#include "transport/clock.hpp"
#include "transport/doorbell.hpp"
#include "transport/driver.hpp"
#include "transport/entropy.hpp"
#include "transport/udp/dial.hpp"
#include "transport/udp/dialling_sockets.hpp"
#include "transport/udp/door.hpp"
#include "transport/udp/handshake_datagram.hpp"
#include "transport/udp/seat.hpp"
#include "transport/udp/socket.hpp"

#include <asio/any_io_executor.hpp>

#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace braid::transport {

/// The handshake over UDP.
///
/// The dialling side has its hello in every datagram that asks. It looks the name up in
/// send_hello(), not before, so that close() also ends a look-up that takes too long. That nobody
/// is there shows in receive_hello(), if at all.
class UdpEncounter final : public Encounter {
public:
    /// The dialling side.
    UdpEncounter(const asio::any_io_executor& strand, ConnectAddr address,
                 std::shared_ptr<DiallingSockets> sockets, std::shared_ptr<const Clock> clock,
                 std::shared_ptr<Entropy> entropy);

    /// The accepting side.
    UdpEncounter(const asio::any_io_executor& strand, std::shared_ptr<UdpSocket> socket,
                 std::shared_ptr<UdpDoor> door, UdpDoor::Guest guest,
                 std::shared_ptr<const Clock> clock, std::shared_ptr<Entropy> entropy);
    ~UdpEncounter() override;

    asio::awaitable<protocol::Hello> receive_hello() override;
    asio::awaitable<void> send_hello(protocol::Hello hello) override;
    asio::awaitable<void> refuse(protocol::Refusal refusal) override;
    Connection established() override;
    std::string peer_address() const override { return peer_address_; }
    std::string peer_host() const override { return peer_host_; }
    void close() noexcept override;
    asio::any_io_executor executor() override { return strand_; }

private:
    void accept();
    void answer(const std::vector<std::byte>& bytes) noexcept;
    [[noreturn]] void fail(std::error_code error);

    const asio::any_io_executor strand_;
    const std::shared_ptr<const Clock> clock_;
    const std::shared_ptr<Entropy> entropy_;
    std::shared_ptr<Doorbell> bell_;
    std::optional<ConnectAddr> address_;  // dialling side
    std::shared_ptr<DiallingSockets> sockets_;
    std::shared_ptr<UdpDial> dial_;  // dialling side, until answered
    std::optional<UdpDial::Attempt> answered_;
    std::shared_ptr<UdpSocket> socket_;  // accepting side
    std::unique_ptr<UdpAdmission> admission_;
    std::optional<UdpDoor::Guest> guest_;
    std::optional<protocol::Time> answered_at_;
    std::unique_ptr<UdpSeat> seat_;
    SocketAddress peer_;
    PlainMessage own_;
    PlainMessage theirs_;
    std::string peer_address_;
    std::string peer_host_;
    bool closed_ = false;
};

}  // namespace braid::transport
