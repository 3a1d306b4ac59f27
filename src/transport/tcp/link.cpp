#include "transport/tcp/link.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace braid::transport {

TcpLink::TcpLink(std::span<const std::byte> leftover)
    : leftover_(leftover.begin(), leftover.end()), fresh_leftover_{!leftover.empty()} {}

TcpLink::~TcpLink() { OutputBuffer::give_back(std::move(output_)); }

protocol::LinkTraits TcpLink::traits() const noexcept {
    protocol::LinkTraits traits;
    traits.ordered = true;
    traits.lossless = true;
    return traits;
}

void TcpLink::fill(protocol::FrameSource& source, protocol::Time now) {
    time_ = now;
    if (failure_ || output_ != nullptr || !source.pending(now)) return;
    const auto bytes = budget();
    output_ = OutputBuffer::borrow(bytes);
    protocol::FrameWriter writer{output_->bytes(), bytes, output_->references()};
    source.fill(writer, now);
    output_->filled(writer.copied());
    if (writer.written() == 0) OutputBuffer::give_back(std::move(output_));
}

std::size_t TcpLink::budget() const noexcept {
    const auto seconds = std::chrono::duration<double>(budget_time).count();
    const auto rate = static_cast<double>(std::max(path_.rate_bytes_per_second, rate_min_));
    return static_cast<std::size_t>(std::clamp(rate * seconds,
                                               static_cast<double>(budget_bytes_min),
                                               static_cast<double>(budget_bytes_max)));
}

void TcpLink::drain(protocol::FrameSink& sink, protocol::Time now) {
    const auto input = std::exchange(input_, {});
    fresh_leftover_ = false;
    if (failure_ && input.empty()) return;
    if (leftover_.empty()) {
        offer(input, sink, now);
    } else if (input.size() > leftover_.size()) {
        // The smaller of the two parts is the one that is copied.
        const auto size = leftover_.size();
        std::memcpy(input.data() - size, leftover_.data(), size);
        offer({input.data() - size, size + input.size()}, sink, now);
    } else {
        leftover_.insert(leftover_.end(), input.begin(), input.end());
        offer(leftover_, sink, now);
    }
}

void TcpLink::offer(std::span<const std::byte> bytes, protocol::FrameSink& sink,
                    protocol::Time now) {
    if (bytes.empty()) return;
    const auto receipt = sink.receive(bytes, protocol::Framing::stream, now);
    assert(receipt.consumed <= bytes.size());
    if (receipt.error) {
        leftover_ = {};
        fail(receipt.error);
        return;
    }
    const auto rest = bytes.subspan(receipt.consumed);
    if (rest.size() > leftover_bytes_max) {
        leftover_ = {};
        fail(errc::frame_malformed);
    } else if (rest.empty()) {
        leftover_ = {};
    } else if (bytes.data() == leftover_.data()) {
        leftover_.erase(leftover_.begin(),
                        leftover_.begin() + static_cast<std::ptrdiff_t>(receipt.consumed));
    } else {
        leftover_.assign(rest.begin(), rest.end());
    }
}

void TcpLink::fail(std::error_code error) noexcept {
    if (!failure_) failure_ = error;
    OutputBuffer::give_back(std::move(output_));
}

std::size_t TcpLink::pending(std::span<std::span<const std::byte>> segments) const noexcept {
    return output_ == nullptr ? 0 : output_->segments(segments);
}

void TcpLink::sent(std::size_t bytes) noexcept {
    traffic_.bytes_sent += bytes;
    if (output_ != nullptr && output_->advance(bytes)) OutputBuffer::give_back(std::move(output_));
}

}  // namespace braid::transport
