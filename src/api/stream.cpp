#include "runtime/stream.hpp"

#include <braid/close_code.hpp>
#include <braid/stream.hpp>

#include <string>
#include <vector>

namespace braid {

Stream::Stream(std::shared_ptr<runtime::Stream> core) noexcept : core_{std::move(core)} {}

Stream& Stream::operator=(Stream&& other) noexcept {
    if (this == &other) return *this;
    if (core_ != nullptr) core_->release();
    core_ = std::move(other.core_);
    return *this;
}

Stream::~Stream() {
    if (core_ != nullptr) core_->release();
}

StreamId Stream::id() const noexcept { return core_->id(); }

const StreamOptions& Stream::options() const noexcept { return core_->options(); }

std::error_code Stream::try_send(const Message& message) { return core_->send(message); }

std::error_code Stream::try_send(std::span<const std::byte> bytes) { return core_->send(bytes); }

std::error_code Stream::try_send(const Message& message, MessageId& id) {
    return core_->send(message, &id);
}

std::error_code Stream::try_send(std::span<const std::byte> bytes, MessageId& id) {
    return core_->send(bytes, &id);
}

bool Stream::try_receipt(MessageId& delivered) { return core_->take_receipt(delivered); }

asio::awaitable<void> Stream::writable(std::size_t below_bytes) {
    return runtime::Stream::writable(core_, below_bytes);
}

asio::awaitable<void> Stream::drained() { return runtime::Stream::drained(core_); }

void Stream::finish() { core_->finish(); }

void Stream::reset(std::uint64_t code) {
    if (code > close_code::application_max) {
        throw StreamError{
            errc::options_invalid,
            "reset(" + std::to_string(code) + "): codes of the application are 0 to 2^62 - 1"};
    }
    core_->reset(code);
}

std::optional<std::uint64_t> Stream::close_code() const { return core_->close_code(); }

namespace detail {

std::error_code send_packed(runtime::Stream& stream, std::span<std::byte> payload, MessageId* id) {
    return stream.send_packed(payload, id);
}

std::error_code send_large(runtime::Stream& stream, const Message& message, MessageId* id) {
    return stream.send(message, id);
}

std::span<std::byte> scratch(std::size_t bytes) {
    thread_local std::vector<std::byte> memory;
    if (memory.size() < bytes) memory.resize(bytes);
    return {memory.data(), bytes};
}

void turned_away(runtime::Stream& stream) { stream.turned_away(); }

asio::awaitable<void> wait_for(std::shared_ptr<runtime::Stream> stream,
                               std::chrono::nanoseconds at_most) {
    return runtime::Stream::wait(std::move(stream), at_most);
}

}  // namespace detail
}  // namespace braid
