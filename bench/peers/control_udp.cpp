#include "peers/control_udp.hpp"

#include "peers/frame.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace bench {

namespace {

/// A call's worth of datagrams.
constexpr std::size_t batch = 64;
/// Under way at most: far less than the socket's buffer holds.
constexpr std::uint64_t window = 512;
constexpr int buffer_bytes = 8 << 20;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::system_category(), what);
}

class Datagrams {
public:
    explicit Datagrams(std::size_t message_bytes)
        : descriptor_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
          content_(batch * message_bytes, std::byte{0x5A}),
          message_bytes_(message_bytes) {
        if (descriptor_ < 0) fail("socket");
        // The plain option is capped by the system, the other is for root.
        if (::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes,
                         sizeof buffer_bytes) != 0) {
            ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
        }
        const timeval patience{2, 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in address = loopback(0);
        if (::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            fail("bind");
        }
        for (std::size_t index = 0; index < batch; ++index) {
            pieces_[index] = {content_.data() + index * message_bytes, message_bytes};
            messages_[index].msg_hdr.msg_iov = &pieces_[index];
            messages_[index].msg_hdr.msg_iovlen = 1;
        }
    }
    Datagrams(const Datagrams&) = delete;
    Datagrams& operator=(const Datagrams&) = delete;
    ~Datagrams() { ::close(descriptor_); }

    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        return address;
    }

    std::uint16_t port() const {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
        return ntohs(address.sin_port);
    }

    void connect(const sockaddr_in& address) {
        if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0) {
            fail("connect");
        }
    }

    std::span<std::byte> message(std::size_t index) {
        return std::span(content_).subspan(index * message_bytes_, message_bytes_);
    }

    void send(std::size_t count) {
        for (std::size_t sent = 0; sent < count;) {
            const int more = ::sendmmsg(descriptor_, messages_.data() + sent,
                                        static_cast<unsigned>(count - sent), 0);
            if (more < 0) fail("sendmmsg");
            sent += static_cast<std::size_t>(more);
        }
    }

    /// At least one.
    std::size_t receive() {
        const int count = ::recvmmsg(descriptor_, messages_.data(), batch, MSG_WAITFORONE, nullptr);
        if (count <= 0) fail("recvmmsg");
        return static_cast<std::size_t>(count);
    }

    int descriptor() const noexcept { return descriptor_; }

private:
    int descriptor_;
    std::vector<std::byte> content_;
    std::size_t message_bytes_;
    std::array<iovec, batch> pieces_{};
    std::array<mmsghdr, batch> messages_{};
};

/// How many the receiver has.
std::uint64_t read_count(const Datagrams& socket, int flags, std::uint64_t before) {
    std::uint64_t count = before;
    const ssize_t size = ::recv(socket.descriptor(), &count, sizeof count, flags);
    if (size < 0 && errno == EAGAIN && (flags & MSG_DONTWAIT) != 0) return before;
    if (size < 0) fail("the window stays shut: a datagram was lost");
    return std::max(count, before);
}

void send_one_way(OneWaySender& sender) {
    Datagrams socket(sender.message_bytes());
    socket.connect(Datagrams::loopback(sender.port()));
    sender.connected();
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (std::uint64_t sequence = 0; sequence != end_sequence;) {
        std::size_t count = 0;
        while (count < batch && sequence != end_sequence) {
            sequence = sender.next();
            stamp(socket.message(count++), sequence);
        }
        while (sent + count > received + window) received = read_count(socket, 0, received);
        socket.send(count);
        sent += count;
        received = read_count(socket, MSG_DONTWAIT, received);
    }
    sender.took(sent);
    sender.wait_until_received();
}

void receive_one_way(OneWayReceiver& receiver) {
    Datagrams socket(receiver.message_bytes());
    receiver.listening(socket.port());
    sockaddr_in sender{};
    socklen_t size = sizeof sender;
    std::byte first{};
    // Only a look: the datagram stays.
    if (::recvfrom(socket.descriptor(), &first, 1, MSG_PEEK, reinterpret_cast<sockaddr*>(&sender),
                   &size) < 0) {
        fail("recvfrom");
    }
    socket.connect(sender);
    receiver.connected();
    std::uint64_t received = 0;
    std::uint64_t told = 0;
    while (true) {
        const std::size_t count = socket.receive();
        received += count;
        for (std::size_t index = 0; index < count; ++index) {
            if (!receiver.accept(sequence_of(socket.message(index)))) return;
        }
        if (received - told < batch) continue;
        told = received;
        if (::send(socket.descriptor(), &told, sizeof told, 0) < 0) fail("send");
    }
}

}  // namespace

OneWayPeer udp_one_way() { return {"sendmmsg", receive_one_way, send_one_way}; }

}  // namespace bench
