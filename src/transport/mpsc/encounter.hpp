#pragma once

#include "transport/doorbell.hpp"
#include "transport/driver.hpp"
#include "transport/mpsc/passage.hpp"

#include <asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

namespace braid::transport {

/// The handshake within the process: hellos are handed over as they are.
class MpscEncounter final : public Encounter {
public:
    /// The dialling side: it looks for a listener in send_hello().
    MpscEncounter(const asio::any_io_executor& strand, std::uint64_t number);

    /// The accepting side.
    MpscEncounter(const asio::any_io_executor& strand, std::uint64_t number, PassageEnd end);
    ~MpscEncounter() override;

    asio::awaitable<protocol::Hello> receive_hello() override;
    asio::awaitable<void> send_hello(protocol::Hello hello) override;
    asio::awaitable<void> refuse(protocol::Refusal refusal) override;
    Connection established() override;
    std::string peer_address() const override;
    std::string peer_host() const override { return {}; }
    void close() noexcept override;
    asio::any_io_executor executor() override { return strand_; }

private:
    [[noreturn]] void fail(std::error_code error);

    asio::any_io_executor strand_;
    const std::uint64_t number_;
    const std::shared_ptr<Doorbell> bell_;
    PassageEnd end_;
    bool closed_ = false;
};

}  // namespace braid::transport
