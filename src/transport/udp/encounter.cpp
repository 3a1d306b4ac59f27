#include "transport/udp/encounter.hpp"

#include "crypto/mac_cipher.hpp"
#include "transport/refused.hpp"
#include "transport/resolve.hpp"
#include "transport/udp/acknowledgements.hpp"
#include "transport/udp/datagram_io.hpp"
#include "transport/udp/driver.hpp"
#include "transport/udp/link.hpp"

#include <braid/error.hpp>

#include <asio/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>

namespace braid::transport {

namespace {

using protocol::HandshakeSide;

/// Where the system does not know what the interface carries: that of Ethernet.
constexpr std::size_t packet_bytes_ethernet_v4 = 1472;
constexpr std::size_t packet_bytes_ethernet_v6 = 1452;

std::size_t packet_bytes_limit(const SocketAddress& peer) noexcept {
    const auto usual = peer.unmapped().v6 ? packet_bytes_ethernet_v6 : packet_bytes_ethernet_v4;
    const auto known = datagram_io::datagram_bytes_max(peer).value_or(usual);
    return std::clamp(known, packet_bytes_base, packet_bytes_max);
}

UdpTerms own_terms() {
    UdpTerms terms;
    terms.datagram_bytes_max = packet_bytes_max;
    terms.ack_delay_max = Acknowledgements::delay_max;
    return terms;
}

}  // namespace

UdpEncounter::UdpEncounter(const asio::any_io_executor& strand, ConnectAddr address,
                           std::shared_ptr<DiallingSockets> sockets,
                           std::shared_ptr<const Clock> clock, std::shared_ptr<Entropy> entropy)
    : strand_{strand},
      clock_{std::move(clock)},
      entropy_{std::move(entropy)},
      bell_{Doorbell::make(strand)},
      sockets_{std::move(sockets)},
      dial_{std::make_shared<UdpDial>(strand, sockets_, clock_, entropy_, bell_)},
      peer_address_{to_string(address)} {
    address_.emplace(std::move(address));
}

UdpEncounter::UdpEncounter(const asio::any_io_executor& strand, std::shared_ptr<UdpSocket> socket,
                           std::shared_ptr<UdpDoor> door, UdpDoor::Guest guest,
                           std::shared_ptr<const Clock> clock, std::shared_ptr<Entropy> entropy)
    : strand_{strand},
      clock_{std::move(clock)},
      entropy_{std::move(entropy)},
      bell_{Doorbell::make(strand)},
      socket_{std::move(socket)},
      admission_{std::make_unique<UdpAdmission>(std::move(door), guest.newcomer.key)},
      peer_{guest.newcomer.key.from},
      theirs_{guest.newcomer.message} {
    guest_.emplace(std::move(guest));
    const auto endpoint = datagram_io::endpoint_of(peer_);
    peer_address_ = text_of(Transport::udp, endpoint.address(), endpoint.port());
    peer_host_ = host_of(endpoint.address());
}

UdpEncounter::~UdpEncounter() {
    if (!closed_) close();
    // Unless a driver has it.
    if (bell_ != nullptr) bell_->take_down();
}

asio::awaitable<void> UdpEncounter::send_hello(protocol::Hello hello) {
    if (closed_) fail(asio::error::operation_aborted);
    own_.hello = std::move(hello);
    own_.terms = own_terms();
    if (dial_ == nullptr) {
        accept();
        co_return;
    }
    co_await dial_->ask(*address_, own_);
}

/// The seat comes first: packets may come as soon as the peer knows its id.
void UdpEncounter::accept() {
    seat_ = UdpSeat::with_id(socket_, bell_);
    if (seat_ == nullptr) fail(asio::error::no_buffer_space);
    own_.terms.connection_id = seat_->id();
    own_.terms.reset_token = admission_->door().token_of(*seat_->id());
    auto bytes = encode_accept(guest_->newcomer.key.attempt, own_);
    answered_at_ = clock_->now();
    answer(bytes);
    admission_->accepted(std::move(bytes), seat_->shared_mailbox());
}

/// If it finds no way, the peer asks again, and the gate answers.
void UdpEncounter::answer(const std::vector<std::byte>& bytes) noexcept {
    socket_->send(peer_, guest_->at, bytes, bytes.size());
}

asio::awaitable<protocol::Hello> UdpEncounter::receive_hello() {
    if (closed_) fail(asio::error::operation_aborted);
    if (dial_ != nullptr) {
        // close() needs it while answer() runs.
        const auto dial = dial_;
        auto answered = co_await dial->answer();
        dial_ = nullptr;
        peer_ = answered.peer;
        peer_host_ = host_of(datagram_io::endpoint_of(peer_).address());
        answered_.emplace(std::move(answered));
        if (answered_->dialling->state() == Dialling::State::failed) {
            const auto refusal = answered_->dialling->refusal();
            close();
            throw Refused{refusal, peer_address_};
        }
        theirs_ = answered_->dialling->peer();
    }
    co_return theirs_.hello;
}

asio::awaitable<void> UdpEncounter::refuse(protocol::Refusal refusal) {
    if (!closed_) {
        auto bytes = encode_refuse(guest_->newcomer.key.attempt, refusal);
        answer(bytes);
        admission_->refused(std::move(bytes));
    }
    close();
    co_return;
}

Connection UdpEncounter::established() {
    const bool dialled = answered_.has_value();
    const auto& dialling_session = dialled ? own_.hello.session : theirs_.hello.session;
    const auto& accepting_session = dialled ? theirs_.hello.session : own_.hello.session;
    auto ciphers =
        crypto::make_mac_ciphers(dialled ? HandshakeSide::dialling : HandshakeSide::accepting,
                                 dialling_session, accepting_session);
    std::array<std::byte, sizeof(std::uint64_t)> seed;
    entropy_->fill(seed);

    UdpLinkOptions options;
    options.peer = peer_;
    options.peer_proven = dialled || guest_->newcomer.proven;
    options.destination = theirs_.terms.connection_id;
    options.own = own_.terms.connection_id;
    options.sealing = std::move(ciphers.sealing);
    options.opening = std::move(ciphers.opening);
    options.idle = std::chrono::milliseconds{std::min(own_.hello.idle_ms, theirs_.hello.idle_ms)};
    options.reset_token = theirs_.terms.reset_token;
    options.packet_bytes_limit =
        std::min(packet_bytes_limit(peer_), theirs_.terms.datagram_bytes_max);
    std::memcpy(&options.seed, seed.data(), sizeof options.seed);

    UdpDriver::Place place;
    if (dialled) {
        options.round_trip_time = answered_->dialling->round_trip_time();
        place.seat = std::move(answered_->seat);
        place.sockets = sockets_;
        place.unread = std::move(answered_->unread);
    } else {
        options.answered_at = answered_at_;
        options.handshake_bytes = guest_->newcomer.received_bytes;
        place.seat = std::move(seat_);
        place.own_address = guest_->at;
        place.admission = std::move(admission_);
    }
    bell_ = nullptr;
    auto link = std::make_unique<UdpLink>(std::move(options), clock_->now());
    auto driver = std::make_unique<UdpDriver>(std::move(place), strand_, *link, clock_);
    if (std::exchange(closed_, true)) driver->close();
    return {std::move(link), std::move(driver)};
}

void UdpEncounter::close() noexcept {
    closed_ = true;
    if (dial_ != nullptr) dial_->close();
    if (answered_ && answered_->seat != nullptr) {
        send_cancellation(answered_->seat->socket(), peer_, *answered_->dialling);
        answered_->seat->leave();
    }
    if (seat_ != nullptr) seat_->leave();
    admission_ = nullptr;
}

void UdpEncounter::fail(std::error_code error) {
    if (closed_) error = asio::error::operation_aborted;
    close();
    throw ConnectError{error, peer_address_};
}

}  // namespace braid::transport
