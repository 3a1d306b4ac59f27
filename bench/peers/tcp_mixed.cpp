#include "peers/tcp_mixed.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace bench {

namespace {

/// As much as the best of the tries in docs/performance.md had.
constexpr int not_sent_bytes_max = 16 * 1024;
constexpr std::size_t piece_bytes_max = 16 * 1024;

/// What one piece of a message is preceded by: its length, and whether it is of the bulk.
using PieceHeader = std::uint16_t;
constexpr PieceHeader bulk_bit = 0x8000;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::system_category(), what);
}

void set_option(const net::File& socket, int level, int option, const void* value, socklen_t size,
                const char* what) {
    if (::setsockopt(socket.descriptor(), level, option, value, size) != 0) fail(what);
}

net::File make_socket(const std::string& congestion_control) {
    net::File socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.descriptor() < 0) fail("socket");
    const int on = 1;
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on, "TCP_NODELAY");
    set_option(socket, IPPROTO_TCP, TCP_CONGESTION, congestion_control.data(),
               static_cast<socklen_t>(congestion_control.size()), "TCP_CONGESTION");
    set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent_bytes_max,
               sizeof not_sent_bytes_max, "TCP_NOTSENT_LOWAT");
    return socket;
}

sockaddr_in far_at(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, net::far_address, &address.sin_addr);
    address.sin_port = htons(port);
    return address;
}

/// Waits until the socket is ready, or for `at_most_ns`.
bool ready(const net::File& socket, short events, std::int64_t at_most_ns) {
    pollfd poll{socket.descriptor(), events, 0};
    at_most_ns = std::clamp<std::int64_t>(at_most_ns, 0, 50'000'000);
    const timespec time{0, at_most_ns};
    if (::ppoll(&poll, 1, &time, nullptr) < 0) fail("ppoll");
    return poll.revents != 0;
}

class Sending {
public:
    Sending(MixedSender& sender, net::File socket) : sender_(sender), socket_(std::move(socket)) {}

    void run() {
        while (!sender_.finished()) {
            while (const auto due = sender_.due()) append(urgent_, due->message, false);
            const bool wants = !urgent_.empty() || !pending_.empty();
            // Not writable means more than TCP_NOTSENT_LOWAT unsent, which send() itself ignores.
            if (wants) write();
            const bool has_bulk = sender_.task().bulk_bytes != 0;
            const bool waits_for_room = has_bulk || !urgent_.empty() || !pending_.empty();
            const short events = waits_for_room ? POLLOUT : 0;
            if (ready(socket_, events, sender_.next_due_ns() - now_ns()) && pending_.empty() &&
                urgent_.empty() && has_bulk) {
                while (pending_.size() < piece_bytes_max) append(pending_, next_bulk_piece(), true);
                write();
            }
        }
    }

private:
    static void append(std::vector<std::byte>& to, std::span<const std::byte> bytes, bool is_bulk) {
        const auto header =
            static_cast<PieceHeader>(bytes.size() | (is_bulk ? bulk_bit : PieceHeader{0}));
        const auto* begin = reinterpret_cast<const std::byte*>(&header);
        to.insert(to.end(), begin, begin + sizeof header);
        to.insert(to.end(), bytes.begin(), bytes.end());
    }

    std::span<const std::byte> next_bulk_piece() {
        if (bulk_.empty()) bulk_ = sender_.bulk();
        const auto piece = bulk_.first(std::min(bulk_.size(), piece_bytes_max));
        bulk_ = bulk_.subspan(piece.size());
        return piece;
    }

    /// What has been begun, then what is urgent.
    void write() {
        for (int turn = 0; turn < 2; ++turn) {
            if (pending_.empty()) std::swap(pending_, urgent_);
            if (pending_.empty()) return;
            const ssize_t count = ::send(socket_.descriptor(), pending_.data(), pending_.size(),
                                         MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0 && errno == EAGAIN) return;
            if (count < 0) fail("send");
            pending_.erase(pending_.begin(), pending_.begin() + count);
        }
    }

    MixedSender& sender_;
    net::File socket_;
    std::vector<std::byte> pending_;
    std::vector<std::byte> urgent_;
    std::span<const std::byte> bulk_;
};

void send(MixedSender& sender, const std::string& congestion_control) {
    net::File socket = make_socket(congestion_control);
    const sockaddr_in address = far_at(sender.port());
    if (::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address),
                  sizeof address) != 0) {
        fail("connect");
    }
    sender.connected();
    Sending(sender, std::move(socket)).run();
}

/// Takes whole pieces out of what was read.
class Pieces {
public:
    void take(MixedReceiver& receiver, std::span<const std::byte> bytes) {
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        std::span<const std::byte> rest = buffer_;
        PieceHeader header = 0;
        while (rest.size() >= sizeof header) {
            std::memcpy(&header, rest.data(), sizeof header);
            const std::size_t length = header % bulk_bit;
            if (rest.size() < sizeof header + length) break;
            const auto piece = rest.subspan(sizeof header, length);
            if ((header & bulk_bit) != 0)
                receiver.received_bulk_bytes(piece.size());
            else
                receiver.received(piece);
            rest = rest.subspan(sizeof header + length);
        }
        buffer_.erase(buffer_.begin(), buffer_.end() - static_cast<std::ptrdiff_t>(rest.size()));
    }

private:
    std::vector<std::byte> buffer_;
};

void receive(MixedReceiver& receiver, const std::string& congestion_control) {
    const net::File listener = make_socket(congestion_control);
    sockaddr_in address = far_at(0);
    socklen_t size = sizeof address;
    if (::bind(listener.descriptor(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener.descriptor(), 1) != 0 ||
        ::getsockname(listener.descriptor(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        fail("listen");
    }
    receiver.listening(ntohs(address.sin_port));
    const net::File socket(::accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket.descriptor() < 0) fail("accept");
    Pieces pieces;
    std::vector<std::byte> room(256 * 1024);
    while (!receiver.finished()) {
        if (!ready(socket, POLLIN, 50'000'000)) continue;
        const ssize_t count = ::recv(socket.descriptor(), room.data(), room.size(), MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN) fail("recv");
        if (count == 0) throw std::runtime_error("the sender closed too early");
        if (count > 0) {
            pieces.take(receiver, std::span(room).first(static_cast<std::size_t>(count)));
        }
    }
}

}  // namespace

MixedPeer tcp_mixed(const std::string& congestion_control) {
    return {"tcp-" + congestion_control,
            [=](MixedReceiver& receiver) { receive(receiver, congestion_control); },
            [=](MixedSender& sender) { send(sender, congestion_control); }};
}

}  // namespace bench
