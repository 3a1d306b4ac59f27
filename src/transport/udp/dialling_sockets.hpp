#pragma once

#include "transport/doorbell.hpp"
#include "transport/entropy.hpp"
#include "transport/udp/seat.hpp"
#include "transport/udp/socket.hpp"
#include "transport/udp/socket_address.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/execution_context.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace braid::transport {

/// The sockets that dialled connections share. Packets of a peer say only by its address to which
/// connection they belong, so no two connections to the same peer share one. Any thread.
class DiallingSockets {
public:
    explicit DiallingSockets(std::shared_ptr<Entropy> entropy) noexcept
        : entropy_{std::move(entropy)} {}

    /// A seat facing `peer`, at a socket of the executor's context: one in use, else a new one.
    /// @param bell of the seat
    /// @throws std::system_error
    std::unique_ptr<UdpSeat> seat(const asio::any_io_executor& executor, const SocketAddress& peer,
                                  const std::shared_ptr<Doorbell>& bell);

    /// One for the same connection, at a socket that is younger than that of `former`: all who give
    /// that one up for dead meet at the same. It gets nobody new.
    /// @throws std::system_error
    std::unique_ptr<UdpSeat> seat_after(UdpSeat& former);

private:
    struct Entry {
        asio::execution_context* context = nullptr;
        bool v6 = false;
        bool given_up = false;
        std::weak_ptr<UdpSocket> socket;  // the connections keep it
    };

    std::unique_ptr<UdpSeat> seat(const asio::any_io_executor& executor, const SocketAddress& peer,
                                  const std::shared_ptr<Doorbell>& bell, std::size_t first);

    const std::shared_ptr<Entropy> entropy_;
    std::mutex mutex_;            // for the following
    std::vector<Entry> entries_;  // the oldest first
};

}  // namespace braid::transport
