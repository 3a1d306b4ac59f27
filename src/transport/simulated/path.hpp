#pragma once

#include "protocol/time.hpp"

#include <braid/link_simulation.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace braid::transport {

/// One direction of a simulated link: when what enters it comes out again, and what is lost on the
/// way. Any transport can be sent over it: one that is given bytes (SimulatedLine) or one whose
/// packets may get lost. The same seed and the same calls give the same answers.
class SimulatedPath {
public:
    static constexpr std::size_t packet_bytes = 1'460;

    /// How many transmissions of one packet are lost in a row at most, so that everything arrives.
    static constexpr unsigned losses_max = 6;

    /// What happens to a unit of one or more packets.
    struct Passage {
        protocol::Time arrives{};
        unsigned packets = 0;
        unsigned losses = 0;              ///< of the packet that was lost most often, in a row
        unsigned packets_after_loss = 0;  ///< that followed the first one lost
        unsigned duplicates = 0;
    };

    SimulatedPath(const LinkSimulation::Direction& direction, std::uint64_t seed) noexcept
        : direction_{direction}, state_{seed} {}

    /// @returns what is wrong with these values; empty if nothing is
    static std::string problem(const LinkSimulation::Direction& direction);

    /// @param from when it is ready to leave; it does so behind what entered before
    Passage pass(std::size_t bytes, protocol::Time from) noexcept;

    /// When all that entered has left: the rate allows the next to.
    protocol::Time free_at() const noexcept { return free_at_; }

    /// How much is sent at once: what leaves in 4 ms, so that nothing urgent waits for longer, and
    /// at least a packet.
    std::size_t unit_bytes() const noexcept;

    const LinkSimulation::Direction& direction() const noexcept { return direction_; }

private:
    double share() noexcept;

    LinkSimulation::Direction direction_;
    std::uint64_t state_;
    protocol::Time free_at_{};
};

}  // namespace braid::transport
