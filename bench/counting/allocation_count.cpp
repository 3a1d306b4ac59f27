#include "counting/allocation_count.hpp"

#include <errno.h>
#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <new>

// The C library's own names of what is replaced here. Looking malloc up with dlsym would not do:
// dlsym allocates.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);
}

namespace bench {

namespace {

// Constant-initialised, so that allocations before main() find them ready.
constinit std::atomic<std::uint64_t> allocations{0};
constinit std::atomic<std::uint64_t> by_operator_new{0};
constinit std::atomic<std::uint64_t> releases{0};

void add_one(std::atomic<std::uint64_t>& counter) noexcept {
    counter.fetch_add(1, std::memory_order_relaxed);
}

void* allocate_aligned(std::size_t alignment, std::size_t size) noexcept {
    add_one(allocations);
    return __libc_memalign(alignment, size);
}

void release(void* block) noexcept {
    if (block != nullptr) {
        add_one(releases);
        __libc_free(block);
    }
}

void* allocate_for_new(std::size_t size, std::size_t alignment) {
    add_one(by_operator_new);
    add_one(allocations);
    const std::size_t wanted = size == 0 ? 1 : size;
    while (true) {
        void* block = alignment <= alignof(std::max_align_t) ? __libc_malloc(wanted)
                                                             : __libc_memalign(alignment, wanted);
        if (block != nullptr) {
            return block;
        }
        const std::new_handler handler = std::get_new_handler();
        if (handler == nullptr) {
            throw std::bad_alloc();
        }
        handler();
    }
}

}  // namespace

AllocationCount allocations_so_far() noexcept {
    return {allocations.load(std::memory_order_relaxed),
            by_operator_new.load(std::memory_order_relaxed),
            releases.load(std::memory_order_relaxed)};
}

std::uint64_t heap_bytes_in_use() noexcept {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

}  // namespace bench

extern "C" {

void* malloc(std::size_t size) noexcept {
    bench::add_one(bench::allocations);
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
    bench::add_one(bench::allocations);
    return __libc_calloc(count, size);
}

void* realloc(void* block, std::size_t size) noexcept {
    bench::add_one(bench::allocations);
    return __libc_realloc(block, size);
}

void free(void* block) noexcept { bench::release(block); }

void* memalign(std::size_t alignment, std::size_t size) noexcept {
    return bench::allocate_aligned(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    return bench::allocate_aligned(alignment, size);
}

int posix_memalign(void** target, std::size_t alignment, std::size_t size) noexcept {
    void* block = bench::allocate_aligned(alignment, size);
    if (block == nullptr) {
        return ENOMEM;
    }
    *target = block;
    return 0;
}

}  // extern "C"

// The array and nothrow forms of the standard library call these.
void* operator new(std::size_t size) { return bench::allocate_for_new(size, 0); }

void* operator new(std::size_t size, std::align_val_t alignment) {
    return bench::allocate_for_new(size, static_cast<std::size_t>(alignment));
}

void operator delete(void* block) noexcept { bench::release(block); }

void operator delete(void* block, std::size_t) noexcept { bench::release(block); }

void operator delete(void* block, std::align_val_t) noexcept { bench::release(block); }

void operator delete(void* block, std::size_t, std::align_val_t) noexcept { bench::release(block); }
