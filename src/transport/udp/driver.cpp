#include "transport/udp/driver.hpp"

#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

namespace braid::transport {

namespace {

// Whoever always finds something to do gives way after this much.
constexpr std::size_t turn_bytes = 1u << 20;

}  // namespace

UdpDriver::UdpDriver(Place place, const asio::any_io_executor& strand, UdpLink& link,
                     std::shared_ptr<const Clock> clock)
    : place_{std::move(place)},
      reader_{place_.seat->bell()},
      writer_{Doorbell::make(strand)},
      link_{link},
      clock_{std::move(clock)} {}

UdpDriver::~UdpDriver() {
    place_.seat->leave();
    former_ = nullptr;
    reader_->take_down();
    writer_->take_down();
}

asio::awaitable<void> UdpDriver::read() {
    if (turn_read_ >= turn_bytes) {
        turn_read_ = 0;
        co_await asio::post(asio::use_awaitable);
    }
    while (!take_mail() && !link_.failure()) {
        turn_read_ = 0;
        co_await Doorbell::wait(reader_);
    }
}

bool UdpDriver::catch_up() {
    if (closed_) return false;
    place_.seat->socket().catch_up();
    if (former_ != nullptr) former_->socket().catch_up();
    return take_mail();
}

/// @returns false if there was none
bool UdpDriver::take_mail() {
    if (place_.admission != nullptr && link_.confirmed()) {
        place_.admission->confirmed();
        place_.admission = nullptr;
    }
    mails_.clear();
    if (place_.unread.empty()) {
        const auto error = place_.seat->mailbox().take(mails_);
        // The peer has given up before it was heard of. Of one that was, it would say so itself.
        if (error && place_.admission != nullptr) link_.fail(error);
    } else {
        std::swap(mails_, place_.unread);
    }
    if (former_ != nullptr) {
        std::vector<Mail> late;
        former_->mailbox().take(late);
        // The peer has found the new one.
        if (!mails_.empty()) former_ = nullptr;
        std::move(late.begin(), late.end(), std::back_inserter(mails_));
    }
    for (const auto& mail : mails_) {
        // A socket that is bound to all addresses answers from the one that was asked.
        if (place_.seat->id()) place_.own_address = mail.at;
        turn_read_ += mail.bytes.size();
        for (std::size_t at = 0; at < mail.bytes.size(); at += mail.segment_bytes) {
            const auto size = std::min(mail.segment_bytes, mail.bytes.size() - at);
            link_.received(mail.from, mail.bytes.subspan(at, size));
        }
    }
    return !mails_.empty();
}

bool UdpDriver::try_write() {
    return turn_written_ < turn_bytes && !full_ && !link_.failure() && write_now();
}

asio::awaitable<void> UdpDriver::write() {
    if (turn_written_ >= turn_bytes) {
        turn_written_ = 0;
        co_await asio::post(asio::use_awaitable);
    }
    while (!link_.failure() && !write_now() && full_) {
        turn_written_ = 0;
        place_.seat->socket().ring_when_writable(writer_);
        co_await Doorbell::wait(writer_);
    }
}

/// @returns false if something is left
bool UdpDriver::write_now() {
    full_ = false;
    relocate();
    while (const auto batch = link_.outgoing()) {
        const auto result = place_.seat->socket().send(batch->to, place_.own_address, batch->bytes,
                                                       batch->segment_bytes);
        turn_written_ += result.bytes;
        if (result.bytes > 0) link_.sent(result.bytes);
        if (result.lost) relocation_.lost(result.lost);
        if (!result.error) continue;
        if (result.error == asio::error::message_size) {
            link_.too_big(clock_->now());
            continue;
        }
        full_ = result.error == asio::error::would_block;
        if (!full_) link_.fail(result.error);
        return false;
    }
    return true;
}

void UdpDriver::relocate() {
    const auto timeouts = link_.recovery().probe_timeouts();
    if (place_.sockets == nullptr || closed_ || !relocation_.suspects(timeouts)) return;
    if (!relocation_.take(timeouts, clock_->now())) return;
    try {
        auto seat = place_.sockets->seat_after(*place_.seat);
        former_ = std::exchange(place_.seat, std::move(seat));
    } catch (const std::system_error&) {
        // The system has none to give: it stays where it is, and tries again after the pause.
    }
}

void UdpDriver::finish() noexcept { link_.finish(); }

// The loops go on by themselves, not within this call: whoever calls may be one of them.
void UdpDriver::close() noexcept {
    if (std::exchange(closed_, true)) return;
    link_.last_words(clock_->now());
    write_now();
    place_.seat->leave();
    former_ = nullptr;
    link_.fail(asio::error::operation_aborted);
    reader_->ring();
    writer_->ring();
}

}  // namespace braid::transport
