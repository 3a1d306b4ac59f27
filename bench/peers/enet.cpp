#include "peers/enet.hpp"

#include "peers/frame.hpp"

#include <enet/enet.h>
#include <poll.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

namespace bench {

namespace {

constexpr std::size_t channels = flows_max + 1;
constexpr enet_uint8 bulk_channel = flows_max;

/// Twice its window of what may be unacknowledged: more only makes its one list of reliable
/// messages, in which urgent ones wait behind the bulk, longer.
constexpr std::size_t ahead_bytes_max = 128 * 1024;

/// How long it may lie idle: its timers count in milliseconds.
constexpr std::int64_t service_every_ns = 1'000'000;

struct DestroyHost {
    void operator()(ENetHost* host) const noexcept { ::enet_host_destroy(host); }
};
using Host = std::unique_ptr<ENetHost, DestroyHost>;

Host make_host(const ENetAddress* address) {
    ::enet_initialize();
    Host host(::enet_host_create(address, 1, channels, 0, 0));
    if (!host) throw std::runtime_error("enet_host_create");
    return host;
}

ENetAddress address_of(const char* host, std::uint16_t port) {
    ENetAddress address{};
    ::enet_address_set_host_ip(&address, host);
    address.port = port;
    return address;
}

void wait_for_datagram(const ENetHost& host, std::int64_t at_most_ns) {
    pollfd poll{host.socket, POLLIN, 0};
    const timespec time{0, std::clamp<std::int64_t>(at_most_ns, 0, service_every_ns)};
    ::ppoll(&poll, 1, &time, nullptr);
}

/// The end that connects.
class Dialled {
public:
    explicit Dialled(const ENetAddress& address) : host_(make_host(nullptr)) {
        peer_ = ::enet_host_connect(host_.get(), &address, channels, 0);
        ENetEvent event{};
        if (peer_ == nullptr || ::enet_host_service(host_.get(), &event, 10'000) <= 0 ||
            event.type != ENET_EVENT_TYPE_CONNECT) {
            throw std::runtime_error("ENet did not connect");
        }
        ::enet_peer_throttle_configure(peer_, ENET_PEER_PACKET_THROTTLE_INTERVAL,
                                       ENET_PEER_PACKET_THROTTLE_SCALE, 0);
        constexpr enet_uint32 patience_ms = 60'000;
        ::enet_peer_timeout(peer_, 64, patience_ms, patience_ms);
    }

    void send(std::span<const std::byte> message, enet_uint8 channel, bool reliable) {
        send(::enet_packet_create(message.data(), message.size(),
                                  reliable ? ENET_PACKET_FLAG_RELIABLE : 0),
             channel);
    }

    /// The same for messages that unacknowledged_bytes() counts.
    void send_counted(std::span<const std::byte> message, enet_uint8 channel) {
        ENetPacket* packet =
            ::enet_packet_create(message.data(), message.size(), ENET_PACKET_FLAG_RELIABLE);
        packet->userData = this;
        packet->freeCallback = [](ENetPacket* freed) {
            static_cast<Dialled*>(freed->userData)->unacknowledged_bytes_ -= freed->dataLength;
        };
        unacknowledged_bytes_ += message.size();
        send(packet, channel);
    }

    std::size_t unacknowledged_bytes() const noexcept { return unacknowledged_bytes_; }

    void serve() {
        ENetEvent event{};
        while (::enet_host_service(host_.get(), &event, 0) > 0) {
            if (event.type == ENET_EVENT_TYPE_DISCONNECT) {
                throw std::runtime_error("ENet gave up the connection");
            }
        }
    }

    std::uint64_t packets_sent() const noexcept { return host_->totalSentPackets; }

    void wait(std::int64_t at_most_ns) { wait_for_datagram(*host_, at_most_ns); }

private:
    void send(ENetPacket* packet, enet_uint8 channel) {
        if (::enet_peer_send(peer_, channel, packet) != 0) {
            throw std::runtime_error("enet_peer_send");
        }
    }

    std::size_t unacknowledged_bytes_ = 0;
    Host host_;
    ENetPeer* peer_ = nullptr;
};

/// The end that listens: calls `take` with each message until that returns false.
class Listening {
public:
    explicit Listening(ENetAddress any_port) : host_(make_host(&any_port)) {}

    std::uint16_t port() const {
        ENetAddress address{};
        ::enet_socket_get_address(host_->socket, &address);
        return address.port;
    }

    template <typename Take>
    void serve(Take take) {
        ENetEvent event{};
        while (::enet_host_service(host_.get(), &event, 0) > 0) {
            if (event.type == ENET_EVENT_TYPE_DISCONNECT) {
                throw std::runtime_error("ENet gave up the connection");
            }
            if (event.type != ENET_EVENT_TYPE_RECEIVE) continue;
            take(std::as_bytes(std::span(event.packet->data, event.packet->dataLength)));
            ::enet_packet_destroy(event.packet);
        }
    }

    void wait() { wait_for_datagram(*host_, service_every_ns); }

private:
    Host host_;
};

void send_mixed(MixedSender& sender) {
    Dialled dialled(address_of(net::far_address, sender.port()));
    sender.connected();
    const MixedTask& task = sender.task();
    const std::size_t ahead =
        std::max(std::min(task.bulk_ahead_bytes, ahead_bytes_max), task.bulk_bytes);
    while (!sender.finished()) {
        while (const auto due = sender.due()) {
            dialled.send(due->message, static_cast<enet_uint8>(due->flow),
                         task.flows[due->flow].reliable);
        }
        while (task.bulk_bytes != 0 && dialled.unacknowledged_bytes() < ahead) {
            dialled.send_counted(sender.bulk(), bulk_channel);
        }
        dialled.serve();
        dialled.wait(sender.next_due_ns() - now_ns());
    }
}

void receive_mixed(MixedReceiver& receiver) {
    Listening listening(address_of(net::far_address, 0));
    receiver.listening(listening.port());
    while (!receiver.finished()) {
        listening.serve([&](std::span<const std::byte> message) { receiver.received(message); });
        listening.wait();
    }
}

void send_one_way(OneWaySender& sender, std::size_t ahead_bytes) {
    // After so many messages ENet may send them, in as few datagrams as it can.
    constexpr std::uint64_t messages_at_once = 64;
    Dialled dialled(address_of("127.0.0.1", sender.port()));
    sender.connected();
    std::vector<std::byte> message(sender.message_bytes(), std::byte{0x5A});
    for (std::uint64_t sequence = 0; sequence != end_sequence;) {
        sequence = sender.next();
        stamp(message, sequence);
        dialled.send_counted(message, bulk_channel);
        if (sequence % messages_at_once == 0) dialled.serve();
        while (dialled.unacknowledged_bytes() > ahead_bytes) {
            dialled.serve();
            if (dialled.unacknowledged_bytes() > ahead_bytes) dialled.wait(service_every_ns);
        }
    }
    while (dialled.unacknowledged_bytes() != 0) {
        dialled.serve();
        dialled.wait(service_every_ns);
    }
    sender.took(dialled.packets_sent());
    sender.wait_until_received();
}

void receive_one_way(OneWayReceiver& receiver) {
    Listening listening(address_of("127.0.0.1", 0));
    receiver.listening(listening.port());
    receiver.connected();
    bool more = true;
    const auto take = [&](std::span<const std::byte> message) {
        more = receiver.accept(sequence_of(message)) && more;
    };
    while (more) {
        listening.serve(take);
        listening.wait();
    }
    // The sender waits for its acknowledgement.
    constexpr int turns = 50;
    for (int turn = 0; turn < turns; ++turn) {
        listening.serve([](std::span<const std::byte>) {});
        listening.wait();
    }
}

}  // namespace

MixedPeer enet_mixed() { return {"enet", receive_mixed, send_mixed}; }

OneWayPeer enet_one_way(std::string name, std::size_t ahead_bytes) {
    return {std::move(name), receive_one_way,
            [=](OneWaySender& sender) { send_one_way(sender, ahead_bytes); }};
}

}  // namespace bench
