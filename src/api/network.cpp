#include "runtime/network.hpp"

#include "api/attempt.hpp"

#include <braid/network.hpp>

#include <utility>

namespace braid {

namespace {

using Core = std::shared_ptr<runtime::Network>;

asio::awaitable<Listener> listen_at(Core core, ListenAddr address) {
    auto listening = co_await runtime::Network::listen(core, std::move(address));
    co_return Listener{std::move(listening)};
}

asio::awaitable<Participant> connect_to(Core core, ConnectAddr address,
                                        std::chrono::nanoseconds deadline) {
    auto participant = co_await runtime::Network::connect(core, std::move(address), deadline);
    co_return Participant{std::move(participant)};
}

asio::awaitable<Result<Listener>> try_listen_at(Core core, Result<ListenAddr> address) {
    if (!address) co_return passed_on<Listener>(std::move(address));
    auto listen = listen_at(std::move(core), *std::move(address));
    auto result = co_await attempt(std::move(listen));
    co_return result;
}

asio::awaitable<Result<Participant>> try_connect_to(Core core, Result<ConnectAddr> address,
                                                    std::chrono::nanoseconds deadline) {
    if (!address) co_return passed_on<Participant>(std::move(address));
    auto connect = connect_to(std::move(core), *std::move(address), deadline);
    auto result = co_await attempt(std::move(connect));
    co_return result;
}

asio::awaitable<Participant> connected_to(Core core) {
    auto participant = co_await runtime::Network::connected(core);
    co_return Participant{std::move(participant)};
}

asio::awaitable<std::optional<Participant>> next_connected_to(Core core) {
    auto participant = co_await runtime::Network::next_connected(core);
    if (participant == nullptr) co_return std::nullopt;
    co_return Participant{std::move(participant)};
}

}  // namespace

Listener::Listener(std::shared_ptr<runtime::Listening> core) noexcept : core_{std::move(core)} {}

ListenAddr Listener::address() const { return core_->address(); }

void Listener::stop() { core_->stop(); }

Network::Network(const Pid& pid, asio::any_io_executor executor, const NetworkOptions& options)
    : core_{runtime::Network::make(pid, executor, options,
                                   runtime::Network::system_environment(executor))} {}

Network::Network(asio::any_io_executor executor, const NetworkOptions& options)
    : Network{Pid::random(), std::move(executor), options} {}

Network::Network(std::shared_ptr<runtime::Network> core) noexcept : core_{std::move(core)} {}

Network& Network::operator=(Network&& other) noexcept {
    if (this == &other) return *this;
    if (core_ != nullptr) core_->close();
    core_ = std::move(other.core_);
    return *this;
}

Network::~Network() {
    if (core_ != nullptr) core_->close();
}

Pid Network::pid() const noexcept { return core_->pid(); }

asio::awaitable<Listener> Network::listen(ListenAddr address) {
    return listen_at(core_, std::move(address));
}

asio::awaitable<Result<Listener>> Network::try_listen(Result<ListenAddr> address) {
    return try_listen_at(core_, std::move(address));
}

asio::awaitable<Participant> Network::connect(ConnectAddr address) {
    return connect_to(core_, std::move(address), core_->limits().connect);
}

asio::awaitable<Participant> Network::connect(ConnectAddr address,
                                              std::chrono::nanoseconds deadline) {
    return connect_to(core_, std::move(address), deadline);
}

asio::awaitable<Result<Participant>> Network::try_connect(Result<ConnectAddr> address) {
    return try_connect_to(core_, std::move(address), core_->limits().connect);
}

asio::awaitable<Result<Participant>> Network::try_connect(Result<ConnectAddr> address,
                                                          std::chrono::nanoseconds deadline) {
    return try_connect_to(core_, std::move(address), deadline);
}

asio::awaitable<Participant> Network::connected() { return connected_to(core_); }

asio::awaitable<std::optional<Participant>> Network::next_connected() {
    return next_connected_to(core_);
}

std::optional<Participant> Network::try_connected() {
    auto participant = core_->try_connected();
    if (participant == nullptr) return std::nullopt;
    return Participant{std::move(participant)};
}

asio::awaitable<void> Network::shutdown() {
    return runtime::Network::shutdown(core_, core_->limits().disconnect);
}

asio::awaitable<void> Network::shutdown(std::chrono::nanoseconds deadline) {
    return runtime::Network::shutdown(core_, deadline);
}

NetworkStats Network::stats() const { return core_->stats(); }

}  // namespace braid
