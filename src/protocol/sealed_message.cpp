#include "protocol/sealed_message.hpp"

#include <cstring>
#include <memory>
#include <utility>

namespace braid::protocol {

Message SealedMessage::make(const Message& message, Promises promises) {
    if (message.empty() || !has_envelope(promises)) return message;
    const Sealing wanted{covers(promises, Promises::compressed),
                         covers(promises, Promises::consistency)};
    if (!find(message, promises, wanted).empty()) return message;
    const auto raw = message.bytes();
    std::unique_ptr<std::byte[]> memory;
    std::uint32_t size = 0;
    if (wanted.compress && raw.size() >= compressed_bytes_min) {
        memory = std::make_unique_for_overwrite<std::byte[]>(sealed_bytes_max(raw.size()));
        const auto bytes = seal(raw, wanted, {memory.get(), sealed_bytes_max(raw.size())});
        if (is_compressed({memory.get(), bytes})) size = static_cast<std::uint32_t>(bytes);
    }
    const std::span copy{memory.get(), size};
    detail::MessageBuffer buffer{raw.size() + (size == 0 ? 0 : sizeof size + size)};
    buffer.reserve(buffer.bytes_max());
    buffer.append(raw);
    if (size != 0) {
        buffer.append(std::as_bytes(std::span{&size, 1}));
        buffer.append(copy);
    }
    auto result = std::move(buffer).freeze();
    result.size_ = raw.size();
    auto& block = *result.block_;
    if (block.whole_bytes == 0) return result;  // longer than can be sent anyway
    block.whole_bytes = static_cast<std::uint32_t>(raw.size());
    unsigned envelopes = size == 0 ? incompressible : compressed;
    if (size != 0 && wanted.checksum) envelopes |= compressed_checksum;
    if (wanted.compress) block.envelopes.store(static_cast<std::uint8_t>(envelopes));
    find(result, promises, wanted);
    return result;
}

std::span<const std::byte> SealedMessage::find(const Message& message, Promises promises,
                                               Sealing wanted) noexcept {
    if (!is_whole(message)) return {};
    const bool checksum_allowed = covers(promises, Promises::consistency);
    if (wanted.compress && message.size() >= compressed_bytes_min) {
        const unsigned envelopes = message.block_->envelopes.load(std::memory_order_acquire);
        if ((envelopes & compressed) != 0) {
            const bool checksummed = (envelopes & compressed_checksum) != 0;
            if (!(checksummed ? checksum_allowed : !wanted.checksum)) return {};
            std::uint32_t size = 0;
            const auto* const behind = message.data_ + message.size_;
            std::memcpy(&size, behind, sizeof size);
            return {behind + sizeof size, size};
        }
        if ((envelopes & incompressible) == 0) return {};
    }
    return find_plain(message, wanted.checksum, checksum_allowed);
}

Message SealedMessage::share(const Message& message, std::span<const std::byte> sealed) noexcept {
    auto result = message;
    result.data_ = sealed.data();
    result.size_ = sealed.size();
    return result;
}

Message SealedMessage::open(Message sealed, std::span<const std::byte> bytes,
                            bool checksummed) noexcept {
    const auto envelope_bytes = static_cast<std::size_t>(bytes.data() - sealed.data_);
    // Somebody else may know the block by the message that it has now.
    const bool ours = is_whole(sealed) &&
                      sealed.block_->references.load(std::memory_order_acquire) == 1 &&
                      bytes.size() == sealed.size_ - envelope_bytes && !bytes.empty();
    if (ours) {
        auto& block = *sealed.block_;
        block.whole_bytes = static_cast<std::uint32_t>(bytes.size());
        block.whole_offset = static_cast<std::uint8_t>(block.whole_offset + envelope_bytes);
        block.envelopes.store(checksummed ? checksum : plain, std::memory_order_relaxed);
    }
    sealed.data_ = bytes.data();
    sealed.size_ = bytes.size();
    return sealed;
}

// Parts have no room of their own.
bool SealedMessage::is_whole(const Message& message) noexcept {
    const auto* const block = message.block_;
    if (block == nullptr || block->whole_bytes == 0 || block->whole_bytes != message.size_) {
        return false;
    }
    return message.data_ == reinterpret_cast<const std::byte*>(block) + block->whole_offset;
}

std::span<const std::byte> SealedMessage::find_plain(const Message& message, bool checksum_wanted,
                                                     bool checksum_allowed) noexcept {
    auto& envelopes = message.block_->envelopes;
    auto now = envelopes.load(std::memory_order_acquire);
    while ((now & (writing | plain | checksum)) == 0) {
        const auto begun = static_cast<std::uint8_t>(now | writing);
        if (!envelopes.compare_exchange_weak(now, begun, std::memory_order_acquire)) continue;
        // The room in front is written to by nobody but us.
        auto* const bytes = const_cast<std::byte*>(message.data_);
        seal_in_place({bytes, message.size_}, checksum_wanted);
        now = static_cast<std::uint8_t>((begun & ~writing) | (checksum_wanted ? checksum : plain));
        envelopes.store(now, std::memory_order_release);
    }
    if ((now & writing) != 0) return {};  // whoever cannot wait makes a copy
    const bool checksummed = (now & checksum) != 0;
    if (!(checksummed ? checksum_allowed : !checksum_wanted)) return {};
    const auto head = plain_envelope_bytes(checksummed);
    return {message.data_ - head, message.size_ + head};
}

}  // namespace braid::protocol

namespace braid {

Message Message::sealed(Promises promises) const {
    return protocol::SealedMessage::make(*this, promises);
}

}  // namespace braid
