#pragma once

#include "protocol/interval_set.hpp"
#include "sim/arrivals.hpp"
#include "sim/packet_watch.hpp"
#include "transport/udp/link.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sim {

using braid::protocol::FrameSink;
using braid::protocol::FrameSource;
using braid::protocol::FrameToken;
using braid::protocol::Time;

/// Looks into every packet of one end of a UDP channel, and stands between its link and its mux:
///
/// - what is in flight fits the window when a packet leaves; what is urgent may go a quarter and
///   four packets beyond, and each probe timeout lets two packets go in any case;
/// - nothing is acknowledged that the mux has not stored;
/// - every datagram is dealt with in the drain() that reads it, and every authentic packet is
///   handed to the mux there, whatever else is missing.
class UdpWatch {
public:
    /// @param from_peer what the peer's packets hold, before this end opens them
    UdpWatch(const braid::transport::UdpLink& link, std::shared_ptr<PacketWatch> from_peer);

    /// Called as the tag of a packet is made, which must not throw; check() does.
    void sealed(std::span<const std::byte> payload);
    /// Called as the tag of a packet is found to be right.
    void opened() { ++opened_; }

    /// What the link is to be filled from, instead of `source`.
    FrameSource& watched(FrameSource& source);
    /// After the link was filled.
    void check_filled();

    /// Where the link is to be drained to, instead of `sink`.
    FrameSink& watched(FrameSink& sink);
    /// After the link was drained, and given so many datagrams before.
    void check_drained(std::size_t datagrams);

    Arrivals& arrivals() { return arrivals_; }

private:
    enum class Purpose : std::uint8_t { own_frames, data, urgent };

    class Source final : public FrameSource {
    public:
        explicit Source(UdpWatch& watch) : watch_{watch} {}
        FrameToken fill(braid::protocol::FrameWriter& unit, Time now) override;
        bool pending(Time now) override { return inner->pending(now); }
        FrameToken fill_urgent(braid::protocol::FrameWriter& unit, Time now) override;
        bool urgent_pending(Time now) override { return inner->urgent_pending(now); }

        FrameSource* inner = nullptr;

    private:
        UdpWatch& watch_;
    };

    class Sink final : public FrameSink {
    public:
        explicit Sink(UdpWatch& watch) : watch_{watch} {}
        Receipt receive(std::span<const std::byte> bytes, braid::protocol::Framing framing,
                        Time now) override;
        Receipt receive(std::span<const std::byte> bytes, std::span<braid::Message> beside,
                        Time now) override {
            return inner->receive(bytes, beside, now);
        }
        void acked(FrameToken token, Time now) override { inner->acked(token, now); }
        void lost(FrameToken token, Time now) override { inner->lost(token, now); }

        FrameSink* inner = nullptr;

    private:
        UdpWatch& watch_;
    };

    /// The packet that was sealed last: how much was in flight is known when the next one is.
    struct Departure {
        Purpose purpose = Purpose::own_frames;
        std::uint64_t in_flight_before = 0;
        std::uint64_t window = 0;
    };

    void note(std::string what);
    void check_departure();
    void check_acknowledgement(const braid::transport::AckFrame& ack);
    std::uint64_t datagrams_dealt_with() const;

    const braid::transport::UdpLink& link_;
    std::shared_ptr<PacketWatch> from_peer_;
    Source source_{*this};
    Sink sink_{*this};
    Arrivals arrivals_;
    braid::protocol::IntervalSet stored_;  // numbers of packets
    std::string violation_;                // the first one

    Purpose purpose_ = Purpose::own_frames;
    Departure departed_;
    std::uint64_t probe_timeouts_ = 0;
    unsigned probes_left_ = 0;

    std::uint64_t dealt_with_ = 0;
    std::uint64_t opened_ = 0;
    std::uint64_t handed_over_ = 0;
};

}  // namespace sim
