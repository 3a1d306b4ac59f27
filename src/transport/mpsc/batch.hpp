#pragma once

#include <braid/message.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace braid::transport {

/// Frames on their way to the other end, and the large messages among them.
class Batch {
public:
    explicit Batch(std::size_t capacity)
        : memory_{std::make_unique_for_overwrite<std::byte[]>(capacity)}, capacity_{capacity} {}

    std::size_t capacity() const noexcept { return capacity_; }
    std::span<std::byte> memory() noexcept { return {memory_.get(), capacity_}; }

    /// After encoding: the first `bytes` hold frames, and all together, with what is beside, weigh
    /// so much.
    void filled(std::size_t bytes, std::size_t weight) noexcept {
        bytes_ = bytes;
        weight_ = weight;
    }

    std::span<const std::byte> bytes() const noexcept { return {memory_.get(), bytes_}; }
    std::vector<Message>& beside() noexcept { return beside_; }
    std::size_t weight() const noexcept { return weight_; }

    void clear() noexcept {
        bytes_ = weight_ = 0;
        beside_.clear();
    }

private:
    std::unique_ptr<std::byte[]> memory_;
    std::size_t capacity_;
    std::size_t bytes_ = 0;
    std::size_t weight_ = 0;
    std::vector<Message> beside_;
};

}  // namespace braid::transport
