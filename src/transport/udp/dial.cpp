#include "transport/udp/dial.hpp"

#include "transport/resolve.hpp"

#include <braid/error.hpp>

#include <asio/error.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <utility>

namespace braid::transport {

UdpDial::UdpDial(const asio::any_io_executor& strand, std::shared_ptr<DiallingSockets> sockets,
                 std::shared_ptr<const Clock> clock, std::shared_ptr<Entropy> entropy,
                 std::shared_ptr<Doorbell> bell)
    : strand_{strand},
      sockets_{std::move(sockets)},
      clock_{std::move(clock)},
      entropy_{std::move(entropy)},
      bell_{std::move(bell)},
      timer_{strand},
      resolver_{strand} {}

asio::awaitable<void> UdpDial::ask(ConnectAddr address, PlainMessage message) {
    const auto self = shared_from_this();
    address_.emplace(std::move(address));
    message_ = std::move(message);
    start();
    step();
    while (attempts_.empty() && !decided()) {
        co_await next_news();
    }
    if (attempts_.empty()) fail();
}

asio::awaitable<UdpDial::Attempt> UdpDial::answer() {
    const auto self = shared_from_this();
    step();
    while (!decided()) co_await next_news();
    if (!answered_) fail();
    Attempt winner{std::move(attempts_.back())};
    attempts_.pop_back();
    std::erase_if(winner.unread, [](const Mail& each) { return each.bytes.empty(); });
    winner.seat->socket().want_reports(false);
    close();
    co_return winner;
}

asio::awaitable<void> UdpDial::next_news() {
    co_await Doorbell::wait(bell_);
    step();
}

void UdpDial::fail() {
    if (closed_) error_ = asio::error::operation_aborted;
    close();
    throw ConnectError{error_, to_string(*address_)};
}

void send_cancellation(UdpSocket& socket, const SocketAddress& to,
                       const Dialling& dialling) noexcept {
    // Nobody waits for an answer that would tell whether it arrived: one of four does.
    constexpr int copies = 4;
    const auto bytes = dialling.cancellation();
    for (int i = 0; i < copies; ++i) socket.send(to, {}, bytes, bytes.size());
}

void UdpDial::close() noexcept {
    closed_ = true;
    resolver_.cancel();
    timer_.cancel();
    for (auto& attempt : attempts_) give_up(attempt);
    attempts_.clear();
    bell_->ring();
}

void UdpDial::give_up(Attempt& attempt) noexcept {
    auto& socket = attempt.seat->socket();
    socket.want_reports(false);
    send_cancellation(socket, attempt.peer, *attempt.dialling);
}

void UdpDial::start() {
    if (closed_) return;
    if (const auto number = numeric_peer(*address_)) {
        endpoints_.emplace_back(*number, address_->port());
        return;
    }
    looking_up_ = true;
    resolver_.async_resolve(address_->host(), std::to_string(address_->port()),
                            udp::resolver::numeric_service,
                            [self = shared_from_this()](std::error_code error, const auto& found) {
                                self->looked_up(error, found);
                            });
}

void UdpDial::looked_up(std::error_code error, const udp::resolver::results_type& found) {
    looking_up_ = false;
    if (closed_) return;
    error_ = error;
    if (!error) endpoints_ = take_turns(found);
    bell_->ring();
}

/// Does all that is to be done now.
void UdpDial::step() {
    if (closed_) return;
    const auto now = clock_->now();
    for (std::size_t i = 0; i < attempts_.size();) {
        if (go_on(attempts_[i], now)) {
            if (attempts_[i].dialling->state() != Dialling::State::asking) {
                answered_ = true;
                std::swap(attempts_[i], attempts_.back());
                return;
            }
            ++i;
            continue;
        }
        attempts_[i].seat->socket().want_reports(false);
        attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(i));
        next_at_ = now;
    }
    while (begun_ < endpoints_.size() && now >= next_at_) begin_next(now);
    set_timer(now);
}

void UdpDial::begin_next(protocol::Time now) {
    const auto peer = datagram_io::address_of(endpoints_[begun_++]);
    std::array<std::byte, sizeof(AttemptId)> drawn;
    entropy_->fill(drawn);
    AttemptId id = 0;
    std::memcpy(&id, drawn.data(), sizeof id);
    try {
        attempts_.emplace_back(peer, sockets_->seat(strand_, peer, bell_),
                               std::make_unique<Dialling>(id, message_, now));
        attempts_.back().seat->socket().want_reports(true);
    } catch (const std::system_error& error) {
        if (!error_) error_ = error.code();
        return;
    }
    if (const auto error = say(attempts_.back(), now)) {
        if (!error_) error_ = error;
        attempts_.back().seat->socket().want_reports(false);
        attempts_.pop_back();
        return;
    }
    next_at_ = protocol::after(now, stagger);
}

/// @returns false if there is no hope for this one
bool UdpDial::go_on(Attempt& attempt, protocol::Time now) {
    std::vector<Mail> mails;
    const auto reported = attempt.seat->mailbox().take(mails);
    attempt.unread = std::move(mails);
    hear(attempt, now);
    if (attempt.dialling->state() != Dialling::State::asking) return true;
    attempt.unread.clear();
    const auto unsent = say(attempt, now);
    if (!reported && !unsent) return true;
    if (!error_) error_ = reported ? reported : unsent;
    return false;
}

/// Reads until there is an answer; what is behind it stays unread.
void UdpDial::hear(Attempt& attempt, protocol::Time now) {
    for (auto& mail : attempt.unread) {
        while (!mail.bytes.empty()) {
            const auto size = std::min(mail.segment_bytes, mail.bytes.size());
            const auto datagram = mail.bytes.first(size);
            mail.bytes = mail.bytes.subspan(size);
            if (kind_of(datagram) != DatagramKind::handshake) continue;
            const auto state = attempt.dialling->received(datagram, now);
            if (state != Dialling::State::asking) return;
        }
    }
}

/// @returns why there is no way to the peer
std::error_code UdpDial::say(Attempt& attempt, protocol::Time now) {
    const auto initial = attempt.dialling->outgoing(now);
    if (initial.empty()) return {};
    const auto result = attempt.seat->socket().send(attempt.peer, {}, initial, initial.size());
    attempt.dialling->sent(now);
    // Where there is no room for it now, it goes again in its time.
    return result.error == asio::error::would_block ? std::error_code{}
           : result.error                           ? result.error
                                                    : result.lost;
}

void UdpDial::set_timer(protocol::Time now) {
    auto earliest = begun_ < endpoints_.size() ? next_at_ : protocol::never;
    for (const auto& each : attempts_) {
        earliest = std::min(earliest, each.dialling->deadline());
    }
    if (earliest == protocol::never) return;
    timer_.expires_after(earliest - now);
    timer_.async_wait([bell = bell_](std::error_code error) {
        if (!error) bell->ring();
    });
}

bool UdpDial::decided() const noexcept {
    const bool more = looking_up_ || begun_ < endpoints_.size() || !attempts_.empty();
    return closed_ || answered_ || !more;
}

}  // namespace braid::transport
