#include "transport/doorbell.hpp"

#include "transport/strand_executor.hpp"

#include <utility>

namespace braid::transport {

std::shared_ptr<Doorbell> Doorbell::make(const asio::any_io_executor& strand) {
    std::shared_ptr<Doorbell> doorbell{new Doorbell{strand}};
    if (!doorbell->residents_->enter(*doorbell)) doorbell->take_down();
    return doorbell;
}

Doorbell::Doorbell(const asio::any_io_executor& strand)
    : residents_{Residents::of(strand)}, strand_{strand} {}

Doorbell::~Doorbell() { residents_->leave(*this); }

void Doorbell::ring() {
    const std::lock_guard lock{mutex_};
    if (strand_) post_to(strand_, [self = shared_from_this()] { self->bell_.ring(); });
}

asio::awaitable<void> Doorbell::wait(std::shared_ptr<Doorbell> self) {
    if (!self->bell_.take_ring()) co_await self->bell_.wait();
}

void Doorbell::take_down() noexcept {
    residents_->leave(*this);
    {
        asio::any_io_executor dropped;
        const std::lock_guard lock{mutex_};
        std::swap(dropped, strand_);
    }
    bell_.drop();
}

bool Doorbell::claim() noexcept {
    claimed_ = weak_from_this().lock();
    return claimed_ != nullptr;
}

void Doorbell::evict() noexcept {
    const auto self = std::move(claimed_);
    take_down();
}

}  // namespace braid::transport
