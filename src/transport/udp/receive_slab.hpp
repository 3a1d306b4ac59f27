#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace braid::transport {

/// Memory that datagrams were received into, behind each other, by one socket after the other. It
/// goes back to a pool of the process when the last of them has been read. Any thread.
class ReceiveSlab {
public:
    /// Four of the longest receive calls.
    static constexpr std::size_t bytes_max = std::size_t{256} << 10;
    /// In use at once over all sockets of the process: 64 MiB of what is received and not read.
    static constexpr std::size_t in_use_max = 256;
    /// Kept for later; more are given back to the system.
    static constexpr std::size_t kept_max = 16;

    /// A share in a slab; all shares are equal.
    class Share {
    public:
        Share() = default;
        explicit Share(ReceiveSlab* slab) noexcept : slab_{slab} {}
        Share(const Share& other) noexcept : slab_{other.slab_} {
            if (slab_ != nullptr) slab_->shares_.fetch_add(1, std::memory_order_relaxed);
        }
        Share(Share&& other) noexcept : slab_{std::exchange(other.slab_, nullptr)} {}
        Share& operator=(Share other) noexcept {
            std::swap(slab_, other.slab_);
            return *this;
        }
        ~Share() {
            if (slab_ != nullptr) slab_->release();
        }

        explicit operator bool() const noexcept { return slab_ != nullptr; }
        bool operator==(const Share& other) const noexcept { return slab_ == other.slab_; }

        /// Tells slabs apart while there are shares in them.
        const void* id() const noexcept { return slab_; }

        std::span<std::byte> bytes() const noexcept { return {slab_->bytes_, bytes_max}; }

        /// True if there is no other share: nobody reads what is in it.
        bool sole() const noexcept { return slab_->shares_.load(std::memory_order_acquire) == 1; }

    private:
        ReceiveSlab* slab_ = nullptr;
    };

    /// While a socket receives, and from then until the next one does.
    struct Filling {
        Share slab;  ///< an empty one if too many are in use
        std::size_t used = 0;

        /// Others may read what was received before; nobody else writes.
        std::span<std::byte> rest() const noexcept { return slab.bytes().subspan(used); }
    };

    ReceiveSlab(const ReceiveSlab&) = delete;
    ReceiveSlab& operator=(const ReceiveSlab&) = delete;

    /// One with so much room, begun by whoever received last or new.
    /// @param room at most bytes_max
    static Filling borrow(std::size_t room = bytes_max);

    /// The rest of it is for the next one who receives.
    static void put_back(Filling filling);

    /// Those that somebody reads or fills.
    static std::size_t in_use() noexcept;

private:
    // Leaves the bytes as they are: what is not received into takes no memory.
    ReceiveSlab() noexcept {}

    void release() noexcept;

    std::atomic<std::uint32_t> shares_{1};
    ReceiveSlab* next_ = nullptr;  // in the pool
    alignas(std::max_align_t) std::byte bytes_[bytes_max];
};

}  // namespace braid::transport
