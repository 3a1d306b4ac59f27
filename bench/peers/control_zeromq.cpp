#include "peers/control_zeromq.hpp"

#include "peers/frame.hpp"

#include <zmq.h>

#include <cstdlib>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

namespace {

constexpr int high_water_mark = 1'000;

void check(int result, const char* what) {
    if (result < 0) {
        throw std::runtime_error(std::string(what) + ": " + ::zmq_strerror(::zmq_errno()));
    }
}

/// A context with one socket. Closing it waits until what was sent has left.
class Endpoint {
public:
    explicit Endpoint(int type) : context_(::zmq_ctx_new()), socket_(::zmq_socket(context_, type)) {
        check(socket_ == nullptr ? -1 : 0, "zmq_socket");
        check(::zmq_setsockopt(socket_, ZMQ_SNDHWM, &high_water_mark, sizeof high_water_mark),
              "ZMQ_SNDHWM");
        check(::zmq_setsockopt(socket_, ZMQ_RCVHWM, &high_water_mark, sizeof high_water_mark),
              "ZMQ_RCVHWM");
    }
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;
    ~Endpoint() {
        ::zmq_close(socket_);
        ::zmq_ctx_term(context_);
    }

    std::uint16_t listen() {
        check(::zmq_bind(socket_, "tcp://127.0.0.1:*"), "zmq_bind");
        char address[128];
        std::size_t size = sizeof address;
        check(::zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, address, &size), "ZMQ_LAST_ENDPOINT");
        const std::string text = address;
        return static_cast<std::uint16_t>(std::atoi(text.substr(text.rfind(':') + 1).c_str()));
    }

    void connect(std::uint16_t port) {
        const std::string address = "tcp://127.0.0.1:" + std::to_string(port);
        check(::zmq_connect(socket_, address.c_str()), "zmq_connect");
    }

    void send(std::span<const std::byte> message) {
        check(::zmq_send(socket_, message.data(), message.size(), 0), "zmq_send");
    }

    /// Receives into a message of the library's own, and returns the sequence number in it.
    std::uint64_t receive() {
        zmq_msg_t message;
        check(::zmq_msg_init(&message), "zmq_msg_init");
        check(::zmq_msg_recv(&message, socket_, 0), "zmq_msg_recv");
        const std::uint64_t sequence = sequence_of(
            {static_cast<const std::byte*>(::zmq_msg_data(&message)), ::zmq_msg_size(&message)});
        ::zmq_msg_close(&message);
        return sequence;
    }

private:
    void* context_;
    void* socket_;
};

void send_one_way(OneWaySender& sender) {
    Endpoint endpoint(ZMQ_PUSH);
    endpoint.connect(sender.port());
    sender.connected();
    std::vector<std::byte> message(sender.message_bytes(), std::byte{0x5A});
    for (std::uint64_t sequence = 0; sequence != end_sequence;) {
        sequence = sender.next();
        stamp(message, sequence);
        endpoint.send(message);
    }
    sender.wait_until_received();
}

void receive_one_way(OneWayReceiver& receiver) {
    Endpoint endpoint(ZMQ_PULL);
    receiver.listening(endpoint.listen());
    receiver.connected();
    while (receiver.accept(endpoint.receive())) {
    }
}

void ask(PingPongAsker& asker) {
    {
        Endpoint endpoint(ZMQ_PAIR);
        endpoint.connect(asker.port());
        asker.connected();
        std::vector<std::byte> message(asker.message_bytes(), std::byte{0x5A});
        while (asker.next()) {
            stamp(message, asker.sequence());
            endpoint.send(message);
            asker.received(endpoint.receive());
        }
        // ZeroMQ does not tell that the other side has gone; a message has to say it.
        stamp(message, end_sequence);
        endpoint.send(message);
    }
    asker.closed();
}

void answer(PingPongAnswerer& answerer) {
    Endpoint endpoint(ZMQ_PAIR);
    answerer.listening(endpoint.listen());
    answerer.connected();
    std::vector<std::byte> message(answerer.message_bytes(), std::byte{0x5A});
    while (true) {
        const std::uint64_t sequence = endpoint.receive();
        if (sequence == end_sequence) {
            break;
        }
        stamp(message, sequence);
        endpoint.send(message);
    }
    answerer.closed();
}

}  // namespace

OneWayPeer zeromq_one_way() { return {"zeromq", receive_one_way, send_one_way}; }

PingPongPeer zeromq_ping_pong() { return {"zeromq", answer, ask}; }

}  // namespace bench
