#include "transport/tcp/listener.hpp"

#include "transport/resolve.hpp"
#include "transport/socket_io.hpp"
#include "transport/strand_executor.hpp"
#include "transport/tcp/encounter.hpp"

#include <braid/address.hpp>
#include <braid/error.hpp>

#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace braid::transport {

namespace {

using asio::ip::tcp;

// Compared with asio's constants: its category does not know std::errc (asio 1.22).
std::error_code system_error(int code) { return {code, asio::error::get_system_category()}; }

/// Errors after which the next connection may well be taken, if something is given back first.
bool exhausted(std::error_code error) noexcept {
    return error == asio::error::no_descriptors || error == system_error(ENFILE) ||
           error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

/// Errors of one connection, which was gone before it was taken.
bool of_one_connection(std::error_code error) noexcept {
    return error == asio::error::connection_aborted || error == asio::error::connection_reset ||
           error == asio::error::host_unreachable || error == asio::error::network_unreachable ||
           error == asio::error::network_down || error == asio::error::timed_out ||
           error == asio::error::no_permission || error == system_error(EPROTO);
}

}  // namespace

TcpListener::TcpListener(const asio::any_io_executor& strand, const tcp::endpoint& endpoint)
    : acceptor_{strand}, pause_{strand} {
    std::error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) socket_io::prepare(acceptor_, endpoint.address().is_v6(), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    if (!error) endpoint_ = acceptor_.local_endpoint(error);
    if (error) {
        const auto asked = ListenAddr::tcp(endpoint.address().to_string(), endpoint.port());
        throw NetworkError{error, to_string(asked)};
    }
}

ListenAddr TcpListener::address() const {
    return ListenAddr::tcp(endpoint_.address().to_string(), endpoint_.port());
}

asio::awaitable<std::unique_ptr<Encounter>> TcpListener::accept() {
    auto pause = pause_min;
    while (!closed_) {
        // Connections on strands of their own run side by side, not within the listener's.
        const auto strand = strand_over(beneath(acceptor_.get_executor()));
        tcp::socket socket{strand};
        std::error_code error;
        co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
        if (closed_ || error == asio::error::operation_aborted) break;
        if (!error) co_return std::make_unique<TcpEncounter>(std::move(socket));
        if (of_one_connection(error)) continue;
        if (!exhausted(error)) throw NetworkError{error, to_string(address())};
        pause_.expires_after(pause);
        co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, error));
        pause = std::min(pause * 2, pause_max);
    }
    throw NetworkError{asio::error::operation_aborted, to_string(address())};
}

void TcpListener::close() noexcept {
    if (std::exchange(closed_, true)) return;
    std::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

asio::awaitable<std::unique_ptr<Listener>> listen_tcp(ListenAddr address) {
    const auto strand = co_await asio::this_coro::executor;
    if (const auto number = numeric_host(address)) {
        co_return std::make_unique<TcpListener>(strand, tcp::endpoint{*number, address.port()});
    }
    tcp::resolver resolver{strand};
    std::error_code error;
    const auto found =
        co_await resolver.async_resolve(address.host(), std::to_string(address.port()),
                                        tcp::resolver::numeric_service | tcp::resolver::passive,
                                        asio::redirect_error(asio::use_awaitable, error));
    if (error) throw NetworkError{error, to_string(address)};
    const auto endpoints = ipv4_first(found);
    std::unique_ptr<Listener> result;
    for (std::size_t i = 0; i < endpoints.size() && result == nullptr; ++i) {
        try {
            result = std::make_unique<TcpListener>(strand, endpoints[i]);
        } catch (const NetworkError&) {
            if (i + 1 == endpoints.size()) throw;
        }
    }
    co_return result;
}

}  // namespace braid::transport
