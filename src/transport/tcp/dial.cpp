#include "transport/tcp/dial.hpp"

#include "transport/resolve.hpp"

#include <braid/error.hpp>

#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <utility>

namespace braid::transport {

using asio::ip::tcp;

TcpDial::TcpDial(const asio::any_io_executor& strand)
    : strand_{strand}, changed_{strand}, resolver_{strand} {}

asio::awaitable<tcp::socket> TcpDial::connect(ConnectAddr address) {
    const auto self = shared_from_this();
    start(address);
    try {
        while (!decided()) co_await next_news();
    } catch (...) {
        // Cancelled from outside: nothing must go on behind the caller's back.
        close();
        throw;
    }
    if (!winner_) {
        if (closed_) error_ = asio::error::operation_aborted;
        close();
        throw ConnectError{error_, to_string(address)};
    }
    auto socket = std::move(*winner_);
    close();
    co_return socket;
}

asio::awaitable<void> TcpDial::next_news() {
    const bool more = attempts_.size() < endpoints_.size();
    if (more) {
        changed_.expires_after(stagger);
    } else {
        changed_.expires_at(asio::steady_timer::time_point::max());
    }
    std::error_code error;
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    // News cancel the wait. If they did not, it is time for the next attempt.
    if (!error) try_next();
}

void TcpDial::close() noexcept {
    closed_ = true;
    std::error_code ignored;
    resolver_.cancel();
    for (auto& attempt : attempts_) attempt.close(ignored);
    changed_.cancel();
}

void TcpDial::start(const ConnectAddr& address) {
    if (closed_) return;
    if (const auto number = numeric_peer(address)) {
        endpoints_.emplace_back(*number, address.port());
        attempts_.reserve(1);
        try_next();
        return;
    }
    looking_up_ = true;
    resolver_.async_resolve(address.host(), std::to_string(address.port()),
                            tcp::resolver::numeric_service,
                            [self = shared_from_this()](std::error_code error, const auto& found) {
                                self->looked_up(error, found);
                            });
}

void TcpDial::looked_up(std::error_code error, const tcp::resolver::results_type& found) {
    looking_up_ = false;
    if (closed_) return;
    error_ = error;
    if (!error) endpoints_ = take_turns(found);
    // Completions refer to attempts by position, so they must not move.
    attempts_.reserve(endpoints_.size());
    try_next();
    changed_.cancel();
}

void TcpDial::try_next() {
    if (closed_ || winner_ || attempts_.size() == endpoints_.size()) return;
    const auto position = attempts_.size();
    ++under_way_;
    attempts_.emplace_back(strand_);
    attempts_.back().async_connect(endpoints_[position],
                                   [self = shared_from_this(), position](std::error_code error) {
                                       self->tried(position, error);
                                   });
}

void TcpDial::tried(std::size_t position, std::error_code error) {
    --under_way_;
    if (closed_) return;
    if (!error && !winner_) {
        winner_ = std::move(attempts_[position]);
    } else if (error) {
        if (!error_) error_ = error;
        try_next();
    }
    changed_.cancel();
}

bool TcpDial::decided() const noexcept {
    const bool more = looking_up_ || under_way_ > 0 || attempts_.size() < endpoints_.size();
    return closed_ || winner_ || !more;
}

}  // namespace braid::transport
