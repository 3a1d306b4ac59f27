#pragma once

#include "transport/clock.hpp"
#include "transport/driver.hpp"
#include "transport/entropy.hpp"

#include <braid/congestion_algorithm.hpp>
#include <braid/link_simulation.hpp>

#include <cstdint>
#include <memory>

namespace braid::transport {

class DiallingSockets;

/// The ways to peers that the operating system offers, chosen by address.
class SystemTransports final : public Transports {
public:
    SystemTransports(std::shared_ptr<const Clock> clock, std::shared_ptr<Entropy> entropy);
    ~SystemTransports() override;

    /// @throws ConnectError (errc::address_invalid) for a transport that this build cannot speak
    asio::awaitable<std::unique_ptr<Encounter>> dial(ConnectAddr address) override;

    /// @throws NetworkError (errc::address_invalid) likewise
    asio::awaitable<std::unique_ptr<Listener>> listen(ListenAddr address, Limits limits) override;

private:
    const std::shared_ptr<const Clock> clock_;
    const std::shared_ptr<Entropy> entropy_;
    const std::shared_ptr<DiallingSockets> udp_sockets_;
};

/// @throws NetworkError (errc::options_invalid) with what is wrong with these values
void check(const LinkSimulation& simulation);

/// How fast the connection sends, where that is braid's to decide: where packets may get lost.
void use(const Connection& connection, CongestionAlgorithm algorithm,
         std::uint64_t fixed_bytes_per_second);

/// The connection as if over the link described. Where packets may get lost it is them that are,
/// below the link's own acknowledgements.
/// @param number of the participant: each one's chance is its own, and so is that of both ends
Connection simulate(Connection connection, const LinkSimulation& simulation, std::uint64_t number,
                    bool dialled);

}  // namespace braid::transport
