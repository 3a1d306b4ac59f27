#pragma once

#include "transport/clock.hpp"
#include "transport/doorbell.hpp"
#include "transport/driver.hpp"
#include "transport/entropy.hpp"
#include "transport/udp/door.hpp"
#include "transport/udp/socket.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/ip/udp.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace braid::transport {

/// Takes UDP connections, all of which share its socket. What is established lives on when it
/// closes.
class UdpListener final : public Listener {
public:
    /// @throws NetworkError with the system's error
    UdpListener(const asio::any_io_executor& strand, const asio::ip::udp::endpoint& endpoint,
                const Limits& limits, std::shared_ptr<const Clock> clock,
                std::shared_ptr<Entropy> entropy);
    ~UdpListener() override;

    ListenAddr address() const override;

    /// That the system gives the socket less memory than it takes to survive a burst.
    std::string warning() const override;

    /// Those who come back when there is room are let in after all.
    std::uint64_t turned_away() const override { return door_->counters().limited; }

    /// @throws NetworkError with operation_aborted after close()
    asio::awaitable<std::unique_ptr<Encounter>> accept() override;
    void close() noexcept override;

private:
    const asio::any_io_executor strand_;
    const std::shared_ptr<const Clock> clock_;
    const std::shared_ptr<Entropy> entropy_;
    const std::shared_ptr<Doorbell> bell_;
    const std::shared_ptr<UdpDoor> door_;
    std::shared_ptr<UdpSocket> socket_;
    asio::ip::udp::endpoint endpoint_;
};

/// A name that stands for several addresses is listened on at the first one that can be bound;
/// IPv4 is tried first.
/// @throws NetworkError with the system's error
asio::awaitable<std::unique_ptr<Listener>> listen_udp(ListenAddr address, Limits limits,
                                                      std::shared_ptr<const Clock> clock,
                                                      std::shared_ptr<Entropy> entropy);

}  // namespace braid::transport
