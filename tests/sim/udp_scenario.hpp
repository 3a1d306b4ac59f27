#pragma once

#include "sim/faults.hpp"
#include "sim/udp_end.hpp"
#include "sim/world.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sim {

/// Everything of a run that is drawn before it begins, so that parts can be left out.
struct UdpScenario {
    std::uint64_t seed = 0;
    Duration length{0};
    braid::Limits limits;
    UdpOptions way;
    std::vector<Fault> faults;
    std::vector<StreamPlan> plans;
    bool fatal = false;  ///< the way is cut for good: both ends must notice
};

UdpScenario make_udp_scenario(std::uint64_t seed);
std::string describe(const UdpScenario& scenario);

/// What came of a run.
struct UdpOutcome {
    std::uint64_t trace = 0;
    std::uint64_t datagrams = 0;
    Duration elapsed{0};
};

/// Two peers, one UDP channel and the faults of a scenario.
class UdpWorld {
public:
    explicit UdpWorld(const UdpScenario& scenario);

    World& world() { return *world_; }
    DatagramNetwork& network() { return *network_; }
    UdpEnd& end(std::size_t side) { return *ends_[side]; }
    PacketWatch& watch(std::size_t side) { return *watches_[side]; }

private:
    std::unique_ptr<World> world_;
    std::shared_ptr<DatagramNetwork> network_;
    std::array<std::shared_ptr<PacketWatch>, 2> watches_;
    std::array<UdpEnd*, 2> ends_{};
    std::unique_ptr<Faults> faults_;
};

/// Runs it to its end, every invariant watched.
/// @throws Violation
UdpOutcome run(const UdpScenario& scenario);

/// What is left of a scenario that breaks an invariant when all is left out that it takes not.
UdpScenario shrink(UdpScenario scenario);

/// @throws Violation, with the shrunk scenario in its text
UdpOutcome run_udp_scenario(std::uint64_t seed);

}  // namespace sim
