#include "api/hostile_memory.hpp"

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> allocated{0};
std::atomic<std::size_t> allocated_peak{0};

// Null if there is no more.
void* take(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) noexcept {
    const auto units = size / alignment + 1;
    void* const memory = std::aligned_alloc(alignment, units * alignment);
    if (memory == nullptr) return nullptr;
    const auto usable = malloc_usable_size(memory);
    const auto now = allocated.fetch_add(usable, std::memory_order_relaxed) + usable;
    auto peak = allocated_peak.load(std::memory_order_relaxed);
    while (peak < now && !allocated_peak.compare_exchange_weak(peak, now)) {
    }
    return memory;
}

void* checked(void* memory) {
    if (memory == nullptr) throw std::bad_alloc{};
    return memory;
}

void give_back(void* memory) noexcept {
    if (memory == nullptr) return;
    allocated.fetch_sub(malloc_usable_size(memory), std::memory_order_relaxed);
    std::free(memory);
}

std::size_t bytes(std::align_val_t alignment) { return static_cast<std::size_t>(alignment); }

}  // namespace

// All forms: the sanitizers bring their own of those that are missing, and want pairs.
using Size = std::size_t;
using Align = std::align_val_t;
using Nothrow = std::nothrow_t;

void* operator new(Size size) { return checked(take(size)); }
void* operator new(Size size, Align align) { return checked(take(size, bytes(align))); }
void* operator new(Size size, const Nothrow&) noexcept { return take(size); }
void* operator new(Size size, Align align, const Nothrow&) noexcept {
    return take(size, bytes(align));
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, Size) noexcept { give_back(memory); }
void operator delete(void* memory, Align) noexcept { give_back(memory); }
void operator delete(void* memory, Size, Align) noexcept { give_back(memory); }
void operator delete(void* memory, const Nothrow&) noexcept { give_back(memory); }
void operator delete(void* memory, Align, const Nothrow&) noexcept { give_back(memory); }

void* operator new[](Size size) { return checked(take(size)); }
void* operator new[](Size size, Align align) { return checked(take(size, bytes(align))); }
void* operator new[](Size size, const Nothrow&) noexcept { return take(size); }
void* operator new[](Size size, Align align, const Nothrow&) noexcept {
    return take(size, bytes(align));
}
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory, Size) noexcept { give_back(memory); }
void operator delete[](void* memory, Align) noexcept { give_back(memory); }
void operator delete[](void* memory, Size, Align) noexcept { give_back(memory); }
void operator delete[](void* memory, const Nothrow&) noexcept { give_back(memory); }
void operator delete[](void* memory, Align, const Nothrow&) noexcept { give_back(memory); }

namespace hostile {

MemoryWatch::MemoryWatch() noexcept : start_{allocated} { allocated_peak = start_; }

std::size_t MemoryWatch::peak_growth() const noexcept {
    const std::size_t peak = allocated_peak;
    return peak > start_ ? peak - start_ : 0;
}

std::size_t MemoryWatch::growth() const noexcept {
    const std::size_t now = allocated;
    return now > start_ ? now - start_ : 0;
}

}  // namespace hostile
