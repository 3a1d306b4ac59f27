#pragma once

#include <braid/address.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

namespace braid::transport {

/// One way to a peer in the making: looks the name up, then tries all its endpoints, a next one
/// every `stagger` or as soon as one has failed (RFC 8305). The first that answers wins.
///
/// Held by shared_ptr: a look-up cannot be broken off, so its completion may come after all else.
class TcpDial : public std::enable_shared_from_this<TcpDial> {
public:
    static constexpr std::chrono::milliseconds stagger{250};

    explicit TcpDial(const asio::any_io_executor& strand);

    /// Once for each TcpDial.
    /// @throws ConnectError with the system's error, operation_aborted after close()
    asio::awaitable<asio::ip::tcp::socket> connect(ConnectAddr address);

    /// Ends connect(). Idempotent.
    void close() noexcept;

private:
    using tcp = asio::ip::tcp;

    asio::awaitable<void> next_news();
    void start(const ConnectAddr& address);
    void looked_up(std::error_code error, const tcp::resolver::results_type& found);
    void try_next();
    void tried(std::size_t position, std::error_code error);
    bool decided() const noexcept;

    asio::any_io_executor strand_;
    asio::steady_timer changed_;  // expires for the next attempt, is cancelled by news
    tcp::resolver resolver_;
    std::vector<tcp::endpoint> endpoints_;
    std::vector<tcp::socket> attempts_;  // of the first so many endpoints
    std::optional<tcp::socket> winner_;
    std::error_code error_;  // of the look-up, else of the first attempt that failed
    std::size_t under_way_ = 0;
    bool looking_up_ = false;
    bool closed_ = false;
};

}  // namespace braid::transport
