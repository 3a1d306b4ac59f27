#pragma once

#include "runtime/environment.hpp"
#include "runtime/network.hpp"
#include "runtime/simulated_timers.hpp"
#include "runtime/wait_list.hpp"
#include "transport/driver.hpp"

#include <braid/braid.hpp>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Networks whose time stands still until a test moves it, connected by wires in memory. One
/// thread.
namespace simulated {

using braid::protocol::Duration;
using braid::protocol::Time;

/// One direction of a connection.
class Lane final : public braid::runtime::Alarmed, public std::enable_shared_from_this<Lane> {
public:
    Lane(std::shared_ptr<SimulatedTimers> timers, Duration latency);
    ~Lane();

    void carry(std::vector<std::byte> bytes);
    void change();

    std::optional<braid::protocol::Hello> hello;
    std::optional<braid::protocol::Refusal> refusal;
    std::vector<std::byte> arrived;
    bool closed = false;
    bool cut = false;                ///< nothing arrives any more, and nobody is told
    braid::protocol::LinkPath path;  ///< what the end that reads here believes to know of the way
    braid::runtime::WaitList changes;

private:
    void alarm() noexcept override;

    std::shared_ptr<SimulatedTimers> timers_;
    Duration latency_;
    std::deque<std::pair<Time, std::vector<std::byte>>> under_way_;
    braid::runtime::Timers::Entry entry_;
};

struct Wire {
    std::shared_ptr<Lane> to_acceptor;
    std::shared_ptr<Lane> to_dialler;
};

/// Shared by all Networks of a world. Addresses are tcp://127.0.0.1 and a port.
class Transports final : public braid::transport::Transports,
                         public std::enable_shared_from_this<Transports> {
public:
    struct Desk {
        asio::any_io_executor executor;
        std::deque<std::unique_ptr<braid::transport::Encounter>> callers;
        bool closed = false;
        braid::runtime::WaitList changes;
    };

    explicit Transports(std::shared_ptr<SimulatedTimers> timers) : timers_{std::move(timers)} {}

    asio::awaitable<std::unique_ptr<braid::transport::Encounter>> dial(
        braid::ConnectAddr address) override;
    asio::awaitable<std::unique_ptr<braid::transport::Listener>> listen(
        braid::ListenAddr address, braid::Limits limits) override;

    Duration latency = std::chrono::milliseconds{10};
    std::string caller_host;  ///< whence those who dial seem to come
    std::vector<Wire> wires;  ///< all there ever were

private:
    std::shared_ptr<SimulatedTimers> timers_;
    std::map<std::uint16_t, std::shared_ptr<Desk>> desks_;
    std::uint16_t next_port_ = 1000;
};

class World {
public:
    World();

    braid::Network make_network(
        unsigned letter, const braid::Limits& limits = {},
        const std::optional<braid::LinkSimulation>& simulated_link = std::nullopt);
    std::shared_ptr<braid::runtime::Network> make_core(
        unsigned letter, const braid::Limits& limits = {},
        const std::optional<braid::LinkSimulation>& simulated_link = std::nullopt);

    std::shared_ptr<braid::runtime::Network> make_core_with(unsigned letter,
                                                            const braid::NetworkOptions& options);

    /// Runs `main`, moving time whenever nothing else can happen.
    /// @returns how much time that took
    Duration run(asio::awaitable<void> main);

    /// Runs all that happens within `time`.
    void pass(Duration time);

    asio::io_context context;
    std::shared_ptr<SimulatedTimers> timers = std::make_shared<SimulatedTimers>();
    std::shared_ptr<Transports> transports = std::make_shared<Transports>(timers);
};

/// A peer that is no Network: it has said hello and can say anything.
struct Stranger {
    std::unique_ptr<braid::transport::Encounter> encounter;
    Wire wire;

    void say(std::vector<std::byte> bytes) { wire.to_acceptor->carry(std::move(bytes)); }
    /// Waits until it was answered with something, or the connection was closed.
    static asio::awaitable<std::vector<std::byte>> answer(std::shared_ptr<Lane> lane);
};
asio::awaitable<Stranger> introduce(World& world, std::string address, unsigned letter);

/// Waits for so much of the world's time.
asio::awaitable<void> pause(World& world, Duration time);

/// The error with which `operation` ends; none if it succeeds.
template <typename T>
asio::awaitable<std::error_code> error_of(asio::awaitable<T> operation) {
    std::error_code error;
    try {
        co_await std::move(operation);
    } catch (const std::system_error& thrown) {
        error = thrown.code();
    }
    co_return error;
}

}  // namespace simulated
