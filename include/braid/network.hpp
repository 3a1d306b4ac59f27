#pragma once

#include <braid/address.hpp>
#include <braid/error.hpp>
#include <braid/export.hpp>
#include <braid/network_options.hpp>
#include <braid/participant.hpp>
#include <braid/pid.hpp>
#include <braid/result.hpp>
#include <braid/stats.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <string_view>

namespace braid {

namespace runtime {
class Listening;
class Network;
}  // namespace runtime

/// An address that a Network listens on. Discarding it keeps listening.
class Listener {
public:
    BRAID_API explicit Listener(std::shared_ptr<runtime::Listening> core) noexcept;

    /// With the real port, where 0 was asked for.
    BRAID_API ListenAddr address() const;

    /// Takes no more connections there. Those that exist stay.
    BRAID_API void stop();

private:
    std::shared_ptr<runtime::Listening> core_;
};

/// This end. Move-only; destroying it drops what has not been delivered, without waiting: await
/// shutdown() first. If its execution context still runs, peers are told with
/// close_code::network_destroyed; else they find it lost. May be destroyed before or after its
/// participants, streams and execution context.
///
/// Any thread may call. The work is done by the threads that run the execution context.
class Network {
public:
    /// Two Networks that meet must have different Pids.
    /// @throws NetworkError (errc::options_invalid)
    BRAID_API Network(const Pid& pid, asio::any_io_executor executor,
                      const NetworkOptions& options = NetworkOptions{});

    /// With a Pid drawn at random.
    BRAID_API explicit Network(asio::any_io_executor executor,
                               const NetworkOptions& options = NetworkOptions{});

    /// For tests: with a core of its own environment.
    BRAID_API explicit Network(std::shared_ptr<runtime::Network> core) noexcept;

    Network(Network&&) noexcept = default;
    BRAID_API Network& operator=(Network&& other) noexcept;
    BRAID_API ~Network();

    /// By which the others know it.
    BRAID_API Pid pid() const noexcept;

    /// Listens there, on as many addresses as you like.
    /// @throws NetworkError (errc::address_invalid, errc::network_closed, or the system's error)
    BRAID_API asio::awaitable<Listener> listen(ListenAddr address);

    /// The same, but errors come as a result. Takes a text, an address, or what
    /// ListenAddr::parse() gave. Only a cancellation and want of memory still throw.
    BRAID_API asio::awaitable<Result<Listener>> try_listen(Result<ListenAddr> address);
    template <std::convertible_to<std::string_view> Text>
    asio::awaitable<Result<Listener>> try_listen(const Text& text) {
        return try_listen(ListenAddr::parse(text));
    }

    /// Connects and shakes hands, within Limits::connect if no deadline is given.
    /// @throws ConnectError (errc::timed_out, errc::already_connected, errc::self_connect,
    ///         errc::address_invalid, or the system's error), HandshakeError (why the other end
    ///         will not talk), NetworkError (errc::network_closed, errc::too_many_participants)
    BRAID_API asio::awaitable<Participant> connect(ConnectAddr address);
    BRAID_API asio::awaitable<Participant> connect(ConnectAddr address,
                                                   std::chrono::nanoseconds deadline);

    /// The same, but errors come as a result, as with try_listen().
    BRAID_API asio::awaitable<Result<Participant>> try_connect(Result<ConnectAddr> address);
    BRAID_API asio::awaitable<Result<Participant>> try_connect(Result<ConnectAddr> address,
                                                               std::chrono::nanoseconds deadline);
    template <std::convertible_to<std::string_view> Text>
    asio::awaitable<Result<Participant>> try_connect(const Text& text) {
        return try_connect(ConnectAddr::parse(text));
    }
    template <std::convertible_to<std::string_view> Text>
    asio::awaitable<Result<Participant>> try_connect(const Text& text,
                                                     std::chrono::nanoseconds deadline) {
        return try_connect(ConnectAddr::parse(text), deadline);
    }

    /// The next participant that has connected to one of our addresses. Cancelling the wait loses
    /// none.
    /// @throws NetworkError (errc::network_closed)
    BRAID_API asio::awaitable<Participant> connected();

    /// The same for loops: `while (auto client = co_await network.next_connected())`. Empty once
    /// the Network was shut down or destroyed.
    BRAID_API asio::awaitable<std::optional<Participant>> next_connected();
    BRAID_API std::optional<Participant> try_connected();

    /// Disconnects all participants, each as Participant::disconnect() does, within
    /// Limits::disconnect if no deadline is given, and stops listening.
    BRAID_API asio::awaitable<void> shutdown();
    BRAID_API asio::awaitable<void> shutdown(std::chrono::nanoseconds deadline);

    /// As of now.
    BRAID_API NetworkStats stats() const;

private:
    std::shared_ptr<runtime::Network> core_;
};

}  // namespace braid
