#include "transport/output_buffer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace braid::transport {

namespace {

// A slow peer's buffer is held until it is sent: it should not be as large as a fast peer's.
constexpr std::array<std::size_t, 3> capacities{16u << 10, 64u << 10, 256u << 10};

// A thread fills and sends one buffer after the other; others wait only where peers are slow.
constexpr std::size_t spares_max = 8;

struct Pool {
    std::array<std::vector<std::unique_ptr<OutputBuffer>>, capacities.size()> spares;

    /// A thread's last coroutines may be destroyed after its pool.
    ~Pool() { gone = true; }
    static thread_local bool gone;
};

thread_local bool Pool::gone = false;
thread_local Pool pool;

std::size_t size_class(std::size_t bytes) noexcept {
    std::size_t result = 0;
    while (result + 1 < capacities.size() && capacities[result] < bytes) ++result;
    return result;
}

}  // namespace

std::unique_ptr<OutputBuffer> OutputBuffer::borrow(std::size_t budget) {
    const auto size = size_class(budget);
    if (!Pool::gone) {
        auto& spares = pool.spares[size];
        if (!spares.empty()) {
            auto buffer = std::move(spares.back());
            spares.pop_back();
            return buffer;
        }
    }
    return std::make_unique<OutputBuffer>(capacities[size]);
}

void OutputBuffer::give_back(std::unique_ptr<OutputBuffer> buffer) noexcept {
    if (buffer == nullptr) return;
    buffer->clear();
    if (Pool::gone) return;
    auto& spares = pool.spares[size_class(buffer->capacity_)];
    if (spares.capacity() == 0) spares.reserve(spares_max);
    if (spares.size() < spares_max) spares.push_back(std::move(buffer));
}

OutputBuffer::OutputBuffer(std::size_t capacity)
    : bytes_{std::make_unique_for_overwrite<std::byte[]>(capacity)}, capacity_{capacity} {}

std::size_t OutputBuffer::segments(std::span<std::span<const std::byte>> out) const noexcept {
    std::size_t count = 0;
    auto position = position_;
    auto skipped = reference_sent_;
    const auto add = [&](std::span<const std::byte> bytes) {
        if (!bytes.empty()) out[count++] = bytes;
    };
    for (auto i = reference_; i < references_.size(); ++i) {
        if (count + 2 > out.size()) return count;
        const auto& reference = references_[i];
        add({bytes_.get() + position, reference.position - position});
        add(reference.bytes.subspan(skipped));
        position = reference.position;
        skipped = 0;
    }
    if (count < out.size()) add({bytes_.get() + position, copied_ - position});
    return count;
}

bool OutputBuffer::advance(std::size_t bytes) noexcept {
    while (reference_ < references_.size()) {
        auto& reference = references_[reference_];
        const auto before = std::min(bytes, reference.position - position_);
        position_ += before;
        bytes -= before;
        const auto within = std::min(bytes, reference.bytes.size() - reference_sent_);
        if (position_ < reference.position) return false;
        reference_sent_ += within;
        bytes -= within;
        if (reference_sent_ < reference.bytes.size()) return false;
        reference.owner = protocol::BlockReference{};
        ++reference_;
        reference_sent_ = 0;
    }
    position_ += std::min(bytes, copied_ - position_);
    return position_ == copied_;
}

void OutputBuffer::clear() noexcept {
    references_.clear();
    copied_ = 0;
    position_ = 0;
    reference_ = 0;
    reference_sent_ = 0;
}

}  // namespace braid::transport
