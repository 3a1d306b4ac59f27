#include "transport/udp/socket.hpp"

#include "transport/strand_executor.hpp"

#include <asio/error.hpp>

#include <algorithm>
#include <utility>

namespace braid::transport {

using asio::ip::udp;

namespace {

constexpr std::size_t connections_max = ConnectionIds<std::shared_ptr<Mailbox>>::connections_limit;

}  // namespace

std::shared_ptr<UdpSocket> UdpSocket::open(const asio::any_io_executor& executor,
                                           const udp::endpoint& endpoint,
                                           const crypto::SecretNumbers::Key& id_key) {
    // Connections run beside it, not within its strand.
    const auto strand = strand_over(beneath(executor));
    std::shared_ptr<UdpSocket> socket{new UdpSocket{strand, endpoint, id_key}};
    if (!socket->residents_->enter(*socket)) {
        socket->claimed_ = socket;
        socket->evict();
        return socket;
    }
    post_to(strand, [weak = socket->weak_from_this()] {
        if (const auto self = weak.lock()) self->wait_readable();
    });
    return socket;
}

UdpSocket::UdpSocket(const asio::any_io_executor& strand, const udp::endpoint& endpoint,
                     const crypto::SecretNumbers::Key& id_key)
    : residents_{Residents::of(strand)},
      socket_{strand},
      strand_{strand},
      connections_{id_key, connections_max} {
    std::error_code error;
    socket_->open(endpoint.protocol(), error);
    if (!error) features_ = datagram_io::prepare(*socket_, endpoint.address().is_v6(), error);
    if (!error) socket_->bind(endpoint, error);
    if (!error) endpoint_ = socket_->local_endpoint(error);
    if (error) throw std::system_error{error};
    sender_.emplace(*socket_, features_.splits);
}

UdpSocket::~UdpSocket() { residents_->leave(*this); }

bool UdpSocket::claim() noexcept {
    claimed_ = weak_from_this().lock();
    return claimed_ != nullptr;
}

void UdpSocket::evict() noexcept {
    const auto self = std::move(claimed_);
    sender_.reset();
    socket_.reset();
    asio::any_io_executor dropped;
    const std::lock_guard lock{mutex_};
    std::swap(dropped, strand_);
}

asio::any_io_executor UdpSocket::executor() const {
    const std::lock_guard lock{mutex_};
    return strand_;
}

void UdpSocket::set_strays(std::shared_ptr<Strays> strays) {
    const std::lock_guard lock{mutex_};
    strays_ = std::move(strays);
}

std::optional<ConnectionId> UdpSocket::add(std::shared_ptr<Mailbox> mailbox) {
    const std::lock_guard lock{mutex_};
    return connections_.add(std::move(mailbox));
}

void UdpSocket::remove(ConnectionId id) noexcept {
    const std::lock_guard lock{mutex_};
    connections_.remove(id);
}

bool UdpSocket::add(const SocketAddress& peer, std::shared_ptr<Mailbox> mailbox) {
    const std::lock_guard lock{mutex_};
    return strand_ && peers_.emplace(peer, std::move(mailbox)).second;
}

void UdpSocket::remove(const SocketAddress& peer) noexcept {
    const std::lock_guard lock{mutex_};
    peers_.erase(peer);
}

void UdpSocket::want_reports(bool wanted) noexcept {
    const std::lock_guard lock{reading_};
    const bool before = reports_wanted_ > 0;
    wanted ? ++reports_wanted_ : --reports_wanted_;
    if (before != (reports_wanted_ > 0) && socket_) datagram_io::want_reports(*socket_, wanted);
}

DatagramSender::Result UdpSocket::send(const SocketAddress& to, const SocketAddress& from,
                                       std::span<const std::byte> bytes,
                                       std::size_t segment_bytes) noexcept {
    if (!sender_) return {0, asio::error::bad_descriptor, {}};
    return sender_->send(to, from, bytes, segment_bytes);
}

void UdpSocket::ring_when_writable(std::shared_ptr<Doorbell> bell) {
    const std::lock_guard lock{mutex_};
    if (!strand_) return;
    waiting_.push_back(std::move(bell));
    if (waiting_.size() > 1) return;
    post_to(strand_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->wait_writable();
    });
}

void UdpSocket::wait_writable() {
    socket_->async_wait(udp::socket::wait_write, [weak = weak_from_this()](std::error_code) {
        if (const auto self = weak.lock()) self->writable();
    });
}

void UdpSocket::writable() {
    std::vector<std::shared_ptr<Doorbell>> waiting;
    {
        const std::lock_guard lock{mutex_};
        std::swap(waiting, waiting_);
    }
    for (const auto& each : waiting) each->ring();
}

void UdpSocket::wait_readable() {
    socket_->async_wait(udp::socket::wait_read, [weak = weak_from_this()](std::error_code error) {
        if (error) return;
        if (const auto self = weak.lock()) {
            if (self->receive(calls_per_turn)) self->wait_readable();
        }
    });
}

void UdpSocket::catch_up() {
    // More than the system holds does not count as waiting.
    const auto held = features_.receive_buffer_bytes / datagram_io::receive_bytes_max;
    receive(static_cast<int>(held) * calls_per_turn);
}

/// @returns false if the context dies
bool UdpSocket::receive(int calls_max) {
    const std::lock_guard lock{reading_};
    if (!socket_) return false;
    std::error_code error;
    ReceiveSlab::Filling into;
    for (int call = 0; call < calls_max; ++call) {
        if (receive_once(into, error)) continue;
        if (error == asio::error::would_block) break;
        // Any other error is a report on something that was sent.
    }
    ReceiveSlab::put_back(std::move(into));
    if (reports_wanted_ > 0) take_reports();
    return true;
}

/// @returns false if there was nothing
bool UdpSocket::receive_once(ReceiveSlab::Filling& into, std::error_code& error) {
    constexpr auto room = datagram_io::receive_bytes_max;
    if (!into.slab || into.rest().size() < room) into = ReceiveSlab::borrow(room);
    if (!into.slab) {
        // Nobody reads what is there; what comes now must not wait for that.
        std::byte lost[1];
        datagram_io::receive(*socket_, lost, error);
        if (error) return false;
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return true;
    }
    const auto buffer = into.rest().first(room);
    const auto received = datagram_io::receive(*socket_, buffer, error);
    if (error) return false;
    received_.fetch_add(1, std::memory_order_relaxed);
    if (received.bytes == 0) return true;
    into.used += received.bytes;
    route(received, into.slab, buffer.first(received.bytes));
    return true;
}

/// Datagrams in a row for the same connection go together.
void UdpSocket::route(const datagram_io::Received& received, const ReceiveSlab::Share& slab,
                      std::span<std::byte> bytes) {
    const auto peer = of_peer(received.from);
    std::shared_ptr<Mailbox> current;
    std::size_t begin = 0;
    const auto hand_over = [&](std::size_t end) {
        if (current == nullptr || begin == end) return;
        current->put({received.from, received.at, slab, bytes.subspan(begin, end - begin),
                      received.segment_bytes});
    };
    for (std::size_t at = 0; at < bytes.size(); at += received.segment_bytes) {
        const auto datagram =
            bytes.subspan(at, std::min(received.segment_bytes, bytes.size() - at));
        auto next = target(datagram, peer);
        if (next != current) {
            hand_over(at);
            current = std::move(next);
            begin = at;
        }
        if (current != nullptr) continue;
        std::shared_ptr<Strays> strays;
        {
            const std::lock_guard lock{mutex_};
            strays = strays_;
        }
        if (strays != nullptr) strays->stray(*this, received.from, received.at, datagram);
        begin = at + datagram.size();
    }
    hand_over(bytes.size());
}

std::shared_ptr<Mailbox> UdpSocket::of_peer(const SocketAddress& peer) const {
    const std::lock_guard lock{mutex_};
    const auto found = peers_.find(peer);
    return found == peers_.end() ? nullptr : found->second;
}

std::shared_ptr<Mailbox> UdpSocket::target(std::span<const std::byte> datagram,
                                           const std::shared_ptr<Mailbox>& of_peer) {
    if (kind_of(datagram) == DatagramKind::packet) {
        const auto header = decode_packet_header(datagram);
        if (header && header->destination) {
            const std::lock_guard lock{mutex_};
            if (const auto* found = connections_.find(*header->destination)) return *found;
        }
    }
    return of_peer;
}

void UdpSocket::take_reports() {
    while (const auto report = datagram_io::take_report(*socket_)) {
        if (!report->error || report->error == asio::error::message_size) continue;
        if (const auto mailbox = of_peer(report->to)) mailbox->fail(report->error);
    }
}

UdpSocket::Counters UdpSocket::counters() const noexcept {
    return {received_.load(std::memory_order_relaxed), dropped_.load(std::memory_order_relaxed)};
}

}  // namespace braid::transport
