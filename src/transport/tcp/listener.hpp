#pragma once

#include "transport/driver.hpp"

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <system_error>

namespace braid::transport {

/// Takes TCP connections.
class TcpListener final : public Listener {
public:
    static constexpr std::chrono::milliseconds pause_min{50};
    static constexpr std::chrono::milliseconds pause_max{1000};

    /// @throws NetworkError with the system's error
    TcpListener(const asio::any_io_executor& strand, const asio::ip::tcp::endpoint& endpoint);

    ListenAddr address() const override;

    /// Waits a while, not in a loop, when the system has run out of something that it needs for
    /// another connection.
    /// @throws NetworkError with the system's error, operation_aborted after close()
    asio::awaitable<std::unique_ptr<Encounter>> accept() override;
    void close() noexcept override;

private:
    asio::ip::tcp::acceptor acceptor_;
    asio::steady_timer pause_;
    asio::ip::tcp::endpoint endpoint_;
    bool closed_ = false;
};

/// A name that stands for several addresses is listened on at the first one that can be bound;
/// IPv4 is tried first.
/// @throws NetworkError with the system's error
asio::awaitable<std::unique_ptr<Listener>> listen_tcp(ListenAddr address);

}  // namespace braid::transport
