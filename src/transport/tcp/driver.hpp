#pragma once

#include "transport/driver.hpp"
#include "transport/tcp/link.hpp"
#include "transport/tcp/rate_meter.hpp"

#include <asio/ip/tcp.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <system_error>

namespace braid::transport {

/// Moves bytes between a TcpLink and a connected socket.
class TcpDriver final : public Driver {
public:
    /// `link` outlives the driver.
    TcpDriver(asio::ip::tcp::socket socket, TcpLink& link) noexcept;

    asio::awaitable<void> read() override;
    bool try_write() override;
    asio::awaitable<void> write() override;
    void finish() noexcept override;
    void close() noexcept override;

private:
    bool read_now(std::size_t size);
    bool write_now();
    bool must_wait_to_write();
    void measure() noexcept;
    asio::awaitable<void> wait_to_write();
    void waited(std::error_code error) noexcept;
    asio::awaitable<void> let_reader_finish();

    // What a read waits with: an idle connection holds no more, and short messages need no more.
    static constexpr std::size_t first_bytes = 512;

    asio::ip::tcp::socket socket_;
    TcpLink& link_;
    std::array<std::byte, first_bytes> first_;
    RateMeter meter_;
    protocol::Time measured_at_{};
    std::size_t unsent_limit_;
    std::error_code broken_;           // a write found the peer gone
    std::size_t accepted_bytes_ = 0;   // written since the last measurement
    std::size_t unchecked_bytes_ = 0;  // written since the socket was last seen writable
    std::size_t turn_read_ = 0;        // bytes moved since the coroutine last gave way
    std::size_t turn_written_ = 0;
    bool more_to_read_ = false;  // the last read filled its buffer
    bool blocked_ = false;       // a write had to wait since the last measurement
    bool closed_ = false;
};

}  // namespace braid::transport
