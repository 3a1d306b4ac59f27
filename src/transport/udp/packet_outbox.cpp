#include "transport/udp/packet_outbox.hpp"

#include <algorithm>
#include <cassert>

namespace braid::transport {

std::span<std::byte> PacketOutbox::room(std::size_t packet_bytes) {
    if (full(packet_bytes)) return {};
    if (buffer_ == nullptr) buffer_ = OutputBuffer::borrow(capacity);
    return buffer_->bytes().subspan(end_, packet_bytes);
}

bool PacketOutbox::full(std::size_t packet_bytes) const noexcept {
    return end_ + packet_bytes > capacity;
}

void PacketOutbox::commit(const SocketAddress& to, std::size_t bytes) {
    if (bytes == 0) {
        if (batches_.empty()) clear();
        return;
    }
    assert(end_ + bytes <= capacity);
    end_ += bytes;
    if (!batches_.empty()) {
        auto& last = batches_.back();
        if (!last.ended && last.to == to && bytes <= last.segment_bytes &&
            last.packets < batch_packets_max && last.bytes + bytes <= batch_bytes_max) {
            last.ended = bytes < last.segment_bytes;
            last.bytes += bytes;
            ++last.packets;
            return;
        }
    }
    batches_.push_back({to, bytes, bytes, 1, false});
}

std::optional<PacketOutbox::Batch> PacketOutbox::front() const noexcept {
    if (batches_.empty()) return std::nullopt;
    const auto& batch = batches_.front();
    return Batch{batch.to, buffer_->bytes().subspan(begin_, batch.bytes), batch.segment_bytes};
}

void PacketOutbox::pop(std::size_t bytes) noexcept {
    if (batches_.empty()) return;
    auto& batch = batches_.front();
    bytes = std::min(bytes, batch.bytes);
    begin_ += bytes;
    batch.bytes -= bytes;
    if (batch.bytes == 0) batches_.pop_front();
    if (batches_.empty()) clear();
}

void PacketOutbox::clear() noexcept {
    while (!batches_.empty()) batches_.pop_front();
    begin_ = 0;
    end_ = 0;
    OutputBuffer::give_back(std::move(buffer_));
}

}  // namespace braid::transport
