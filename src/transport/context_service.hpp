#pragma once

#include <asio/any_io_executor.hpp>

#include <memory>
#include <mutex>

namespace braid::transport {

class Residents;

/// Something that holds objects of asio's and must let go of them before their execution context
/// dies: a strand, socket, timer or stored handler that outlives it is a use after free.
class Resident {
public:
    Resident() = default;
    Resident(const Resident&) = delete;
    Resident& operator=(const Resident&) = delete;

protected:
    /// Has left before.
    virtual ~Resident() = default;

    /// Makes sure that evict() may be called. Called under the lock of the Residents.
    /// @returns false if another thread is about to leave: it is asked again until it has left
    virtual bool claim() noexcept = 0;

    /// The context is about to die: lets go of all that is asio's. Not a resident any more.
    virtual void evict() noexcept = 0;

private:
    friend class Residents;
    Resident* previous_ = nullptr;
    Resident* next_ = nullptr;
    bool listed_ = false;
};

/// All that lives on one execution context. Any thread.
class Residents {
public:
    /// Those of the context that `executor` belongs to.
    static std::shared_ptr<Residents> of(const asio::any_io_executor& executor);

    /// @returns false if the context is dying
    bool enter(Resident& resident) noexcept;

    /// Nothing happens if it is none (any more).
    void leave(Resident& resident) noexcept;

    /// Evicts all; none enters after that.
    void close() noexcept;

private:
    void unlink(Resident& resident) noexcept;

    std::mutex mutex_;
    Resident* first_ = nullptr;
    bool closed_ = false;
};

}  // namespace braid::transport
