#pragma once

#include "transport/driver.hpp"

#include <memory>

namespace braid::transport {

/// The ways to peers that the operating system offers, chosen by address.
class SystemTransports final : public Transports {
public:
    /// @throws ConnectError (errc::address_invalid) for a transport that this build cannot speak
    asio::awaitable<std::unique_ptr<Encounter>> dial(ConnectAddr address) override;

    /// @throws NetworkError (errc::address_invalid) likewise
    asio::awaitable<std::unique_ptr<Listener>> listen(ListenAddr address) override;
};

}  // namespace braid::transport
