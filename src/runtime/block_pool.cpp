#include "runtime/block_pool.hpp"

#include <algorithm>
#include <mutex>
#include <new>

namespace braid::runtime {

namespace {

constexpr std::align_val_t alignment{alignof(std::max_align_t)};

void destroy(IntakeBlock* block) noexcept {
    block->~IntakeBlock();
    ::operator delete(block, alignment);
}

}  // namespace

BlockPool::~BlockPool() {
    for (auto* first : spare_) {
        while (first != nullptr) {
            auto* const next = first->next;
            destroy(first);
            first = next;
        }
    }
}

IntakeBlock* BlockPool::take(std::size_t bytes) {
    const auto index = index_of(bytes);
    {
        const std::lock_guard lock{lock_};
        if (auto* const block = spare_[index]) {
            spare_[index] = block->next;
            spare_bytes_ -= size_of(index);
            block->next = nullptr;
            return block;
        }
    }
    static_assert(sizeof(IntakeBlock) % alignof(std::max_align_t) == 0);
    auto* const memory = ::operator new(sizeof(IntakeBlock) + size_of(index), alignment);
    auto* const block = ::new (memory) IntakeBlock;
    block->block.data = static_cast<std::byte*>(memory) + sizeof(IntakeBlock);
    block->block.capacity = static_cast<std::uint32_t>(size_of(index));
    return block;
}

void BlockPool::give_back(IntakeBlock* block) noexcept {
    block->used = block->flushed = 0;
    block->retired = false;
    block->next = nullptr;
    const std::size_t bytes = block->block.capacity;
    {
        const std::lock_guard lock{lock_};
        if (spare_bytes_ + bytes <= spare_bytes_max) {
            auto*& first = spare_[index_of(bytes)];
            block->next = first;
            first = block;
            spare_bytes_ += bytes;
            return;
        }
    }
    destroy(block);
}

std::size_t BlockPool::size_of(std::size_t index) noexcept {
    auto size = block_bytes_min;
    for (; index != 0; --index) size *= growth;
    return std::min(size, block_bytes_max);
}

std::size_t BlockPool::index_of(std::size_t bytes) noexcept {
    std::size_t index = 0;
    while (index + 1 < sizes && size_of(index) < bytes) ++index;
    return index;
}

}  // namespace braid::runtime
