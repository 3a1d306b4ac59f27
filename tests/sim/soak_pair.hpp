#pragma once

#include "protocol/mux.hpp"
#include "sim/datagrams.hpp"
#include "transport/udp/link.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace sim {

/// Two muxes with UDP's real link each, and the bad network between them, in virtual time: as
/// little else as there can be, so that it runs for long. Nothing of what happened is kept.
class SoakPair {
public:
    struct Options {
        std::array<PathOptions, 2> paths;
        std::uint64_t seed = 1;
        braid::Limits limits;
        std::size_t packet_bytes_limit = 1'452;
    };

    struct End {
        std::unique_ptr<braid::protocol::Mux> mux;
        std::unique_ptr<braid::transport::UdpLink> link;
        braid::protocol::MuxPort* port = nullptr;
    };

    /// Called whenever that end is awake, before it sends.
    using Application = std::function<void(std::size_t side)>;

    SoakPair(const Options& options, Time start, Application application);

    Time now() const { return now_; }
    End& end(std::size_t side) { return ends_[side]; }
    DatagramNetwork& network() { return network_; }

    /// Lets the next things happen, both ends awake, or comes to `until` if nothing does before.
    /// @throws Violation if a link fails, or time stands still
    void step(Time until);
    void run_until(Time until) {
        while (now_ < until) step(until);
    }

    std::uint64_t packets_sent() const;

private:
    Time next_event() const;
    void drive(std::size_t side);
    void write(std::size_t side);
    void check(std::size_t side) const;

    DatagramNetwork network_;
    Time now_;
    Application application_;
    std::array<End, 2> ends_;
    std::vector<DatagramNetwork::Datagram> batch_;
};

}  // namespace sim
