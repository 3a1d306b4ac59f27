#pragma once

#include <cassert>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace braid::protocol {

/// A queue over one growing array: no allocation in the steady state, none while it never held
/// anything. std::deque takes 700 bytes when empty, too much for one per stream.
template <typename T>
class Ring {
public:
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    T& operator[](std::size_t index) noexcept {
        assert(index < size_);
        return slots_[(begin_ + index) & (capacity_ - 1)];
    }
    const T& operator[](std::size_t index) const noexcept {
        assert(index < size_);
        return slots_[(begin_ + index) & (capacity_ - 1)];
    }
    T& front() noexcept { return (*this)[0]; }
    const T& front() const noexcept { return (*this)[0]; }
    T& back() noexcept { return (*this)[size_ - 1]; }

    void push_back(T value) {
        if (size_ == capacity_) grow();
        slots_[(begin_ + size_) & (capacity_ - 1)] = std::move(value);
        ++size_;
    }

    void pop_front() noexcept { pop_front(1); }

    void pop_front(std::size_t count) noexcept {
        assert(count <= size_);
        if constexpr (!std::is_trivially_destructible_v<T>) {
            for (std::size_t i = 0; i < count; ++i) (*this)[i] = T{};
        }
        begin_ = (begin_ + count) & (capacity_ - 1);
        size_ -= count;
    }

    void pop_back() noexcept {
        assert(size_ > 0);
        --size_;
        if constexpr (!std::is_trivially_destructible_v<T>) {
            slots_[(begin_ + size_) & (capacity_ - 1)] = T{};
        }
    }

    void clear() noexcept {
        slots_.reset();
        begin_ = size_ = capacity_ = 0;
    }

    /// Gives memory back if the queue is empty.
    void rest() noexcept {
        if (size_ == 0) clear();
    }

private:
    void grow() {
        const auto capacity = capacity_ == 0 ? 4 : capacity_ * 2;
        auto slots = std::make_unique<T[]>(capacity);
        for (std::size_t i = 0; i < size_; ++i) slots[i] = std::move((*this)[i]);
        slots_ = std::move(slots);
        begin_ = 0;
        capacity_ = capacity;
    }

    std::unique_ptr<T[]> slots_;
    std::size_t begin_ = 0;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace braid::protocol
