#pragma once

#include "transport/clock.hpp"
#include "transport/doorbell.hpp"
#include "transport/driver.hpp"
#include "transport/udp/dialling_sockets.hpp"
#include "transport/udp/door.hpp"
#include "transport/udp/link.hpp"
#include "transport/udp/mailbox.hpp"
#include "transport/udp/relocation.hpp"
#include "transport/udp/seat.hpp"
#include "transport/udp/socket_address.hpp"

#include <cstddef>
#include <memory>
#include <system_error>
#include <vector>

namespace braid::transport {

/// Moves datagrams between a UdpLink and its seat at a socket. A dialling end that hears nothing
/// moves to another socket, and with it to another port; what still comes to the former seat counts
/// until something has come to the new one.
class UdpDriver final : public Driver {
public:
    /// What it takes over from the encounter.
    struct Place {
        std::unique_ptr<UdpSeat> seat;
        SocketAddress
            own_address;  ///< that the peer speaks to; all zero if the system is to choose
        std::unique_ptr<UdpAdmission> admission;   ///< accepting side
        std::shared_ptr<DiallingSockets> sockets;  ///< dialling side: where it finds another seat
        std::vector<Mail> unread;                  ///< before what is in the mailbox
    };

    /// `link` lives as long as anything but the destructor is called.
    UdpDriver(Place place, const asio::any_io_executor& strand, UdpLink& link,
              std::shared_ptr<const Clock> clock);
    ~UdpDriver() override;
    UdpDriver(const UdpDriver&) = delete;
    UdpDriver& operator=(const UdpDriver&) = delete;

    asio::awaitable<void> read() override;
    bool catch_up() override;
    bool try_write() override;
    asio::awaitable<void> write() override;
    void finish() noexcept override;
    void close() noexcept override;

private:
    bool take_mail();
    bool write_now();
    void relocate();

    Place place_;
    const std::shared_ptr<Doorbell> reader_;
    const std::shared_ptr<Doorbell> writer_;
    UdpLink& link_;
    const std::shared_ptr<const Clock> clock_;
    Relocation relocation_;
    std::unique_ptr<UdpSeat> former_;
    std::vector<Mail> mails_;    // which the link has, until the next ones
    std::size_t turn_read_ = 0;  // bytes moved since the coroutine last gave way
    std::size_t turn_written_ = 0;
    bool full_ = false;  // the system had no room
    bool closed_ = false;
};

}  // namespace braid::transport
