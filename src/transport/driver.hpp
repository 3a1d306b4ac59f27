#pragma once

#include "protocol/handshake.hpp"
#include "protocol/link.hpp"

#include <braid/address.hpp>
#include <braid/limits.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

namespace braid::transport {

/// A transport seen from below: moves bytes between its link and the operating system. It decides
/// nothing. All calls on the strand that the connection was made on.
class Driver {
public:
    virtual ~Driver() = default;

    /// Waits until something has arrived and has given it to the link, whose drain() is to be
    /// called before anything else is awaited; or until the link has failed.
    virtual asio::awaitable<void> read() = 0;

    /// Gives the link all that the system has received by now, without waiting. For deadlines that
    /// have passed while nobody read: what came in time counts.
    /// @returns true if there is something: drain() is to be called at once
    virtual bool catch_up() { return false; }

    /// Writes what the link has ready, if that needs no waiting.
    /// @returns false if write() is needed: something is left, there is to be no more for now, or
    ///          the link has failed
    virtual bool try_write() = 0;

    /// Writes what the link has ready; returns when the operating system would take more, or when
    /// the link has failed.
    virtual asio::awaitable<void> write() = 0;

    /// Tells the peer that nothing more will come, after what was written.
    virtual void finish() noexcept = 0;

    /// Ends read() and write(). Idempotent.
    virtual void close() noexcept = 0;
};

/// A link and its driver, made together.
struct Connection {
    std::unique_ptr<protocol::Link> link;
    std::unique_ptr<Driver> driver;
};

/// A connection of which the two ends do not know each other yet. The dialling side speaks first:
/// it sends its hello and receives the peer's; the accepting side receives, then sends or refuses.
/// Errors come as HandshakeError (a refusal as Refused) or as the system's.
class Encounter {
public:
    virtual ~Encounter() = default;

    virtual asio::awaitable<protocol::Hello> receive_hello() = 0;
    virtual asio::awaitable<void> send_hello(protocol::Hello hello) = 0;

    /// Accepting side: says why not, and closes.
    virtual asio::awaitable<void> refuse(protocol::Refusal refusal) = 0;

    /// After both hellos.
    virtual Connection established() = 0;

    /// The other end, as text ("tcp://10.0.0.7:51042").
    virtual std::string peer_address() const = 0;

    /// The strand that the connection was made on.
    virtual asio::any_io_executor executor() = 0;

    /// The host part of it, for limits per address; empty where there is none to limit (loopback,
    /// the own process).
    virtual std::string peer_host() const = 0;

    /// Ends what is being awaited with operation_aborted. Idempotent.
    virtual void close() noexcept = 0;
};

class Listener {
public:
    virtual ~Listener() = default;

    /// Where it listens, with the real port.
    virtual ListenAddr address() const = 0;

    /// What whoever runs it should know; empty if nothing.
    virtual std::string warning() const { return {}; }

    /// How often somebody has knocked who was not let in by now for the limits. Any thread.
    virtual std::uint64_t turned_away() const { return 0; }

    /// The next peer that knocks, on a strand of its own.
    virtual asio::awaitable<std::unique_ptr<Encounter>> accept() = 0;

    virtual void close() noexcept = 0;
};

/// All ways to peers. The calling coroutine's executor, a strand, becomes the connection's.
class Transports {
public:
    virtual ~Transports() = default;

    virtual asio::awaitable<std::unique_ptr<Encounter>> dial(ConnectAddr address) = 0;
    /// @param limits what they say of handshakes holds before accept(), where that saves something
    virtual asio::awaitable<std::unique_ptr<Listener>> listen(ListenAddr address,
                                                              Limits limits) = 0;
};

}  // namespace braid::transport
