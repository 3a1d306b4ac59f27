#include "runtime/block_pool.hpp"

#include "catch.hpp"

#include <cstring>
#include <vector>

using braid::runtime::BlockPool;
using braid::runtime::IntakeBlock;

TEST_CASE("blocks are as large as was asked for, and come back") {
    BlockPool pool;
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{2048}, std::size_t{2049},
                                    std::size_t{32'768}, BlockPool::block_bytes_max}) {
        auto* const block = pool.take(bytes);
        REQUIRE(block->block.capacity >= bytes);
        CHECK(block->used == 0);
        std::memset(block->block.data, 1, block->block.capacity);
        block->used = 1;
        block->retired = true;
        pool.give_back(block);
        auto* const again = pool.take(bytes);
        CHECK(again == block);
        CHECK(again->used == 0);
        CHECK_FALSE(again->retired);
        pool.give_back(again);
    }
}

TEST_CASE("the pool keeps only so much") {
    BlockPool pool;
    std::vector<IntakeBlock*> blocks;
    for (int i = 0; i < 100; ++i) blocks.push_back(pool.take(BlockPool::block_bytes_max));
    for (auto* const block : blocks) pool.give_back(block);
}
