#include "peers/braid_tcp.hpp"

#include "peers/frame.hpp"

#include <braid/braid.hpp>

#include <asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace bench {

namespace {

/// So much may be queued in braid, or sent and not yet confirmed, before the sender waits: room for
/// what is under way, and for two messages at least.
std::size_t queued_bytes_max(std::size_t message_bytes) { return 512 * 1024 + 2 * message_bytes; }

/// The same for each of many streams: all together stay below the participant's limit.
std::size_t queued_bytes_max_of_each(unsigned streams) {
    return std::min(queued_bytes_max(64),
                    braid::Limits().participant_send_queue_bytes * 3 / 4 / streams);
}

/// After so many bytes the sender asks whether it may go on.
constexpr std::size_t bytes_per_look = 16 * 1024;

template <std::size_t bytes>
struct Payload {
    std::uint64_t sequence = 0;
    std::array<std::uint8_t, bytes - sizeof(std::uint64_t)> filler{};
};

template <std::size_t bytes>
Payload<bytes> stamped(std::uint64_t sequence) {
    Payload<bytes> payload;
    payload.sequence = sequence;
    return payload;
}

/// What the workload sends and receives, for the sizes that have a struct and for those that
/// have not.
template <std::size_t bytes>
class StructTraffic {
public:
    using Received = Payload<bytes>;

    explicit StructTraffic(std::size_t /*message_bytes*/) { payload_.filler.fill(0x5A); }

    std::error_code send(braid::Stream& stream, std::uint64_t sequence) {
        payload_.sequence = sequence;
        return stream.try_send(payload_);
    }
    static std::uint64_t sequence(const Received& payload) { return payload.sequence; }

private:
    Payload<bytes> payload_;
};

class ByteTraffic {
public:
    using Received = braid::Message;

    explicit ByteTraffic(std::size_t message_bytes) : message_(message_bytes, std::byte{0x5A}) {}

    std::error_code send(braid::Stream& stream, std::uint64_t sequence) {
        stamp(message_, sequence);
        return stream.try_send(std::span<const std::byte>(message_));
    }
    static std::uint64_t sequence(const Received& message) { return sequence_of(message.bytes()); }

private:
    std::vector<std::byte> message_;
};

/// The same few messages again and again, by reference: nobody copies or allocates bytes.
class KeptTraffic {
public:
    using Received = braid::Message;

    explicit KeptTraffic(std::size_t message_bytes) {
        std::vector<std::byte> bytes(message_bytes, std::byte{0x5A});
        for (std::uint64_t index = 0; index != kept_max; ++index) {
            stamp(bytes, index);
            kept_.emplace_back(std::span<const std::byte>(bytes));
        }
        stamp(bytes, end_sequence);
        end_ = braid::Message(std::span<const std::byte>(bytes));
    }

    std::error_code send(braid::Stream& stream, std::uint64_t sequence) {
        return stream.try_send(sequence == end_sequence ? end_ : kept_[sequence % kept_max]);
    }

    std::uint64_t sequence(const Received& message) {
        const std::uint64_t index = sequence_of(message.bytes());
        if (index == end_sequence) return index;
        // Any other than the next one is an error in order.
        if (index != expected_ % kept_max) return end_sequence - 1;
        return expected_++;
    }

private:
    static constexpr std::uint64_t kept_max = 16;

    std::vector<braid::Message> kept_;
    braid::Message end_;
    std::uint64_t expected_ = 0;
};

/// The defaults, as far as the workload fits into them.
braid::NetworkOptions options_for(std::size_t message_bytes, unsigned streams) {
    braid::Limits limits;
    limits.peer_streams = std::max(limits.peer_streams, streams);
    limits.stream_send_queue_bytes = std::max(limits.stream_send_queue_bytes,
                                              queued_bytes_max(message_bytes) + 2 * message_bytes);
    limits.participant_send_queue_bytes =
        std::max(limits.participant_send_queue_bytes, limits.stream_send_queue_bytes);
    return braid::NetworkOptions().limits(limits);
}

/// Where the receiver listens, and what stands before the port or number where the sender connects.
struct Way {
    const char* listen;
    const char* connect;

    std::string address_of(std::uint16_t port) const { return connect + std::to_string(port); }
    std::uint16_t port_of(const braid::ListenAddr& address) const {
        const bool within = address.transport() == braid::Transport::mpsc;
        return within ? static_cast<std::uint16_t>(address.channel()) : address.port();
    }
};

constexpr Way tcp{"tcp://127.0.0.1:0", "tcp://127.0.0.1:"};
constexpr Way udp{"udp://127.0.0.1:0", "udp://127.0.0.1:"};
constexpr Way mpsc{"mpsc://1", "mpsc://"};

/// The senders wait before a queue is full, so that any refusal is an error.
void check(std::error_code error) {
    if (error) throw std::system_error(error, "try_send");
}

template <typename Traffic>
asio::awaitable<void> send_messages(OneWaySender& sender, braid::Stream& stream) {
    Traffic traffic(sender.message_bytes());
    const std::size_t queued_max = queued_bytes_max(sender.message_bytes());
    std::size_t bytes_to_look = bytes_per_look;
    for (std::uint64_t sequence = 0; sequence != end_sequence;) {
        sequence = sender.next();
        check(traffic.send(stream, sequence));
        if (bytes_to_look > sender.message_bytes()) {
            bytes_to_look -= sender.message_bytes();
        } else {
            bytes_to_look = bytes_per_look;
            co_await stream.writable(queued_max);
        }
    }
    stream.finish();
    co_await stream.drained();
}

template <typename Traffic>
asio::awaitable<void> send_one_way(OneWaySender& sender, Way way) {
    braid::Network network(co_await asio::this_coro::executor,
                           options_for(sender.message_bytes(), 1));
    auto participant = co_await network.connect(way.address_of(sender.port()));
    auto stream = co_await participant.open();
    sender.connected();
    co_await send_messages<Traffic>(sender, stream);
    sender.took(participant.stats().packets_sent);
    sender.wait_until_received();
    co_await network.shutdown();
}

template <typename Traffic>
asio::awaitable<void> receive_one_way(OneWayReceiver& receiver, Way way) {
    braid::Network network(co_await asio::this_coro::executor);
    auto listener = co_await network.listen(way.listen);
    receiver.listening(way.port_of(listener.address()));
    auto participant = co_await network.connected();
    auto stream = co_await participant.opened();
    receiver.connected();
    Traffic traffic(receiver.message_bytes());
    while (auto message = co_await stream.template next<typename Traffic::Received>()) {
        receiver.accept(traffic.sequence(*message));
    }
}

void send_any_size(OneWaySender& sender, Way way) {
    switch (sender.message_bytes()) {
        case 64: return braid::run(send_one_way<StructTraffic<64>>(sender, way));
        case 1024: return braid::run(send_one_way<StructTraffic<1024>>(sender, way));
        default: return braid::run(send_one_way<ByteTraffic>(sender, way));
    }
}

void receive_any_size(OneWayReceiver& receiver, Way way) {
    switch (receiver.message_bytes()) {
        case 64: return braid::run(receive_one_way<StructTraffic<64>>(receiver, way));
        case 1024: return braid::run(receive_one_way<StructTraffic<1024>>(receiver, way));
        default: return braid::run(receive_one_way<ByteTraffic>(receiver, way));
    }
}

/// What the receiving coroutines of many streams share.
struct Arrivals {
    OneWayReceiver& receiver;
    unsigned to_start;
    unsigned to_end;
    std::uint64_t count = 0;
};

/// Counts all messages of all streams as one sequence, in which a message out of order leaves a
/// gap.
asio::awaitable<void> receive_stream(Arrivals& arrivals, braid::Stream stream) {
    if (--arrivals.to_start == 0) {
        // Opening the streams and starting their coroutines is not what is measured.
        arrivals.receiver.connected();
        stream.send(stamped<64>(0));
    }
    try {
        for (std::uint64_t expected = 0;; ++expected) {
            const auto message = co_await stream.recv<Payload<64>>();
            if (message.sequence == end_sequence) break;
            if (message.sequence != expected) ++arrivals.count;
            arrivals.receiver.accept(arrivals.count++);
        }
        if (--arrivals.to_end == 0) arrivals.receiver.accept(end_sequence);
    } catch (const braid::StreamError&) {
        // The streams that were not busy end with the participant. Were it another one, the harness
        // would miss its last message.
    }
}

asio::awaitable<void> receive_streams(OneWayReceiver& receiver, unsigned open, unsigned active) {
    constexpr Way way = tcp;
    const auto executor = co_await asio::this_coro::executor;
    braid::Network network(executor, options_for(64, open));
    auto listener = co_await network.listen(way.listen);
    receiver.listening(way.port_of(listener.address()));
    auto participant = co_await network.connected();
    Arrivals arrivals{receiver, open, active};
    std::vector<braid::Stream> streams;
    for (unsigned index = 0; index < open; ++index) {
        streams.push_back(co_await participant.opened());
    }
    for (auto& stream : streams) {
        braid::spawn(executor, receive_stream(arrivals, std::move(stream)));
    }
    try {
        co_await participant.opened();
    } catch (const braid::ParticipantError&) {
        // The sender leaves when it has heard that everything arrived.
    }
}

asio::awaitable<void> send_streams(OneWaySender& sender, unsigned open, unsigned active) {
    constexpr Way way = tcp;
    braid::Network network(co_await asio::this_coro::executor, options_for(64, open));
    auto participant = co_await network.connect(way.address_of(sender.port()));
    std::vector<braid::Stream> streams;
    for (unsigned index = 0; index < open; ++index) {
        streams.push_back(co_await participant.open());
    }
    // The other side says when it waits on all of them.
    co_await streams.back().recv<Payload<64>>();
    sender.connected();

    StructTraffic<64> traffic(64);
    const std::size_t queued_max = queued_bytes_max_of_each(active);
    std::size_t bytes_to_look = bytes_per_look;
    unsigned index = 0;
    for (std::uint64_t round = 0; sender.next() != end_sequence;) {
        check(traffic.send(streams[index], round));
        bytes_to_look -= 64;
        if (bytes_to_look == 0) {
            bytes_to_look = bytes_per_look;
            co_await streams[index].writable(queued_max);
        }
        if (++index == active) {
            index = 0;
            ++round;
        }
    }
    for (index = 0; index < active; ++index) {
        check(traffic.send(streams[index], end_sequence));
    }
    for (index = 0; index < active; ++index) {
        co_await streams[index].drained();
    }
    sender.wait_until_received();
    co_await network.shutdown();
}

asio::awaitable<void> ask(PingPongAsker& asker, Way way) {
    braid::Network network(co_await asio::this_coro::executor);
    auto participant = co_await network.connect(way.address_of(asker.port()));
    auto stream = co_await participant.open();
    asker.connected();
    StructTraffic<64> traffic(64);
    while (asker.next()) {
        check(traffic.send(stream, asker.sequence()));
        const auto answer = co_await stream.recv<Payload<64>>();
        asker.received(answer.sequence);
    }
    co_await network.shutdown();
}

asio::awaitable<void> answer(PingPongAnswerer& answerer, Way way) {
    braid::Network network(co_await asio::this_coro::executor);
    auto listener = co_await network.listen(way.listen);
    answerer.listening(way.port_of(listener.address()));
    auto participant = co_await network.connected();
    auto stream = co_await participant.opened();
    answerer.connected();
    while (const auto message = co_await stream.next<Payload<64>>()) {
        stream.send(*message);
    }
    answerer.closed();
}

OneWayPeer one_way(Way way, const char* name = "braid") {
    return {name, [way](OneWayReceiver& receiver) { receive_any_size(receiver, way); },
            [way](OneWaySender& sender) { send_any_size(sender, way); }};
}

PingPongPeer ping_pong(Way way) {
    return {"braid", [way](PingPongAnswerer& answerer) { braid::run(answer(answerer, way)); },
            [way](PingPongAsker& asker) {
                braid::run(ask(asker, way));
                asker.closed();
            }};
}

}  // namespace

OneWayPeer braid_one_way() { return one_way(tcp); }
OneWayPeer braid_one_way_udp() { return one_way(udp, "braid-udp"); }
OneWayPeer braid_one_way_within() { return one_way(mpsc); }

OneWayPeer braid_kept_within() {
    return {
        "braid-kept",
        [](OneWayReceiver& receiver) { braid::run(receive_one_way<KeptTraffic>(receiver, mpsc)); },
        [](OneWaySender& sender) { braid::run(send_one_way<KeptTraffic>(sender, mpsc)); }};
}

OneWayPeer braid_streams(std::string name, unsigned open, unsigned active) {
    return {std::move(name),
            [=](OneWayReceiver& receiver) { braid::run(receive_streams(receiver, open, active)); },
            [=](OneWaySender& sender) { braid::run(send_streams(sender, open, active)); }};
}

PingPongPeer braid_ping_pong() { return ping_pong(tcp); }
PingPongPeer braid_ping_pong_within() { return ping_pong(mpsc); }

}  // namespace bench
