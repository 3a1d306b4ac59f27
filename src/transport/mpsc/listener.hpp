#pragma once

#include "transport/doorbell.hpp"
#include "transport/driver.hpp"
#include "transport/mpsc/passage.hpp"

#include <asio/any_io_executor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace braid::transport {

/// Where those who dial a number wait to be taken. Any thread.
class MpscDoor;

/// Takes connections from within the process. The home of the one table that the process has: who
/// listens on which number.
class MpscListener final : public Listener {
public:
    /// How many wait at most to be taken; more are refused.
    static constexpr std::size_t backlog_max = 1024;

    /// @param number 0 for one that is free
    /// @throws NetworkError (asio::error::address_in_use)
    MpscListener(const asio::any_io_executor& strand, std::uint64_t number);
    ~MpscListener() override;

    ListenAddr address() const override;

    /// @throws NetworkError with operation_aborted after close()
    asio::awaitable<std::unique_ptr<Encounter>> accept() override;
    void close() noexcept override;

private:
    const asio::any_io_executor strand_;
    const std::shared_ptr<Doorbell> bell_;
    const std::shared_ptr<MpscDoor> door_;
    std::uint64_t number_;
};

/// Hands the accepting end of `passage` to whoever listens on that number.
/// @throws ConnectError (asio::error::connection_refused) if nobody does, or too many wait there
void knock(std::uint64_t number, std::shared_ptr<Passage> passage);

}  // namespace braid::transport
