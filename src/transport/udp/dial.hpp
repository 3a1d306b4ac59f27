#pragma once

#include "transport/clock.hpp"
#include "transport/doorbell.hpp"
#include "transport/entropy.hpp"
#include "transport/udp/dialling.hpp"
#include "transport/udp/dialling_sockets.hpp"
#include "transport/udp/handshake_datagram.hpp"
#include "transport/udp/mailbox.hpp"
#include "transport/udp/seat.hpp"
#include "transport/udp/socket_address.hpp"

#include <braid/address.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/udp.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace braid::transport {

/// One way to a peer in the making: looks the name up, then asks at all its endpoints, a next one
/// every `stagger` or as soon as one has failed (RFC 8305). The first that answers wins.
///
/// Held by shared_ptr: a look-up cannot be broken off, so its completion may come after all else.
class UdpDial : public std::enable_shared_from_this<UdpDial> {
public:
    static constexpr std::chrono::milliseconds stagger{250};

    /// An endpoint that is asked.
    struct Attempt {
        Attempt(const SocketAddress& to, std::unique_ptr<UdpSeat> at,
                std::unique_ptr<Dialling> machine) noexcept
            : peer{to}, seat{std::move(at)}, dialling{std::move(machine)} {}

        SocketAddress peer;
        std::unique_ptr<UdpSeat> seat;
        std::unique_ptr<Dialling> dialling;
        std::vector<Mail> unread;  ///< came behind the answer: packets of the connection
    };

    UdpDial(const asio::any_io_executor& strand, std::shared_ptr<DiallingSockets> sockets,
            std::shared_ptr<const Clock> clock, std::shared_ptr<Entropy> entropy,
            std::shared_ptr<Doorbell> bell);

    /// Ends when the first endpoint has been asked. Once for each UdpDial.
    /// @throws ConnectError with the system's error, operation_aborted after close()
    asio::awaitable<void> ask(ConnectAddr address, PlainMessage message);

    /// The attempt that is answered first, for better or worse. Once, after ask().
    /// @throws as ask()
    asio::awaitable<Attempt> answer();

    /// Ends both, and tells those that were asked that nobody waits for their answers. Idempotent.
    void close() noexcept;

private:
    using udp = asio::ip::udp;

    asio::awaitable<void> next_news();
    [[noreturn]] void fail();
    void start();
    void looked_up(std::error_code error, const udp::resolver::results_type& found);
    void step();
    void begin_next(protocol::Time now);
    static void give_up(Attempt& attempt) noexcept;
    bool go_on(Attempt& attempt, protocol::Time now);
    void hear(Attempt& attempt, protocol::Time now);
    std::error_code say(Attempt& attempt, protocol::Time now);
    void set_timer(protocol::Time now);
    bool decided() const noexcept;

    const asio::any_io_executor strand_;
    const std::shared_ptr<DiallingSockets> sockets_;
    const std::shared_ptr<const Clock> clock_;
    const std::shared_ptr<Entropy> entropy_;
    const std::shared_ptr<Doorbell> bell_;
    asio::steady_timer timer_;
    udp::resolver resolver_;
    std::optional<ConnectAddr> address_;
    PlainMessage message_;
    std::vector<udp::endpoint> endpoints_;
    std::size_t begun_ = 0;          // of them
    std::vector<Attempt> attempts_;  // that wait for an answer; an answered one is the last
    protocol::Time next_at_ = protocol::Time::min();
    std::error_code error_;  // of the look-up, else of the first attempt that failed
    bool answered_ = false;
    bool looking_up_ = false;
    bool closed_ = false;
};

/// Tells the accepting side that nobody waits for its answer any more.
void send_cancellation(UdpSocket& socket, const SocketAddress& to,
                       const Dialling& dialling) noexcept;

}  // namespace braid::transport
