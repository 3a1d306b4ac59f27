#include "transport/udp/hostile.hpp"

#include "transport/udp/acknowledgements.hpp"
#include "transport/udp/packet.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace braid::test {

using namespace std::chrono_literals;
using sim::WatchedCipher;
using transport::SocketAddress;
using transport::UdpLink;
using transport::UdpLinkOptions;

namespace {

constexpr transport::ConnectionId victim_id = 0x1d00'0002;
constexpr std::size_t message_bytes_max = 1u << 20;

protocol::MuxOptions mux_options() {
    protocol::MuxOptions options;
    options.limits.message_bytes = message_bytes_max;
    options.limits.stream_receive_window_bytes = 64u << 10;
    options.limits.participant_receive_window_bytes = 256u << 10;
    options.limits.stream_receive_window_bytes_max = 64u << 10;
    options.limits.participant_receive_window_bytes_max = 256u << 10;
    options.limits.peer_streams = 8;
    options.peer = {.stream_credit = 64u << 10,
                    .participant_credit = 256u << 10,
                    .streams = 8,
                    .message_bytes_max = message_bytes_max,
                    .idle = 15s};
    return options;
}

}  // namespace

Victim::Victim() : mux{mux_options()}, payload_(message_bytes_max, std::byte{'v'}) {
    block_.data = payload_.data();
    block_.recycle = [](protocol::Block&) {};
    of_attacker->key = 11;
    of_victim->key = 12;
    of_victim->sealed = [this](std::uint64_t number, std::span<const std::byte> payload) {
        heard.push_back({number, {}, 0, {payload.begin(), payload.end()}});
    };
    UdpLinkOptions options;
    options.peer = home();
    options.own = victim_id;
    options.sealing = std::make_unique<WatchedCipher>(of_victim);
    options.opening = std::make_unique<WatchedCipher>(of_attacker);
    options.idle = 15s;
    options.seed = 3;
    options.round_trip_time = 40ms;
    link = std::make_unique<UdpLink>(std::move(options), now);
    port = &mux.attach(link->traits(), false, now);
    say(FrameBytes{}.ping());
}

Victim::~Victim() = default;

SocketAddress Victim::home() {
    SocketAddress address;
    address.ip = {198, 51, 100, 66};
    address.port = 4'000;
    return address;
}

std::vector<std::byte> Victim::packet(std::uint64_t number,
                                      std::span<const std::byte> frames) const {
    std::vector<std::byte> datagram(transport::packet_header_bytes_max);
    datagram.resize(transport::encode_packet_header(datagram.data(), false, victim_id, number, 4));
    datagram.insert(datagram.end(), frames.begin(), frames.end());
    std::array<std::byte, WatchedCipher::tag_bytes_max> tag;
    WatchedCipher::write_tag(*of_attacker, number,
                             transport::packet_associated_data(datagram[0], victim_id), frames,
                             tag.data());
    datagram.insert(datagram.end(), tag.begin(),
                    tag.begin() + static_cast<std::ptrdiff_t>(of_attacker->tag_bytes));
    return datagram;
}

void Victim::say_as(std::uint64_t number, std::span<const std::byte> frames) {
    deliver(packet(number, frames));
}

void Victim::deliver(std::vector<std::byte> datagram, const SocketAddress& from) {
    link->received(from, datagram);
    link->drain(*port, now);
    run();
}

void Victim::acknowledge_all() {
    for (const auto& each : std::exchange(heard, {})) say(FrameBytes{}.ack(each.number));
}

void Victim::run() {
    if (failure()) return;
    if (link->deadline() <= now) {
        link->advance(now);
        link->drain(*port, now);
    }
    if (mux.deadline() <= now) mux.advance(now);
    read();
    port->set_path(link->path());
    fill();
}

void Victim::fill() {
    for (int round = 0; round < 100 && !failure(); ++round) {
        link->fill(*port, now);
        collect();
        if (!link->would_fill(*port, now)) return;
    }
}

// The numbers were noted as they were sealed, in the same order.
void Victim::collect() {
    auto named =
        std::find_if(heard.begin(), heard.end(), [](const Heard& each) { return each.bytes == 0; });
    while (const auto batch = link->outgoing()) {
        auto bytes = batch->bytes;
        const auto all = bytes.size();
        while (!bytes.empty()) {
            const auto size = std::min(batch->segment_bytes, bytes.size());
            if (named != heard.end()) {
                named->to = batch->to;
                named->bytes = size;
                ++named;
            }
            bytes = bytes.subspan(size);
        }
        link->sent(all);
    }
}

void Victim::read() {
    for (auto* const stream : mux.take_changed()) {
        stream->changes = 0;
        if (!reads) continue;
        protocol::MessageQueue::Front front;
        std::uint64_t charge = 0;
        while (stream->inbound.delivered.front(front)) {
            ++messages_read;
            charge += front.charge;
            stream->inbound.delivered.pop();
        }
        if (charge > 0) mux.consume(*stream, charge);
    }
}

void Victim::wait(protocol::Duration duration) {
    const auto until = now + duration;
    while (!failure() && !port->idle_expired(now)) {
        const auto next = std::min(link->deadline(), mux.deadline());
        if (next > until) break;
        now = std::max(now, next);
        run();
    }
    now = until;
    run();
}

bool Victim::lives() {
    const auto number = number_next;
    say(FrameBytes{}.ping());
    wait(50ms);
    return !failure() && acknowledged(number);
}

bool Victim::acknowledged(std::uint64_t number) const {
    return std::any_of(heard.begin(), heard.end(), [&](const Heard& each) {
        std::span<const std::byte> bytes{each.payload};
        transport::AckFrame frame;
        if (bytes.empty() || (bytes[0] != std::byte{2} && bytes[0] != std::byte{3})) return false;
        if (transport::decode_ack(bytes, number, frame)) return false;
        return std::any_of(
            frame.ranges.begin(), frame.ranges.begin() + static_cast<std::ptrdiff_t>(frame.count),
            [&](const auto& range) { return range.begin <= number && number < range.end; });
    });
}

bool Victim::said(unsigned first_byte) const {
    return std::any_of(heard.begin(), heard.end(), [&](const Heard& each) {
        std::span<const std::byte> bytes{each.payload};
        transport::AckFrame frame;
        if (!bytes.empty() && (bytes[0] == std::byte{2} || bytes[0] == std::byte{3})) {
            if (transport::decode_ack(bytes, number_next, frame)) return false;
        }
        return !bytes.empty() && bytes[0] == static_cast<std::byte>(first_byte);
    });
}

protocol::Stream* Victim::open(unsigned promises) {
    StreamOptions options;
    options.promises = static_cast<Promises>(promises);
    return mux.open(options, now);
}

void Victim::send(protocol::Stream& stream, std::size_t bytes) {
    enqueue(stream, bytes);
    run();
}

void Victim::enqueue(protocol::Stream& stream, std::size_t bytes) {
    mux.enqueue(stream, block_, {0, static_cast<std::uint32_t>(bytes)}, now);
}

std::uint64_t Victim::bytes_left() const {
    std::uint64_t bytes = 0;
    for (const auto& each : heard) bytes += each.bytes;
    return bytes;
}

}  // namespace braid::test
