#include "transport/udp/handshake_datagram.hpp"
#include "transport/udp/link.hpp"

#include <braid/error.hpp>

#include <algorithm>
#include <cstring>

namespace braid::transport {

namespace {

using protocol::Duration;
using protocol::Time;

// Before the acknowledgements of the peer can be told to be late, all are sent at once: RFC 9000,
// 13.2.1 says so of handshake packets.
constexpr std::uint64_t prompt_packets = 8;

constexpr std::byte reset_datagram{0x45};
constexpr std::byte ping_frame{0x01};

// A forged reset that got through would end a connection that works: in plain mode it is believed
// of a peer that has been silent only.
constexpr int reset_after_probe_timeouts = 2;

}  // namespace

void UdpLink::received(const SocketAddress& from, std::span<std::byte> bytes) {
    inbox_.push_back({from, bytes});
}

void UdpLink::drain(protocol::FrameSink& sink, Time now) {
    time_ = now;
    learn(sink, now);
    for (const auto& datagram : inbox_) {
        if (failure_) break;
        if (simulation_ == nullptr) {
            receive(datagram, sink, now);
        } else {
            simulation_->incoming.enter(datagram.from, datagram.bytes, now);
        }
    }
    inbox_.clear();
    for (; simulation_ != nullptr && simulation_->incoming.due() <= now && !failure_;
         simulation_->incoming.pop()) {
        auto& datagram = simulation_->incoming.front();
        receive({datagram.address, datagram.bytes}, sink, now);
    }
    if (std::exchange(probe_needs_data_, false)) {
        if (const auto token = recovery_.oldest_token()) sink.lost(*token, now);
    }
}

void UdpLink::receive(const Datagram& datagram, protocol::FrameSink& sink, Time now) {
    const auto bytes = datagram.bytes;
    if (!bytes.empty() && bytes[0] == reset_datagram) return receive_reset(bytes, now);
    std::uint64_t number = 0;
    std::span<const std::byte> payload;
    if (!open(bytes, number, payload)) return;
    if (const auto error = take(datagram, number, payload, sink, now)) {
        broken_by_peer_ = error;
        fail(error);
        return;
    }
    learn(sink, now);
}

// False, and counted, if these bytes are nothing that the peer sent, or nothing new.
bool UdpLink::open(std::span<std::byte> bytes, std::uint64_t& number,
                   std::span<const std::byte>& out) {
    const auto header = decode_packet_header(bytes);
    const auto tag_bytes = options_.opening->tag_bytes();
    if (!header || header->destination != options_.own ||
        bytes.size() < header->bytes + tag_bytes + 1) {
        ++counters_.datagrams_unknown;
        return false;
    }
    number =
        expand_packet_number(header->number_low, header->number_bytes, acknowledgements_.largest());
    if (!acknowledgements_.is_new(number)) {
        ++counters_.packets_duplicate;
        return false;
    }
    const auto associated = packet_associated_data(bytes[0], options_.own.value_or(0));
    const auto payload = bytes.subspan(header->bytes, bytes.size() - header->bytes - tag_bytes);
    if (!options_.opening->open(number, associated, payload, payload.data() + payload.size())) {
        ++counters_.packets_not_authentic;
        return false;
    }
    out = payload;
    return true;
}

// An authentic packet takes effect whole or not at all.
std::error_code UdpLink::take(const Datagram& datagram, std::uint64_t number,
                              std::span<const std::byte> payload, protocol::FrameSink& sink,
                              Time now) {
    LinkFrames frames;
    if (const auto error = decode_link_frames(payload, recovery_.largest_sent(), frames)) {
        return error;
    }
    const bool newest = !acknowledgements_.any() || number > acknowledgements_.largest();
    path_changed(paths_.on_packet(datagram.from, datagram.bytes.size(), newest, now,
                                  recovery_.probe_timeout()),
                 now);
    const auto receipt = sink.receive(payload, protocol::Framing::unit, now);
    if (receipt.error) return receipt.error;
    if (!receipt.stored) {
        ++counters_.packets_not_stored;
        return {};
    }
    const bool eliciting = !payload.empty() || frames.eliciting();
    const bool at_once = (!payload.empty() && payload[0] == ping_frame) ||
                         counters_.traffic.packets_received < prompt_packets;
    acknowledgements_.received(number, eliciting, at_once, now);
    counters_.traffic.bytes_received += datagram.bytes.size();
    if (++counters_.traffic.packets_received == 1) measure_handshake(now);
    authentic_at_ = now;
    if (frames.ack) {
        if (const auto error = recovery_.on_ack(*frames.ack, now, feedback_)) return error;
    }
    if (frames.challenge) paths_.on_challenge(*frames.challenge);
    if (frames.response) path_changed(paths_.on_response(*frames.response), now);
    return {};
}

// The first packet answers the ACCEPT, and at once; what took longer may answer one that was sent
// again, as nobody asks for it sooner (Karn).
void UdpLink::measure_handshake(Time now) {
    if (!options_.answered_at || recovery_.round_trip_time().known()) return;
    const auto measured = now - *options_.answered_at;
    if (measured >= initial_pause_first) return;
    recovery_.round_trip_time().sample(measured, Duration::zero());
}

// What became of packets: told to the mux and to congestion control, once.
void UdpLink::learn(protocol::FrameSink& sink, Time now) {
    counters_.losses_spurious += feedback_.losses_spurious;
    if (feedback_.spurious) congestion_->on_spurious_loss(now);
    // Before the losses: long packets that arrived in between tell a burst from a black hole.
    for (const auto& packet : feedback_.acked) {
        if (packet.acknowledges != 0) acknowledgements_.told(packet.acknowledges - 1);
        mtu_.acked(packet.bytes, now);
        if (packet.token != 0) sink.acked(packet.token, now);
    }
    for (const auto& packet : feedback_.lost) {
        ++counters_.traffic.packets_lost;
        mtu_.lost(packet.bytes, packet.probes_mtu, now);
        if (packet.token != 0) sink.lost(packet.token, now);
    }
    if (feedback_.loss) congestion_->on_loss(*feedback_.loss);
    if (feedback_.ack) congestion_->on_ack(*feedback_.ack);
    if (feedback_.ack || feedback_.loss) {
        probes_ = 0;
        set_pace();
    }
    feedback_.clear();
}

void UdpLink::path_changed(PathChange change, Time now) {
    if (change == PathChange::candidate) ++counters_.path_changes;
    // A NAT that gave the peer another port leaves the way as it was (RFC 9000, 9.4).
    if (change != PathChange::host) return;
    recovery_.path_changed(now);
    mtu_.path_changed(now);
    congestion_ = make_congestion_control(options_.congestion, packet_bytes_base,
                                          options_.fixed_bytes_per_second);
    set_pace();
}

void UdpLink::receive_reset(std::span<const std::byte> bytes, Time now) {
    const auto silent = now - authentic_at_;
    const bool right =
        options_.reset_token && bytes.size() > options_.reset_token->size() &&
        std::equal(options_.reset_token->begin(), options_.reset_token->end(),
                   bytes.end() - static_cast<std::ptrdiff_t>(options_.reset_token->size()));
    if (!right || silent < reset_after_probe_timeouts * recovery_.probe_timeout()) {
        ++counters_.resets_ignored;
        return;
    }
    fail(std::make_error_code(std::errc::connection_reset));
}

}  // namespace braid::transport
