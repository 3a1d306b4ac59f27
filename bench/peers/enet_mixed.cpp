#include "peers/enet_mixed.hpp"

#include <enet/enet.h>
#include <poll.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

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

ENetAddress far_at(std::uint16_t port) {
    ENetAddress address{};
    ::enet_address_set_host_ip(&address, net::far_address);
    address.port = port;
    return address;
}

void wait_for_datagram(const ENetHost& host, std::int64_t at_most_ns) {
    pollfd poll{host.socket, POLLIN, 0};
    const timespec time{0, std::clamp<std::int64_t>(at_most_ns, 0, service_every_ns)};
    ::ppoll(&poll, 1, &time, nullptr);
}

class Sending {
public:
    explicit Sending(MixedSender& sender) : sender_(sender), host_(make_host(nullptr)) {}

    void run() {
        connect();
        sender_.connected();
        const std::size_t ahead = std::max(
            std::min(sender_.task().bulk_ahead_bytes, ahead_bytes_max), sender_.task().bulk_bytes);
        while (!sender_.finished()) {
            while (const auto due = sender_.due()) {
                const bool reliable = sender_.task().flows[due->flow].reliable;
                send(due->message, static_cast<enet_uint8>(due->flow), reliable, nullptr);
            }
            while (sender_.task().bulk_bytes != 0 && bulk_bytes_ < ahead) {
                send(sender_.bulk(), bulk_channel, true, this);
                bulk_bytes_ += sender_.task().bulk_bytes;
            }
            serve();
            wait_for_datagram(*host_, sender_.next_due_ns() - now_ns());
        }
    }

private:
    void connect() {
        const ENetAddress address = far_at(sender_.port());
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

    void send(std::span<const std::byte> message, enet_uint8 channel, bool reliable,
              Sending* counted) {
        ENetPacket* packet = ::enet_packet_create(message.data(), message.size(),
                                                  reliable ? ENET_PACKET_FLAG_RELIABLE : 0);
        if (counted != nullptr) {
            packet->userData = counted;
            packet->freeCallback = [](ENetPacket* freed) {
                static_cast<Sending*>(freed->userData)->bulk_bytes_ -= freed->dataLength;
            };
        }
        if (::enet_peer_send(peer_, channel, packet) != 0) {
            throw std::runtime_error("enet_peer_send");
        }
    }

    void serve() {
        ENetEvent event{};
        while (::enet_host_service(host_.get(), &event, 0) > 0) {
            if (event.type == ENET_EVENT_TYPE_DISCONNECT) {
                throw std::runtime_error("ENet gave up the connection");
            }
        }
    }

    MixedSender& sender_;
    std::size_t bulk_bytes_ = 0;
    Host host_;
    ENetPeer* peer_ = nullptr;
};

void receive(MixedReceiver& receiver) {
    const ENetAddress any_port = far_at(0);
    const Host host = make_host(&any_port);
    ENetAddress address{};
    ::enet_socket_get_address(host->socket, &address);
    receiver.listening(address.port);
    while (!receiver.finished()) {
        ENetEvent event{};
        while (::enet_host_service(host.get(), &event, 0) > 0) {
            if (event.type == ENET_EVENT_TYPE_DISCONNECT) {
                throw std::runtime_error("ENet gave up the connection");
            }
            if (event.type != ENET_EVENT_TYPE_RECEIVE) continue;
            receiver.received(
                std::as_bytes(std::span(event.packet->data, event.packet->dataLength)));
            ::enet_packet_destroy(event.packet);
        }
        wait_for_datagram(*host, service_every_ns);
    }
}

}  // namespace

MixedPeer enet_mixed() {
    return {"enet", receive, [](MixedSender& sender) { Sending(sender).run(); }};
}

}  // namespace bench
