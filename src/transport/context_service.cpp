#include "transport/context_service.hpp"

#include <asio/execution_context.hpp>

#include <thread>

namespace braid::transport {

namespace {

/// Lets Residents know when their context dies. asio shuts its services down, the newest first,
/// before it destroys any; all that others still use is there.
class ContextService final : public asio::execution_context::service {
public:
    static inline asio::execution_context::id id;

    explicit ContextService(asio::execution_context& context) : service{context} {}

    const std::shared_ptr<Residents>& residents() const noexcept { return residents_; }

private:
    void shutdown() noexcept override { residents_->close(); }

    std::shared_ptr<Residents> residents_ = std::make_shared<Residents>();
};

}  // namespace

std::shared_ptr<Residents> Residents::of(const asio::any_io_executor& executor) {
    auto& context = asio::query(executor, asio::execution::context);
    return asio::use_service<ContextService>(context).residents();
}

bool Residents::enter(Resident& resident) noexcept {
    const std::lock_guard lock{mutex_};
    if (closed_) return false;
    resident.previous_ = nullptr;
    resident.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &resident;
    first_ = &resident;
    resident.listed_ = true;
    return true;
}

void Residents::leave(Resident& resident) noexcept {
    const std::lock_guard lock{mutex_};
    if (resident.listed_) unlink(resident);
}

void Residents::close() noexcept {
    for (;;) {
        Resident* claimed = nullptr;
        {
            const std::lock_guard lock{mutex_};
            closed_ = true;
            if (first_ == nullptr) return;
            for (auto* each = first_; each != nullptr && claimed == nullptr; each = each->next_) {
                if (each->claim()) claimed = each;
            }
            if (claimed != nullptr) unlink(*claimed);
        }
        if (claimed != nullptr) {
            claimed->evict();
        } else {
            std::this_thread::yield();
        }
    }
}

void Residents::unlink(Resident& resident) noexcept {
    (resident.previous_ != nullptr ? resident.previous_->next_ : first_) = resident.next_;
    if (resident.next_ != nullptr) resident.next_->previous_ = resident.previous_;
    resident.listed_ = false;
}

}  // namespace braid::transport
