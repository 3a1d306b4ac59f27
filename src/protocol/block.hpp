#pragma once

#include <braid/message.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace braid::protocol {

/// Bytes that queued messages point into: a piece of an intake log, or one large Message.
///
/// Counted by hand and not atomically: all references live on the participant's strand.
struct Block {
    std::byte* data = nullptr;
    std::uint32_t capacity = 0;
    std::uint32_t references = 0;
    Message message;                    ///< owns `data` of a block that is one large message
    void (*recycle)(Block&) = nullptr;  ///< called when the last reference goes
    void* home = nullptr;               ///< for `recycle`
};

/// Where in a Block a message lies.
struct Piece {
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
};

/// One reference to a Block.
class BlockReference {
public:
    BlockReference() = default;
    explicit BlockReference(Block& block) noexcept : block_{&block} { ++block.references; }
    BlockReference(BlockReference&& other) noexcept
        : block_{std::exchange(other.block_, nullptr)} {}
    BlockReference& operator=(BlockReference&& other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~BlockReference() {
        if (block_ != nullptr) release(*block_);
    }

    Block* get() const noexcept { return block_; }

    /// Drops so many references at once.
    static void release(Block& block, std::uint32_t count = 1) noexcept {
        block.references -= count;
        if (block.references == 0) block.recycle(block);
    }

private:
    Block* block_ = nullptr;
};

}  // namespace braid::protocol
