#include "transport/udp/dialling_sockets.hpp"

#include <asio/error.hpp>
#include <asio/ip/udp.hpp>

#include <system_error>

namespace braid::transport {

using asio::ip::udp;

std::unique_ptr<UdpSeat> DiallingSockets::seat(const asio::any_io_executor& executor,
                                               const SocketAddress& peer,
                                               const std::shared_ptr<Doorbell>& bell) {
    auto* const context = &asio::query(executor, asio::execution::context);
    const std::lock_guard lock{mutex_};
    std::erase_if(entries_, [](const Entry& each) { return each.socket.expired(); });
    for (const auto& each : entries_) {
        if (each.context != context || each.v6 != peer.v6) continue;
        if (auto socket = each.socket.lock()) {
            if (auto seat = UdpSeat::facing(std::move(socket), peer, bell)) return seat;
        }
    }
    crypto::SecretNumbers::Key id_key;
    entropy_->fill(id_key);
    const udp::endpoint any{peer.v6 ? udp::v6() : udp::v4(), 0};
    auto socket = UdpSocket::open(executor, any, id_key);
    entries_.push_back({context, peer.v6, socket});
    auto seat = UdpSeat::facing(std::move(socket), peer, bell);
    if (seat == nullptr) throw std::system_error{asio::error::operation_aborted};
    return seat;
}

}  // namespace braid::transport
