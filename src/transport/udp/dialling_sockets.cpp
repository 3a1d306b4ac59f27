#include "transport/udp/dialling_sockets.hpp"

#include <asio/error.hpp>
#include <asio/ip/udp.hpp>

#include <system_error>

namespace braid::transport {

using asio::ip::udp;

std::unique_ptr<UdpSeat> DiallingSockets::seat(const asio::any_io_executor& executor,
                                               const SocketAddress& peer,
                                               const std::shared_ptr<Doorbell>& bell) {
    const std::lock_guard lock{mutex_};
    return seat(executor, peer, bell, 0);
}

std::unique_ptr<UdpSeat> DiallingSockets::seat_after(UdpSeat& former) {
    const auto executor = former.socket().executor();
    if (!executor) throw std::system_error{asio::error::operation_aborted};
    const std::lock_guard lock{mutex_};
    std::size_t first = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].socket.lock().get() != &former.socket()) continue;
        entries_[i].given_up = true;
        first = i + 1;
    }
    return seat(executor, *former.peer(), former.bell(), first);
}

/// @param first of the entries that will do
std::unique_ptr<UdpSeat> DiallingSockets::seat(const asio::any_io_executor& executor,
                                               const SocketAddress& peer,
                                               const std::shared_ptr<Doorbell>& bell,
                                               std::size_t first) {
    auto* const context = &asio::query(executor, asio::execution::context);
    for (std::size_t i = first; i < entries_.size(); ++i) {
        const auto& each = entries_[i];
        if (each.given_up || each.context != context || each.v6 != peer.v6) continue;
        if (auto socket = each.socket.lock()) {
            if (auto seat = UdpSeat::facing(std::move(socket), peer, bell)) return seat;
        }
    }
    std::erase_if(entries_, [](const Entry& each) { return each.socket.expired(); });
    crypto::SecretNumbers::Key id_key;
    entropy_->fill(id_key);
    const udp::endpoint any{peer.v6 ? udp::v6() : udp::v4(), 0};
    auto socket = UdpSocket::open(executor, any, id_key);
    entries_.push_back({context, peer.v6, false, socket});
    auto seat = UdpSeat::facing(std::move(socket), peer, bell);
    if (seat == nullptr) throw std::system_error{asio::error::operation_aborted};
    return seat;
}

}  // namespace braid::transport
