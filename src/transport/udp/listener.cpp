#include "transport/udp/listener.hpp"

#include "transport/resolve.hpp"
#include "transport/strand_executor.hpp"
#include "transport/udp/encounter.hpp"

#include <braid/address.hpp>
#include <braid/error.hpp>

#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <system_error>
#include <utility>

namespace braid::transport {

using asio::ip::udp;

namespace {

std::shared_ptr<UdpSocket> open(const asio::any_io_executor& executor,
                                const udp::endpoint& endpoint, Entropy& entropy) {
    crypto::SecretNumbers::Key id_key;
    entropy.fill(id_key);
    try {
        return UdpSocket::open(executor, endpoint, id_key);
    } catch (const std::system_error& error) {
        const auto asked = ListenAddr::udp(endpoint.address().to_string(), endpoint.port());
        throw NetworkError{error.code(), to_string(asked)};
    }
}

}  // namespace

UdpListener::UdpListener(const asio::any_io_executor& strand, const udp::endpoint& endpoint,
                         const Limits& limits, std::shared_ptr<const Clock> clock,
                         std::shared_ptr<Entropy> entropy)
    : strand_{strand},
      clock_{std::move(clock)},
      entropy_{std::move(entropy)},
      bell_{Doorbell::make(strand)},
      door_{std::make_shared<UdpDoor>(GateLimits::of(limits), bell_, clock_, *entropy_)},
      socket_{open(strand, endpoint, *entropy_)},
      endpoint_{socket_->endpoint()} {
    socket_->set_strays(door_);
}

UdpListener::~UdpListener() {
    close();
    bell_->take_down();
}

ListenAddr UdpListener::address() const {
    return ListenAddr::udp(endpoint_.address().to_string(), endpoint_.port());
}

std::string UdpListener::warning() const {
    if (socket_ == nullptr) return {};
    const auto given = socket_->features().receive_buffer_bytes;
    if (given >= datagram_io::buffer_bytes_wanted) return {};
    return "the system gives the socket a receive buffer of " + std::to_string(given >> 10) +
           " KiB: bursts above that are lost; let it give " +
           std::to_string(datagram_io::buffer_bytes_wanted >> 10) +
           " KiB (Linux: sysctl net.core.rmem_max)";
}

asio::awaitable<std::unique_ptr<Encounter>> UdpListener::accept() {
    while (!door_->closed()) {
        if (auto guest = door_->next()) {
            // Connections on strands of their own run side by side, not within the listener's.
            co_return std::make_unique<UdpEncounter>(strand_over(beneath(strand_)), socket_, door_,
                                                     std::move(*guest), clock_, entropy_);
        }
        co_await Doorbell::wait(bell_);
    }
    throw NetworkError{asio::error::operation_aborted, to_string(address())};
}

void UdpListener::close() noexcept {
    door_->close();
    socket_ = nullptr;
}

asio::awaitable<std::unique_ptr<Listener>> listen_udp(ListenAddr address, Limits limits,
                                                      std::shared_ptr<const Clock> clock,
                                                      std::shared_ptr<Entropy> entropy) {
    const auto strand = co_await asio::this_coro::executor;
    std::vector<udp::endpoint> endpoints;
    if (const auto number = numeric_host(address)) {
        endpoints.emplace_back(*number, address.port());
    } else {
        udp::resolver resolver{strand};
        std::error_code error;
        const auto found =
            co_await resolver.async_resolve(address.host(), std::to_string(address.port()),
                                            udp::resolver::numeric_service | udp::resolver::passive,
                                            asio::redirect_error(asio::use_awaitable, error));
        if (error) throw NetworkError{error, to_string(address)};
        endpoints = ipv4_first(found);
    }
    std::unique_ptr<Listener> result;
    for (std::size_t i = 0; i < endpoints.size() && result == nullptr; ++i) {
        try {
            result = std::make_unique<UdpListener>(strand, endpoints[i], limits, clock, entropy);
        } catch (const NetworkError&) {
            if (i + 1 == endpoints.size()) throw;
        }
    }
    co_return result;
}

}  // namespace braid::transport
