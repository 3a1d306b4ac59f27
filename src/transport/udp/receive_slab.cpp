#include "transport/udp/receive_slab.hpp"

#include <memory>
#include <mutex>

namespace braid::transport {

namespace {

struct Pool {
    std::mutex mutex;
    ReceiveSlab* first = nullptr;
    std::size_t kept = 0;
    std::size_t in_use = 0;
};

// Never destroyed: Networks may live in objects with static storage.
Pool& pool() {
    static auto& instance = *new Pool;
    return instance;
}

}  // namespace

ReceiveSlab::Share ReceiveSlab::borrow() {
    auto& from = pool();
    {
        const std::lock_guard lock{from.mutex};
        if (from.in_use >= in_use_max) return {};
        ++from.in_use;
        if (auto* const slab = from.first) {
            from.first = slab->next_;
            --from.kept;
            slab->shares_.store(1, std::memory_order_relaxed);
            return Share{slab};
        }
    }
    return Share{new ReceiveSlab};
}

std::size_t ReceiveSlab::in_use() noexcept {
    auto& of = pool();
    const std::lock_guard lock{of.mutex};
    return of.in_use;
}

void ReceiveSlab::release() noexcept {
    if (shares_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    std::unique_ptr<ReceiveSlab> surplus{this};
    auto& to = pool();
    const std::lock_guard lock{to.mutex};
    --to.in_use;
    if (to.kept == kept_max) return;
    next_ = std::exchange(to.first, surplus.release());
    ++to.kept;
}

}  // namespace braid::transport
