#include "peers/control_tcp.hpp"

#include "peers/frame.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace bench {

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::system_category(), what);
}

class Socket {
public:
    explicit Socket(int descriptor) : descriptor_(descriptor) {
        if (descriptor_ < 0) {
            fail("socket");
        }
    }
    Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Socket& operator=(Socket&&) = delete;
    ~Socket() {
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
    }

    int descriptor() const noexcept { return descriptor_; }

    void write_all(std::span<const std::byte> bytes) const {
        while (!bytes.empty()) {
            const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count < 0) {
                fail("send");
            }
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }

    /// 0: the other side has closed.
    std::size_t read_some(std::span<std::byte> room) const {
        const ssize_t count = ::recv(descriptor_, room.data(), room.size(), 0);
        if (count < 0) {
            fail("recv");
        }
        return static_cast<std::size_t>(count);
    }

    /// False when the other side has closed instead.
    bool read_all(std::span<std::byte> room) const {
        while (!room.empty()) {
            const std::size_t count = read_some(room);
            if (count == 0) {
                return false;
            }
            room = room.subspan(count);
        }
        return true;
    }

private:
    int descriptor_;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

void send_at_once(const Socket& socket) {
    const int on = 1;
    if (::setsockopt(socket.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        fail("TCP_NODELAY");
    }
}

template <typename Side>
Socket accept_one(Side& side) {
    Socket listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(listener.descriptor(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener.descriptor(), 1) != 0 ||
        ::getsockname(listener.descriptor(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        fail("listen");
    }
    side.listening(ntohs(address.sin_port));
    Socket socket(::accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
    send_at_once(socket);
    side.connected();
    return socket;
}

template <typename Side>
Socket connect_to(Side& side) {
    Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(side.port());
    if (::connect(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), sizeof address) !=
        0) {
        fail("connect");
    }
    send_at_once(socket);
    side.connected();
    return socket;
}

void send_one_way(OneWaySender& sender) {
    const Socket socket = connect_to(sender);
    FrameWriter writer;
    std::vector<std::byte> message(sender.message_bytes(), std::byte{0x5A});
    for (std::uint64_t sequence = 0; sequence != end_sequence;) {
        sequence = sender.next();
        stamp(message, sequence);
        writer.begin_frame(message.size());
        std::span<const std::byte> rest = message;
        while (true) {
            rest = rest.subspan(writer.append(rest));
            if (!writer.full()) {
                break;
            }
            socket.write_all(writer.bytes());
            writer.clear();
        }
    }
    socket.write_all(writer.bytes());
    sender.wait_until_received();
}

void receive_one_way(OneWayReceiver& receiver) {
    const Socket socket = accept_one(receiver);
    FrameReader reader(receiver.message_bytes());
    while (true) {
        const std::size_t count = socket.read_some(reader.room());
        if (count == 0) {
            throw std::runtime_error("the sender closed before its last message");
        }
        reader.read(count);
        while (const auto message = reader.next()) {
            if (!receiver.accept(sequence_of(*message))) {
                return;
            }
        }
    }
}

void ask(PingPongAsker& asker) {
    {
        const Socket socket = connect_to(asker);
        std::vector<std::byte> message(asker.message_bytes(), std::byte{0x5A});
        while (asker.next()) {
            stamp(message, asker.sequence());
            socket.write_all(message);
            if (!socket.read_all(message)) {
                throw std::runtime_error("the other side closed too early");
            }
            asker.received(sequence_of(message));
        }
    }
    asker.closed();
}

void answer(PingPongAnswerer& answerer) {
    const Socket socket = accept_one(answerer);
    std::vector<std::byte> message(answerer.message_bytes());
    while (socket.read_all(message)) {
        socket.write_all(message);
    }
    answerer.closed();
}

}  // namespace

OneWayPeer tcp_one_way() { return {"raw-tcp", receive_one_way, send_one_way}; }

PingPongPeer tcp_ping_pong() { return {"raw-tcp", answer, ask}; }

}  // namespace bench
