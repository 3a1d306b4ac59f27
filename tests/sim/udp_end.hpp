#pragma once

#include "sim/datagrams.hpp"
#include "sim/links.hpp"
#include "sim/packet_watch.hpp"
#include "sim/udp_watch.hpp"
#include "transport/udp/link.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sim {

/// What both ends of a UDP channel have in common.
struct UdpOptions {
    std::uint64_t seed = 1;
    std::array<PathOptions, 2> paths;
    braid::transport::Congestion congestion = braid::transport::Congestion::copa;
    std::uint64_t fixed_bytes_per_second = 250'000;
    std::size_t tag_bytes = 8;
    std::size_t packet_bytes_limit = 1'452;
    Duration idle = std::chrono::seconds{15};
    Duration round_trip_time{0};  ///< of the handshake
    bool client_id = false;       ///< the client wants a connection id in packets too
};

/// One end of a simulated UDP channel: the real link, and around it what the driver, the system
/// and the network do.
class UdpEnd final : public SimulatedLink {
public:
    UdpEnd(const UdpOptions& options, std::size_t side, std::shared_ptr<DatagramNetwork> network,
           std::array<std::shared_ptr<PacketWatch>, 2> watches, Time now);

    LinkTraits traits() const noexcept override { return link_->traits(); }
    LinkPath path() const noexcept override { return link_->path(); }
    std::error_code failure() const noexcept override { return link_->failure(); }

    void fill(FrameSource& source, Time now) override;
    void drain(FrameSink& sink, Time now) override;
    Time deadline() const noexcept override;
    void advance(Time now) override { link_->advance(now); }

    /// This end's clock is behind the network's by so much.
    void set_behind(Duration behind) override { behind_ = behind; }

    braid::transport::UdpLink& link() { return *link_; }
    const braid::transport::UdpLink& link() const { return *link_; }
    const PacketWatch& sealing() const { return *watches_[side_]; }

    Arrivals* arrivals() override { return &watch_->arrivals(); }
    void finish() override { link_->finish(); }

    /// The system refuses to send what is longer; the network may carry less.
    void set_interface_bytes(std::size_t bytes) { interface_bytes_ = bytes; }

private:
    void print(std::span<const std::byte> payload) const;
    void write(Time now);
    void check(Time now);
    void check_over();

    std::size_t side_;
    std::shared_ptr<DatagramNetwork> network_;
    std::array<std::shared_ptr<PacketWatch>, 2> watches_;  // by the side that seals
    WatchedCipher* sealing_ = nullptr;
    std::unique_ptr<braid::transport::UdpLink> link_;
    std::unique_ptr<UdpWatch> watch_;
    std::vector<DatagramNetwork::Datagram> batch_;
    Time now_{};
    Duration behind_{0};
    std::size_t interface_bytes_ = 65'507;
};

/// A UDP channel: two ends and the network between them.
struct UdpWay {
    std::shared_ptr<DatagramNetwork> network;
    std::array<std::shared_ptr<PacketWatch>, 2> watches;  ///< by the side that seals
    std::array<std::unique_ptr<UdpEnd>, 2> ends;
};

UdpWay make_udp_way(const UdpOptions& options, Time now);

}  // namespace sim
