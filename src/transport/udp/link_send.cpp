#include "protocol/frame_writer.hpp"
#include "transport/udp/link.hpp"

#include <braid/close_code.hpp>
#include <braid/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace braid::transport {

namespace {

using protocol::Duration;
using protocol::Time;

// At most so much of a packet is taken up by what acknowledges others.
constexpr std::size_t acknowledgement_share = 4;

// A packet takes so long to send: nothing urgent waits for longer behind it. The least size keeps
// the share of headers small (research: 1.10, guard 5).
constexpr Duration unit_time = std::chrono::milliseconds{4};
constexpr std::size_t unit_bytes_min = 300;

// Every so many packets that only acknowledge ask for an answer, which says what need not be
// repeated (RFC 9000, 13.2.4).
constexpr std::uint64_t silent_packets_max = 16;

// What is urgent may leave so much before its time, and beyond the window by a quarter and four
// packets (1.10).
constexpr Duration urgent_early = std::chrono::milliseconds{5};
constexpr std::uint64_t urgent_packets = 4;

// What only acknowledges or asks is no longer, where an address gets no more than so many times
// what came from it.
constexpr std::size_t answer_bytes = 64;

// At 10 % loss, the last words of one connection of ten thousand get lost.
constexpr unsigned last_words_copies = 4;

// A pause after which congestion control hears of it.
constexpr Duration idle_min = std::chrono::seconds{1};

}  // namespace

void UdpLink::fill(protocol::FrameSource& source, Time now) {
    time_ = now;
    if (failure_) return;
    paced_until_ = protocol::never;
    send_path_frames(now);
    // What would go to an address that has not proved itself is not worth a probe (RFC
    // 9002, 6.2.2.1).
    if (!may_answer()) probes_ = 0;
    for (; probes_ > 0; --probes_) {
        if (!send(&source, Purpose::probe, now)) break;
    }
    for (;;) {
        Purpose purpose = Purpose::data;
        if (!may_send(source, purpose, now) || !send(&source, purpose, now)) break;
    }
    if (may_probe_mtu()) send_mtu_probe(now);
    if (acknowledgement_due() <= now) send(nullptr, Purpose::acknowledgement, now);
    enter_simulation(now);
    end_if_all_said(source, now);
}

bool UdpLink::would_fill(protocol::FrameSource& source, Time now) {
    if (failure_ || outbox_.full(packet_bytes())) return false;
    Purpose purpose = Purpose::data;
    return may_send(source, purpose, now) || (probes_ > 0 && may_answer()) ||
           acknowledgement_due() <= now || (may_probe_mtu() && mtu_.probe(now)) ||
           paths_.probe(now, path_packet_bytes());
}

// True if the window and the pace allow what the source has; `purpose` is set to how.
bool UdpLink::may_send(protocol::FrameSource& source, Purpose& purpose, Time now) {
    if (!source.pending(now)) return false;
    const auto bytes = unit_bytes();
    if (!paths_.may_send(bytes) || outbox_.full(packet_bytes())) return false;
    const auto in_flight = recovery_.bytes_in_flight();
    if (in_flight == 0 && now - sent_at_ >= idle_min) {
        congestion_->on_idle(now, now - sent_at_);
        sent_at_ = now;
        set_pace();
    }
    const auto window = congestion_->window_bytes();
    const bool room = in_flight == 0 || in_flight + bytes <= window;
    const auto at = pacer_.next(now, bytes);
    if (room && at <= now) return true;
    if (source.urgent_pending(now)) {
        purpose = Purpose::urgent;
        const auto early = pacer_.next(now, bytes, urgent_early);
        if (in_flight + bytes <= window + window / 4 + urgent_packets * bytes) {
            if (early <= now) return true;
            paced_until_ = std::min(paced_until_, early);
        }
    }
    if (room) paced_until_ = std::min(paced_until_, at);
    return false;
}

// One packet with what the source has, if there is one. False if it came to nothing.
bool UdpLink::send(protocol::FrameSource* source, Purpose purpose, Time now) {
    const bool probe = purpose == Purpose::probe;
    const auto to = paths_.peer();
    // A probe is to arrive, even if longer packets do not any more.
    const auto longest = probe ? std::min(packet_bytes(), packet_bytes_base) : packet_bytes();
    const auto most = source == nullptr || probe ? longest : unit_bytes();
    Draft draft;
    if (!may_answer() || !begin(draft, allowed(most), now)) return false;
    if (acknowledgements_.pending()) write_acknowledgement(draft, now);
    const auto tag_bytes = options_.sealing->tag_bytes();
    if (source != nullptr) {
        const auto room =
            draft.room.subspan(draft.bytes, draft.room.size() - draft.bytes - tag_bytes);
        protocol::FrameWriter unit{room};
        draft.packet.token =
            purpose == Purpose::urgent ? source->fill_urgent(unit, now) : source->fill(unit, now);
        draft.bytes += unit.written();
        draft.packet.eliciting = unit.written() != 0;
    }
    const bool asks = probe || (draft.packet.acknowledges != 0 &&
                                counters_.traffic.packets_sent % silent_packets_max == 0);
    if (!draft.packet.eliciting && asks) {
        // A peer that has forgotten the connection says so only to packets that are this long.
        while (draft.bytes + 1 + tag_bytes < reset_trigger_bytes_min) {
            draft.room[draft.bytes++] = std::byte{0};
        }
        draft.bytes += encode_ping(draft.room.data() + draft.bytes);
        draft.packet.eliciting = true;
    }
    if (draft.bytes == draft.header_bytes) {
        outbox_.commit(to, 0);
        return false;
    }
    paths_.charge(draft.bytes + tag_bytes);
    const bool room = recovery_.bytes_in_flight() + draft.bytes < congestion_->window_bytes();
    commit(draft, to, room && source != nullptr && !source->pending(now), now);
    return true;
}

void UdpLink::send_path_frames(Time now) {
    while (!outbox_.full(packet_bytes())) {
        const auto probe = paths_.probe(now, path_packet_bytes());
        if (!probe) return;
        Draft draft;
        if (!begin(draft, std::min(probe->bytes, packet_bytes()), now)) return;
        // As long as the packets that are to follow, so that the way is known to carry them.
        const auto end = draft.room.size() - options_.sealing->tag_bytes() - path_frame_bytes;
        std::memset(draft.room.data() + draft.bytes, 0, end - draft.bytes);
        auto* const at = draft.room.data() + end;
        draft.bytes = end + (probe->response ? encode_path_response(probe->data, at)
                                             : encode_path_challenge(probe->data, at));
        // An answer is not repeated: a peer that acknowledges none must not make more and more of
        // them count as under way.
        draft.packet.eliciting = !probe->response;
        paths_.probe_sent(*probe, draft.bytes + options_.sealing->tag_bytes(), now);
        commit(draft, probe->to, false, now);
    }
}

void UdpLink::send_mtu_probe(Time now) {
    const auto bytes = mtu_.probe(now);
    if (!bytes) return;
    Draft draft;
    if (!begin(draft, *bytes, now)) return;
    const auto end = draft.room.size() - options_.sealing->tag_bytes() - 1;
    std::memset(draft.room.data() + draft.bytes, 0, end - draft.bytes);
    draft.bytes = end + encode_ping(draft.room.data() + end);
    draft.packet.eliciting = true;
    draft.packet.probes_mtu = true;
    mtu_.probe_sent(*bytes, now);
    paths_.charge(*bytes);
    commit(draft, paths_.peer(), false, now);
}

bool UdpLink::begin(Draft& draft, std::size_t bytes_max, Time now) {
    draft.room = outbox_.room(bytes_max);
    if (draft.room.empty()) return false;
    draft.packet.number = recovery_.next_number(now);
    draft.header_bytes =
        encode_packet_header(draft.room.data(), false, options_.destination, draft.packet.number,
                             packet_number_bytes(draft.packet.number, recovery_.largest_acked()));
    draft.bytes = draft.header_bytes;
    return true;
}

void UdpLink::write_acknowledgement(Draft& draft, Time now) {
    const auto most = draft.room.size() / acknowledgement_share;
    const auto written = acknowledgements_.write(draft.room.subspan(draft.bytes, most), now);
    if (written == 0) return;
    draft.bytes += written;
    draft.packet.acknowledges = acknowledgements_.largest() + 1;
}

Time UdpLink::acknowledgement_due() const noexcept {
    return may_answer() ? acknowledgements_.due() : protocol::never;
}

bool UdpLink::may_probe_mtu() const noexcept {
    return confirmed() && paths_.proven() && !finishing_ &&
           !outbox_.full(options_.packet_bytes_limit);
}

bool UdpLink::may_answer() const noexcept { return paths_.may_send(answer_bytes); }

// As much of it as may go to where the peer is.
std::size_t UdpLink::allowed(std::size_t bytes) const noexcept {
    return static_cast<std::size_t>(
        std::min<std::uint64_t>(bytes, paths_.allowance(paths_.peer())));
}

void UdpLink::commit(Draft& draft, const SocketAddress& to, bool application_limited, Time now) {
    const auto tag_bytes = options_.sealing->tag_bytes();
    const auto payload = draft.room.subspan(draft.header_bytes, draft.bytes - draft.header_bytes);
    const auto associated = packet_associated_data(draft.room[0], options_.destination.value_or(0));
    options_.sealing->seal(draft.packet.number, associated, payload,
                           draft.room.data() + draft.bytes);
    draft.bytes += tag_bytes;
    outbox_.commit(to, draft.bytes);
    draft.packet.bytes = static_cast<std::uint32_t>(draft.bytes);
    draft.packet.sent_at = now;
    recovery_.sent(draft.packet, application_limited);
    if (draft.packet.eliciting) {
        sent_at_ = now;
        if (!draft.packet.probes_mtu) {
            pacer_.sent(now, draft.bytes);
            congestion_->on_sent(now, draft.bytes, recovery_.bytes_in_flight());
        }
    }
    ++counters_.traffic.packets_sent;
    counters_.traffic.bytes_sent += draft.bytes;
}

// How long the next packet of data may be.
std::size_t UdpLink::unit_bytes() const noexcept {
    const auto rate = congestion_->rate_bytes_per_second();
    const auto most = packet_bytes();
    if (rate == 0) return most;
    const auto seconds = std::chrono::duration<double>(unit_time).count();
    const auto bytes = static_cast<std::size_t>(static_cast<double>(rate) * seconds);
    return std::min(most, std::max(bytes, unit_bytes_min));
}

// Of a packet with a path frame and nothing else.
std::size_t UdpLink::path_packet_bytes() const noexcept {
    return packet_header_bytes_max + options_.sealing->tag_bytes() + path_frame_bytes;
}

void UdpLink::set_pace() noexcept {
    const auto rate = congestion_->pacing_bytes_per_second();
    pacer_.set(rate, Pacer::burst(rate, packet_bytes(), PacketOutbox::batch_packets_max));
}

// Nobody will be there to repeat them: they are sent several times.
void UdpLink::last_words(Time now) {
    // Whose own goodbye was acknowledged owes an answer only to what came since.
    if (finishing_ && !broken_by_peer_ && !acknowledgements_.pending()) return;
    for (unsigned i = 0; i < last_words_copies; ++i) say_last_words(now);
    enter_simulation(now);
}

void UdpLink::say_last_words(Time now) {
    Draft draft;
    if (!may_answer() || !begin(draft, allowed(packet_bytes()), now)) return;
    if (acknowledgements_.any()) write_acknowledgement(draft, now);
    if (broken_by_peer_) {
        const auto room = draft.room.subspan(
            draft.bytes, draft.room.size() - draft.bytes - options_.sealing->tag_bytes());
        protocol::FrameWriter unit{room};
        unit.close(close_code::protocol_violation, broken_by_peer_.message());
        draft.bytes += unit.written();
        draft.packet.eliciting = true;
    }
    if (draft.bytes == draft.header_bytes) return outbox_.commit(paths_.peer(), 0);
    paths_.charge(draft.bytes + options_.sealing->tag_bytes());
    commit(draft, paths_.peer(), false, now);
}

}  // namespace braid::transport
