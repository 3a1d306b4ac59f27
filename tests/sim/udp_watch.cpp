#include "sim/udp_watch.hpp"

#include "protocol/frame_writer.hpp"
#include "sim/check.hpp"
#include "transport/udp/link_frames.hpp"

#include <utility>

namespace sim {

using braid::protocol::Frame;
using braid::protocol::FrameStatus;
using braid::protocol::FrameType;
using braid::protocol::Framing;

namespace {

// docs/udp.md: what is urgent may go so far beyond the window.
constexpr std::uint64_t urgent_share = 4;
constexpr std::uint64_t urgent_packets = 4;

// RFC 9002, 6.2.4.
constexpr unsigned probes_each = 2;

}  // namespace

UdpWatch::UdpWatch(const braid::transport::UdpLink& link, std::shared_ptr<PacketWatch> from_peer)
    : link_{link}, from_peer_{std::move(from_peer)} {}

FrameToken UdpWatch::Source::fill(braid::protocol::FrameWriter& unit, Time now) {
    const auto token = inner->fill(unit, now);
    if (unit.written() != 0) watch_.purpose_ = Purpose::data;
    return token;
}

FrameToken UdpWatch::Source::fill_urgent(braid::protocol::FrameWriter& unit, Time now) {
    const auto token = inner->fill_urgent(unit, now);
    if (unit.written() != 0) watch_.purpose_ = Purpose::urgent;
    return token;
}

FrameSource& UdpWatch::watched(FrameSource& source) {
    source_.inner = &source;
    return source_;
}

void UdpWatch::sealed(std::span<const std::byte> payload) {
    check_departure();
    departed_ = {std::exchange(purpose_, Purpose::own_frames), link_.recovery().bytes_in_flight(),
                 link_.congestion().window_bytes()};
    braid::transport::LinkFrames own;
    const auto peer_sent = from_peer_->sealed_last == 0 ? 0 : from_peer_->sealed_last - 1;
    if (decode_link_frames(payload, peer_sent, own)) return note("a packet that cannot be read");
    if (own.ack) check_acknowledgement(*own.ack);
    Frame frame;
    while (!payload.empty() && decode(payload, Framing::unit, frame) == FrameStatus::complete) {
        if (frame.type == FrameType::open) arrivals_.opened(frame);
    }
}

void UdpWatch::check_acknowledgement(const braid::transport::AckFrame& ack) {
    for (std::size_t i = 0; i < ack.count; ++i) {
        const auto& range = ack.ranges[i];
        if (stored_.covers(range.begin, range.end)) continue;
        note("acknowledges packets that were not stored, of " + std::to_string(range.begin) +
             " to " + std::to_string(range.end - 1));
    }
}

void UdpWatch::check_departure() {
    const auto [purpose, before, window] = std::exchange(departed_, {});
    const auto timeouts = link_.counters().probe_timeouts;
    if (std::exchange(probe_timeouts_, timeouts) != timeouts) probes_left_ = probes_each;
    if (purpose == Purpose::own_frames || before == 0) return;
    const auto after = link_.recovery().bytes_in_flight();
    auto most = window;
    if (purpose == Purpose::urgent) {
        most += window / urgent_share + urgent_packets * link_.packet_bytes();
    }
    if (after <= most) return;
    if (purpose == Purpose::data && probes_left_ > 0) {
        --probes_left_;
        return;
    }
    note(std::to_string(after) + " bytes in flight after a packet" +
         (purpose == Purpose::urgent ? " of urgent messages" : "") + ", of a window of " +
         std::to_string(window));
}

void UdpWatch::check_filled() {
    check_departure();
    require(violation_.empty(), [this] { return violation_; });
}

FrameSink& UdpWatch::watched(FrameSink& sink) {
    sink_.inner = &sink;
    dealt_with_ = datagrams_dealt_with();
    opened_ = 0;
    handed_over_ = 0;
    return sink_;
}

UdpWatch::Sink::Receipt UdpWatch::Sink::receive(std::span<const std::byte> bytes, Framing framing,
                                                Time now) {
    ++watch_.handed_over_;
    const auto receipt = inner->receive(bytes, framing, now);
    if (receipt.error || !receipt.stored) return receipt;
    const auto number = watch_.from_peer_->opened_last;
    if (watch_.stored_.insert(number, number + 1) == 0) watch_.note("a packet was stored twice");
    watch_.arrivals_.stored(bytes);
    return receipt;
}

std::uint64_t UdpWatch::datagrams_dealt_with() const {
    const auto& counters = link_.counters();
    return counters.traffic.packets_received + counters.packets_not_stored +
           counters.packets_duplicate + counters.packets_not_authentic +
           counters.datagrams_unknown + counters.resets_ignored;
}

void UdpWatch::check_drained(std::size_t datagrams) {
    require(violation_.empty(), [this] { return violation_; });
    if (link_.failure()) return;
    require(datagrams_dealt_with() - dealt_with_ == datagrams,
            "datagrams wait in the link for others");
    require(opened_ == handed_over_, "authentic packets wait in the link for others");
}

void UdpWatch::note(std::string what) {
    if (violation_.empty()) violation_ = std::move(what);
}

}  // namespace sim
