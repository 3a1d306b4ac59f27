#pragma once

#include "transport/driver.hpp"
#include "transport/simulated/link.hpp"

#include <asio/steady_timer.hpp>

#include <memory>
#include <optional>

namespace braid::transport {

/// The driver of the link within a SimulatedLink: it reads no more while that holds enough, and
/// ends the connection when all that was held is out.
class SimulatedDriver final : public Driver, private SimulatedLink::Observer {
public:
    /// @param link outlives the driver
    SimulatedDriver(std::unique_ptr<Driver> within, SimulatedLink& link) noexcept;

    asio::awaitable<void> read() override;
    bool try_write() override;
    asio::awaitable<void> write() override;
    void finish() noexcept override;
    void close() noexcept override;

private:
    void drained() noexcept override;
    void written() noexcept;

    std::unique_ptr<Driver> within_;
    SimulatedLink& link_;
    std::optional<asio::steady_timer> pause_;  // has no end: cancelled when it is over
    bool finishing_ = false;
};

}  // namespace braid::transport
