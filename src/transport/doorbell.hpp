#pragma once

#include "transport/bell.hpp"
#include "transport/context_service.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <memory>
#include <mutex>

namespace braid::transport {

/// Lets any thread wake a coroutine on its strand, as long as there is one: whoever rings later
/// rings in vain, and never touches an execution context that is gone.
class Doorbell final : private Resident, public std::enable_shared_from_this<Doorbell> {
public:
    static std::shared_ptr<Doorbell> make(const asio::any_io_executor& strand);
    ~Doorbell();

    /// Whoever waits goes on; who does not will not wait the next time. Any thread.
    void ring();

    // On the strand.

    /// Waits for the next ring(), or for one that nobody waited for.
    static asio::awaitable<void> wait(std::shared_ptr<Doorbell> self);

    /// Who waits never goes on, and nobody is heard any more.
    void take_down() noexcept;

private:
    explicit Doorbell(const asio::any_io_executor& strand);

    bool claim() noexcept override;
    void evict() noexcept override;

    const std::shared_ptr<Residents> residents_;
    std::mutex mutex_;              // for the following
    asio::any_io_executor strand_;  // empty once it was taken down
    Bell bell_;
    std::shared_ptr<Doorbell> claimed_;
};

}  // namespace braid::transport
