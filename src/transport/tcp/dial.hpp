#pragma once

#include <braid/address.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace braid::transport {

/// Looks a host up, unless it is a number already; the two families take turns (RFC 8305).
struct TcpEndpoints {
    static constexpr std::size_t count_max = 16;

    /// The endpoint that `host` spells, if it is a number.
    static bool numeric(const std::string& host, std::uint16_t port,
                        asio::ip::tcp::endpoint& endpoint);
    static std::vector<asio::ip::tcp::endpoint> take_turns(
        const asio::ip::tcp::resolver::results_type& found);
};

/// One way to a peer in the making: looks the name up, then tries all its endpoints, a next one
/// every `stagger` or as soon as one has failed. The first that answers wins.
///
/// Held by shared_ptr: a look-up cannot be broken off, so its completion may come after all else.
class TcpDial : public std::enable_shared_from_this<TcpDial> {
public:
    static constexpr std::chrono::milliseconds stagger{250};

    explicit TcpDial(const asio::any_io_executor& strand);

    /// @throws ConnectError with the system's error, operation_aborted after close()
    asio::awaitable<asio::ip::tcp::socket> connect(ConnectAddr address);

    /// Ends connect(). Idempotent.
    void close() noexcept;

private:
    void look_up(const std::string& host, std::uint16_t port);
    void try_next();
    void tried(std::size_t attempt, std::error_code error);
    bool decided() const noexcept;

    asio::any_io_executor strand_;
    asio::steady_timer changed_;
    asio::ip::tcp::resolver resolver_;
    std::vector<asio::ip::tcp::endpoint> endpoints_;
    std::vector<asio::ip::tcp::socket> attempts_;
    std::size_t under_way_ = 0;
    std::size_t winner_ = 0;
    bool looking_up_ = false;
    bool won_ = false;
    bool closed_ = false;
    bool woken_ = false;
    std::error_code error_;  // of the first attempt that failed
};

}  // namespace braid::transport
