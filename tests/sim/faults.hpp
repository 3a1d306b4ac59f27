#pragma once

#include "sim/udp_end.hpp"
#include "sim/world.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sim {

/// Something that goes wrong on the way for a while, or once.
struct Fault {
    enum class Kind : std::uint8_t {
        loss,
        bursts,
        duplicates,
        corruption,
        truncation,
        lateness,    ///< some come late
        jitter,      ///< all come at odd times
        spike,       ///< all is held up, and comes at once
        rate,        ///< carries less
        cut,         ///< carries nothing
        black_hole,  ///< swallows what is longer, from then on
        interface,   ///< the system does not send what is longer, from then on
        port,        ///< the NAT gives another port
        host,        ///< and another address
        pause,       ///< a process stops
        sleep,       ///< and its clock stands
        copies,
        replays,
        junk,
        resets,
    };
    static constexpr std::size_t kinds = 20;

    Kind kind{};
    std::size_t side = 0;  ///< whose datagrams, or whose process
    Duration at{0};
    Duration length{0};
    double share = 0;
    std::uint64_t amount = 0;
    bool first = false;  ///< of copies: before the original
};

std::string describe(const Fault& fault);

/// Lets the faults happen to a way, one beside the other.
class Faults {
public:
    Faults(World& world, std::shared_ptr<DatagramNetwork> network, std::array<UdpEnd*, 2> ends,
           std::vector<Fault> faults);

private:
    void begin(const Fault& fault);
    void apply();
    void apply(const Fault& fault);

    World& world_;
    std::shared_ptr<DatagramNetwork> network_;
    std::array<UdpEnd*, 2> ends_;
    std::vector<Fault> faults_;
    std::vector<const Fault*> active_;
    std::array<PathOptions, 2> undisturbed_;
};

}  // namespace sim
