#include "transport/transport.hpp"

#include "transport/mpsc/encounter.hpp"
#include "transport/mpsc/link.hpp"
#include "transport/mpsc/listener.hpp"
#include "transport/simulated/driver.hpp"
#include "transport/tcp/encounter.hpp"
#include "transport/tcp/listener.hpp"
#include "transport/udp/dialling_sockets.hpp"
#include "transport/udp/encounter.hpp"
#include "transport/udp/link.hpp"
#include "transport/udp/listener.hpp"

#include <braid/error.hpp>

#include <asio/this_coro.hpp>

#include <cassert>
#include <string>
#include <utility>

namespace braid::transport {

namespace {

std::string cannot_speak(const detail::AddressParts& address) {
    return to_string(address) + ": this build does not speak " +
           std::string{to_string(address.transport())} +
           " yet; use udp:// or tcp://, or mpsc:// within the process";
}

// Null where nothing gets lost.
UdpLink* packets_of(const Connection& connection) {
    if (connection.link->traits().lossless) return nullptr;
    assert(dynamic_cast<UdpLink*>(connection.link.get()) != nullptr);
    return static_cast<UdpLink*>(connection.link.get());
}

}  // namespace

SystemTransports::SystemTransports(std::shared_ptr<const Clock> clock,
                                   std::shared_ptr<Entropy> entropy)
    : clock_{std::move(clock)},
      entropy_{std::move(entropy)},
      udp_sockets_{std::make_shared<DiallingSockets>(entropy_)} {}

SystemTransports::~SystemTransports() = default;

asio::awaitable<std::unique_ptr<Encounter>> SystemTransports::dial(ConnectAddr address) {
    const auto strand = co_await asio::this_coro::executor;
    switch (address.transport()) {
        case Transport::tcp: co_return std::make_unique<TcpEncounter>(strand, std::move(address));
        case Transport::udp:
            co_return std::make_unique<UdpEncounter>(strand, std::move(address), udp_sockets_,
                                                     clock_, entropy_);
        case Transport::mpsc: co_return std::make_unique<MpscEncounter>(strand, address.channel());
        case Transport::quic: break;
    }
    throw ConnectError{errc::address_invalid, cannot_speak(address)};
}

asio::awaitable<std::unique_ptr<Listener>> SystemTransports::listen(ListenAddr address,
                                                                    Limits limits) {
    const auto strand = co_await asio::this_coro::executor;
    switch (address.transport()) {
        case Transport::tcp: co_return co_await listen_tcp(std::move(address));
        case Transport::udp:
            co_return co_await listen_udp(std::move(address), limits, clock_, entropy_);
        case Transport::mpsc: co_return std::make_unique<MpscListener>(strand, address.channel());
        case Transport::quic: break;
    }
    throw NetworkError{errc::address_invalid, cannot_speak(address)};
}

void check(const LinkSimulation& simulation) {
    const auto direction = [](const char* name, const LinkSimulation::Direction& values) {
        const auto problem = SimulatedPath::problem(values);
        if (problem.empty()) return;
        throw NetworkError{errc::options_invalid,
                           std::string{"NetworkOptions::simulate_link, "} + name + ": " + problem};
    };
    direction("outgoing", simulation.outgoing);
    direction("incoming", simulation.incoming);
}

void use(const Connection& connection, CongestionAlgorithm algorithm,
         std::uint64_t fixed_bytes_per_second) {
    if (auto* const link = packets_of(connection)) link->use(algorithm, fixed_bytes_per_second);
}

Connection simulate(Connection connection, const LinkSimulation& simulation, std::uint64_t number,
                    bool dialled) {
    static_assert(SimulatedLink::batch_bytes_min <= MpscLink::batch_bytes_min);
    const auto seed = 2 * (simulation.seed + number) + (dialled ? 1 : 0);
    if (auto* const link = packets_of(connection)) {
        link->simulate(simulation, seed);
        return connection;
    }
    auto link = std::make_unique<SimulatedLink>(std::move(connection.link), simulation, seed);
    auto driver = std::make_unique<SimulatedDriver>(std::move(connection.driver), *link);
    return {std::move(link), std::move(driver)};
}

}  // namespace braid::transport
