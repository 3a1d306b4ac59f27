#include "transport/mpsc/driver.hpp"

#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <utility>

namespace braid::transport {

namespace {

// Whoever always finds something to do gives way after this much.
constexpr std::size_t turn_bytes = 1u << 20;

}  // namespace

MpscDriver::MpscDriver(PassageEnd end, const asio::any_io_executor& strand, MpscLink& link)
    : end_{std::move(end)},
      link_{link},
      reader_{Doorbell::make(strand)},
      writer_{Doorbell::make(strand)} {
    end_.in().set_reader(reader_);
    end_.out().set_writer(writer_);
}

MpscDriver::~MpscDriver() {
    end_.leave();
    reader_->take_down();
    writer_->take_down();
}

asio::awaitable<void> MpscDriver::read() {
    if (turn_read_ >= turn_bytes) {
        turn_read_ = 0;
        co_await asio::post(asio::use_awaitable);
    }
    while (!link_.failure()) {
        switch (end_.in().take(link_.input())) {
            case Lane::Taken::batches:
                for (const auto& batch : link_.input()) turn_read_ += batch->bytes().size();
                co_return;
            case Lane::Taken::end: link_.end(); co_return;
            case Lane::Taken::nothing: break;
        }
        turn_read_ = 0;
        co_await Doorbell::wait(reader_);
    }
}

bool MpscDriver::try_write() {
    if (turn_written_ >= turn_bytes || link_.failure()) return false;
    return !link_.has_output() || (write_now() && !full_);
}

asio::awaitable<void> MpscDriver::write() {
    if (turn_written_ >= turn_bytes) {
        turn_written_ = 0;
        co_await asio::post(asio::use_awaitable);
    }
    while (!link_.failure()) {
        if (!full_ && link_.has_output()) write_now();
        if (!full_) co_return;
        while (!link_.failure() && !end_.out().has_room()) {
            turn_written_ = 0;
            co_await Doorbell::wait(writer_);
        }
        full_ = false;
    }
}

/// @returns false if there is no room now
bool MpscDriver::write_now() {
    const auto bytes = link_.batch()->bytes().size();
    switch (end_.out().push(link_.batch())) {
        case Lane::Pushed::room: break;
        case Lane::Pushed::full: full_ = true; break;
        case Lane::Pushed::no: full_ = true; return false;
        // The reader ends the link when it has seen the peer's last words.
        case Lane::Pushed::gone: link_.batch()->clear(); break;
    }
    turn_written_ += bytes;
    link_.sent();
    return true;
}

void MpscDriver::finish() noexcept { end_.out().finish(); }

// The loops go on by themselves, not within this call: whoever calls may be one of them.
void MpscDriver::close() noexcept {
    if (std::exchange(closed_, true)) return;
    end_.leave();
    link_.fail(asio::error::operation_aborted);
    reader_->ring();
    writer_->ring();
}

}  // namespace braid::transport
