#pragma once

#include <cstdint>

/// Counts the heap allocations of the whole process. A program that links allocation_count.cpp has
/// malloc and its siblings, operator new and operator delete replaced by counting ones.
namespace bench {

struct AllocationCount {
    std::uint64_t allocations = 0;      ///< malloc, calloc, realloc, aligned forms; new included
    std::uint64_t by_operator_new = 0;  ///< how many of them came through operator new
    std::uint64_t releases = 0;         ///< free and delete, of anything but a null pointer
};

/// Since the process started.
AllocationCount allocations_so_far() noexcept;

/// Heap bytes in use by the process, with malloc's own overhead and its directly mapped blocks.
std::uint64_t heap_bytes_in_use() noexcept;

}  // namespace bench
