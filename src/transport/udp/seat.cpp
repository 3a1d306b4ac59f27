#include "transport/udp/seat.hpp"

#include <utility>

namespace braid::transport {

UdpSeat::UdpSeat(std::shared_ptr<UdpSocket> socket, std::shared_ptr<Doorbell> bell)
    : socket_{std::move(socket)},
      bell_{std::move(bell)},
      mailbox_{std::make_shared<Mailbox>(bell_)} {}

UdpSeat::~UdpSeat() { leave(); }

std::unique_ptr<UdpSeat> UdpSeat::with_id(std::shared_ptr<UdpSocket> socket,
                                          std::shared_ptr<Doorbell> bell) {
    std::unique_ptr<UdpSeat> seat{new UdpSeat{std::move(socket), std::move(bell)}};
    seat->id_ = seat->socket_->add(seat->mailbox_);
    return seat->id_ ? std::move(seat) : nullptr;
}

std::unique_ptr<UdpSeat> UdpSeat::facing(std::shared_ptr<UdpSocket> socket,
                                         const SocketAddress& peer,
                                         std::shared_ptr<Doorbell> bell) {
    std::unique_ptr<UdpSeat> seat{new UdpSeat{std::move(socket), std::move(bell)}};
    if (!seat->socket_->add(peer, seat->mailbox_)) return nullptr;
    seat->peer_ = peer;
    return seat;
}

void UdpSeat::leave() noexcept {
    if (std::exchange(left_, true)) return;
    if (id_) socket_->remove(*id_);
    if (peer_) socket_->remove(*peer_);
    mailbox_->close();
}

}  // namespace braid::transport
