#include "transport/udp/receive_slab.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

namespace braid::transport {

namespace {

struct Pool {
    std::mutex mutex;
    ReceiveSlab* first = nullptr;
    std::size_t kept = 0;
    std::size_t in_use = 0;
    std::vector<ReceiveSlab::Filling> begun;  // in use, but nobody fills them now
};

// Never destroyed: Networks may live in objects with static storage.
Pool& pool() {
    static auto& instance = *new Pool;
    return instance;
}

}  // namespace

ReceiveSlab::Filling ReceiveSlab::borrow(std::size_t room) {
    auto& from = pool();
    std::vector<Filling> full;  // let go of without the lock
    {
        const std::lock_guard lock{from.mutex};
        while (!from.begun.empty()) {
            auto filling = std::move(from.begun.back());
            from.begun.pop_back();
            if (filling.slab.sole()) filling.used = 0;
            if (filling.rest().size() >= room) return filling;
            full.push_back(std::move(filling));
        }
        if (from.in_use >= in_use_max) return {};
        ++from.in_use;
        if (auto* const slab = from.first) {
            from.first = slab->next_;
            --from.kept;
            slab->shares_.store(1, std::memory_order_relaxed);
            return {Share{slab}, 0};
        }
    }
    return {Share{new ReceiveSlab}, 0};
}

void ReceiveSlab::put_back(Filling filling) {
    if (!filling.slab || filling.slab.sole()) return;
    auto& to = pool();
    const std::lock_guard lock{to.mutex};
    to.begun.push_back(std::move(filling));
}

std::size_t ReceiveSlab::in_use() noexcept {
    auto& of = pool();
    const std::lock_guard lock{of.mutex};
    const auto unread =
        std::ranges::count_if(of.begun, [](const Filling& each) { return each.slab.sole(); });
    return of.in_use - static_cast<std::size_t>(unread);
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
