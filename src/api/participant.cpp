#include "runtime/participant.hpp"

#include "api/attempt.hpp"

#include <braid/participant.hpp>

#include <utility>

namespace braid {

namespace {

using Core = std::shared_ptr<runtime::Participant>;

asio::awaitable<Stream> open_stream(Core core, StreamOptions options) {
    auto stream = co_await runtime::Participant::open(core, options);
    co_return Stream{std::move(stream)};
}

asio::awaitable<Stream> opened_stream(Core core) {
    auto stream = co_await runtime::Participant::opened(core);
    co_return Stream{std::move(stream)};
}

asio::awaitable<std::optional<Stream>> next_opened_stream(Core core) {
    auto stream = co_await runtime::Participant::next_opened(core);
    if (stream == nullptr) co_return std::nullopt;
    co_return Stream{std::move(stream)};
}

StreamOptions options_of(Priority priority, Promises promises, std::uint64_t bandwidth) noexcept {
    StreamOptions options;
    options.priority = priority;
    options.promises = promises;
    options.bandwidth_bytes_per_second = bandwidth;
    return options;
}

}  // namespace

Participant::Participant(std::shared_ptr<runtime::Participant> core) noexcept
    : core_{std::move(core)} {}

Participant& Participant::operator=(Participant&& other) noexcept {
    if (this == &other) return *this;
    if (core_ != nullptr) core_->release();
    core_ = std::move(other.core_);
    return *this;
}

Participant::~Participant() {
    if (core_ != nullptr) core_->release();
}

Pid Participant::pid() const noexcept { return core_->pid(); }

asio::awaitable<Stream> Participant::open(Priority priority, Promises promises,
                                          std::uint64_t bandwidth) {
    return open_stream(core_, options_of(priority, promises, bandwidth));
}

asio::awaitable<Stream> Participant::open(StreamOptions options) {
    return open_stream(core_, options);
}

asio::awaitable<Result<Stream>> Participant::try_open(Priority priority, Promises promises,
                                                      std::uint64_t bandwidth) {
    return attempt(open_stream(core_, options_of(priority, promises, bandwidth)));
}

asio::awaitable<Result<Stream>> Participant::try_open(StreamOptions options) {
    return attempt(open_stream(core_, options));
}

asio::awaitable<Stream> Participant::opened() { return opened_stream(core_); }

asio::awaitable<std::optional<Stream>> Participant::next_opened() {
    return next_opened_stream(core_);
}

asio::awaitable<ParticipantEvent> Participant::next_event() {
    return runtime::Participant::next_event(core_);
}

std::optional<ParticipantEvent> Participant::try_event() { return core_->try_event(); }

std::optional<Stream> Participant::try_opened() {
    auto stream = core_->try_opened();
    if (stream == nullptr) return std::nullopt;
    return Stream{std::move(stream)};
}

asio::awaitable<DisconnectResult> Participant::disconnect(CloseReason reason) {
    return runtime::Participant::disconnect(core_, std::move(reason), core_->limits().disconnect);
}

asio::awaitable<DisconnectResult> Participant::disconnect(CloseReason reason,
                                                          std::chrono::nanoseconds deadline) {
    return runtime::Participant::disconnect(core_, std::move(reason), deadline);
}

std::optional<CloseReason> Participant::close_reason() const { return core_->close_reason(); }

ParticipantStats Participant::stats() const { return core_->stats(); }

}  // namespace braid
