#pragma once

#include "protocol/block.hpp"
#include "runtime/spin_lock.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace braid::runtime {

/// A piece of an intake log; its bytes lie behind it.
struct IntakeBlock {
    protocol::Block block;
    IntakeBlock* next = nullptr;
    std::uint32_t used = 0;
    std::uint32_t flushed = 0;
    bool retired = false;  ///< all of it was flushed and no more will be added
};

/// Blocks that are not in use, for all participants of a Network. Any thread.
class BlockPool {
public:
    static constexpr std::size_t block_bytes_min = 2u << 10;
    static constexpr std::size_t block_bytes_max = 64u << 10;
    static constexpr std::size_t growth = 4;

    /// What the pool keeps at most.
    static constexpr std::size_t spare_bytes_max = 2u << 20;

    BlockPool() = default;
    BlockPool(const BlockPool&) = delete;
    BlockPool& operator=(const BlockPool&) = delete;
    ~BlockPool();

    /// A block of at least `bytes`, which are at most `block_bytes_max`.
    IntakeBlock* take(std::size_t bytes);
    void give_back(IntakeBlock* block) noexcept;

private:
    static constexpr std::size_t sizes = 4;

    static std::size_t size_of(std::size_t index) noexcept;
    static std::size_t index_of(std::size_t bytes) noexcept;

    SpinLock lock_;
    std::array<IntakeBlock*, sizes> spare_{};
    std::size_t spare_bytes_ = 0;
};

}  // namespace braid::runtime
