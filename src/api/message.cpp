#include <braid/message.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace braid {
namespace {

using detail::MessageBlock;

// The bytes begin behind the block and room for an envelope, as aligned as malloc aligns.
constexpr std::size_t bytes_offset = 32;
static_assert(sizeof(MessageBlock) + detail::envelope_room <= bytes_offset);
static_assert(std::is_trivially_destructible_v<MessageBlock>);

// Buffers below this are not worth growing by steps.
constexpr std::size_t capacity_min = 112;

void destroy_allocated(MessageBlock* block) noexcept { std::free(block); }

struct VectorBlock : MessageBlock {
    explicit VectorBlock(std::vector<std::byte> taken) noexcept
        : MessageBlock{[](MessageBlock* block) noexcept {
              delete static_cast<VectorBlock*>(block);
          }},
          bytes{std::move(taken)} {}

    std::vector<std::byte> bytes;
};

}  // namespace

Message::Message(std::vector<std::byte> bytes) {
    if (bytes.empty()) return;
    auto block = std::make_unique<VectorBlock>(std::move(bytes));
    data_ = block->bytes.data();
    size_ = block->bytes.size();
    block_ = block.release();
}

Message::Message(std::span<const std::byte> bytes) {
    detail::MessageBuffer buffer{bytes.size()};
    buffer.append(bytes);
    *this = std::move(buffer).freeze();
}

namespace detail {

MessageBuffer::~MessageBuffer() { std::free(block_); }

void MessageBuffer::reserve(std::size_t size) {
    size = std::min(size, bytes_max_);
    if (size > capacity_) reallocate(size);
}

bool MessageBuffer::append(std::span<const std::byte> bytes) {
    if (!make_room(bytes.size())) return false;
    if (!bytes.empty()) std::memcpy(this->bytes().data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
    return true;
}

std::byte* MessageBuffer::extend(std::size_t size) {
    if (!make_room(size)) return nullptr;
    if (block_ == nullptr) reallocate(0);
    std::byte* const begin = bytes().data() + size_;
    size_ += size;
    return begin;
}

std::span<std::byte> MessageBuffer::bytes() noexcept {
    if (block_ == nullptr) return {};
    return {static_cast<std::byte*>(block_) + bytes_offset, size_};
}

Message MessageBuffer::freeze() && noexcept {
    if (size_ == 0) return {};
    const std::byte* const data = bytes().data();
    auto* const block = ::new (std::exchange(block_, nullptr)) MessageBlock{destroy_allocated};
    if (size_ <= static_cast<std::uint32_t>(-1)) {
        block->whole_bytes = static_cast<std::uint32_t>(size_);
        block->whole_offset = bytes_offset;
    }
    capacity_ = 0;
    return {data, std::exchange(size_, 0), block};
}

bool MessageBuffer::make_room(std::size_t size) {
    if (size > bytes_max_ - size_) return false;
    const std::size_t needed = size_ + size;
    if (needed > capacity_) {
        // The first allocation is exact: a buffer that is filled at once wastes nothing.
        const std::size_t grown = capacity_ == 0 ? needed : std::max(capacity_ * 2, capacity_min);
        reallocate(std::min(std::max(needed, grown), bytes_max_));
    }
    return true;
}

void MessageBuffer::reallocate(std::size_t capacity) {
    // The block is constructed only when the buffer freezes, so realloc may move the bytes.
    if (capacity > static_cast<std::size_t>(-1) - bytes_offset) throw std::bad_alloc{};
    void* const grown = std::realloc(block_, bytes_offset + capacity);
    if (grown == nullptr) throw std::bad_alloc{};
    block_ = grown;
    capacity_ = capacity;
}

}  // namespace detail
}  // namespace braid
