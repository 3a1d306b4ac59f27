#include "transport/mpsc/encounter.hpp"

#include "transport/mpsc/driver.hpp"
#include "transport/mpsc/link.hpp"
#include "transport/mpsc/listener.hpp"
#include "transport/refused.hpp"

#include <braid/address.hpp>
#include <braid/error.hpp>

#include <asio/error.hpp>

#include <utility>

namespace braid::transport {

MpscEncounter::MpscEncounter(const asio::any_io_executor& strand, std::uint64_t number)
    : MpscEncounter{strand, number, PassageEnd{nullptr, Passage::Side::dialling}} {}

MpscEncounter::MpscEncounter(const asio::any_io_executor& strand, std::uint64_t number,
                             PassageEnd end)
    : strand_{strand}, number_{number}, bell_{Doorbell::make(strand)}, end_{std::move(end)} {}

MpscEncounter::~MpscEncounter() { bell_->take_down(); }

asio::awaitable<void> MpscEncounter::send_hello(protocol::Hello hello) {
    if (closed_) fail(asio::error::operation_aborted);
    if (end_) {
        end_.say(std::move(hello));
        co_return;
    }
    auto passage = std::make_shared<Passage>();
    end_ = PassageEnd{passage, Passage::Side::dialling};
    end_.say(std::move(hello));
    knock(number_, std::move(passage));
}

asio::awaitable<protocol::Hello> MpscEncounter::receive_hello() {
    for (;;) {
        if (closed_) fail(asio::error::operation_aborted);
        auto heard = end_.hear(bell_);
        if (heard.refusal) {
            close();
            throw Refused{*heard.refusal, peer_address()};
        }
        if (heard.hello) co_return std::move(*heard.hello);
        if (heard.gone) fail(asio::error::connection_reset);
        co_await Doorbell::wait(bell_);
    }
}

asio::awaitable<void> MpscEncounter::refuse(protocol::Refusal refusal) {
    if (!closed_) end_.refuse(std::move(refusal));
    close();
    co_return;
}

Connection MpscEncounter::established() {
    auto link = std::make_unique<MpscLink>();
    auto driver = std::make_unique<MpscDriver>(std::move(end_), strand_, *link);
    if (std::exchange(closed_, true)) driver->close();
    return {std::move(link), std::move(driver)};
}

std::string MpscEncounter::peer_address() const { return to_string(ListenAddr::mpsc(number_)); }

void MpscEncounter::close() noexcept {
    closed_ = true;
    end_.leave();
    bell_->ring();
}

void MpscEncounter::fail(std::error_code error) {
    if (closed_) error = asio::error::operation_aborted;
    close();
    throw ConnectError{error, peer_address()};
}

}  // namespace braid::transport
