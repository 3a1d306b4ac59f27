#pragma once

#include "transport/doorbell.hpp"
#include "transport/udp/mailbox.hpp"
#include "transport/udp/socket.hpp"
#include "transport/udp/socket_address.hpp"

#include <memory>
#include <optional>

namespace braid::transport {

/// A connection's place at a socket, which it has from its first datagram to its last. It leaves
/// the socket when it is destroyed.
class UdpSeat {
public:
    /// With an id of its own, by which packets find it.
    /// @param bell rings when there is mail
    /// @returns null if the socket has as many connections as it can have
    static std::unique_ptr<UdpSeat> with_id(std::shared_ptr<UdpSocket> socket,
                                            std::shared_ptr<Doorbell> bell);

    /// For all that comes from `peer`.
    /// @returns null if somebody else at the socket has that peer, or its context dies
    static std::unique_ptr<UdpSeat> facing(std::shared_ptr<UdpSocket> socket,
                                           const SocketAddress& peer,
                                           std::shared_ptr<Doorbell> bell);
    ~UdpSeat();
    UdpSeat(const UdpSeat&) = delete;
    UdpSeat& operator=(const UdpSeat&) = delete;

    UdpSocket& socket() noexcept { return *socket_; }
    const std::optional<ConnectionId>& id() const noexcept { return id_; }
    Mailbox& mailbox() noexcept { return *mailbox_; }
    const std::shared_ptr<Mailbox>& shared_mailbox() const noexcept { return mailbox_; }

    /// Whom it faces, if it has no id.
    const std::optional<SocketAddress>& peer() const noexcept { return peer_; }

    const std::shared_ptr<Doorbell>& bell() const noexcept { return bell_; }

    /// Nothing comes any more. Idempotent.
    void leave() noexcept;

private:
    UdpSeat(std::shared_ptr<UdpSocket> socket, std::shared_ptr<Doorbell> bell);

    const std::shared_ptr<UdpSocket> socket_;
    const std::shared_ptr<Doorbell> bell_;
    const std::shared_ptr<Mailbox> mailbox_;
    std::optional<ConnectionId> id_;
    std::optional<SocketAddress> peer_;
    bool left_ = false;
};

}  // namespace braid::transport
