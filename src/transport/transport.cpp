#include "transport/transport.hpp"

#include "transport/tcp/encounter.hpp"
#include "transport/tcp/listener.hpp"

#include <braid/error.hpp>

#include <asio/this_coro.hpp>

#include <string>
#include <utility>

namespace braid::transport {

namespace {

std::string cannot_speak(const detail::AddressParts& address) {
    return to_string(address) + ": this build does not speak " +
           std::string{to_string(address.transport())} + " yet; use tcp://";
}

}  // namespace

asio::awaitable<std::unique_ptr<Encounter>> SystemTransports::dial(ConnectAddr address) {
    const auto strand = co_await asio::this_coro::executor;
    switch (address.transport()) {
        case Transport::tcp: co_return std::make_unique<TcpEncounter>(strand, std::move(address));
        case Transport::udp:
        case Transport::quic:
        case Transport::mpsc: break;
    }
    throw ConnectError{errc::address_invalid, cannot_speak(address)};
}

asio::awaitable<std::unique_ptr<Listener>> SystemTransports::listen(ListenAddr address) {
    switch (address.transport()) {
        case Transport::tcp: co_return co_await listen_tcp(std::move(address));
        case Transport::udp:
        case Transport::quic:
        case Transport::mpsc: break;
    }
    throw NetworkError{errc::address_invalid, cannot_speak(address)};
}

}  // namespace braid::transport
