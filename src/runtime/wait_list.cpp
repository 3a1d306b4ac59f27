#include "runtime/wait_list.hpp"

#include <asio/error.hpp>
#include <asio/post.hpp>

#include <exception>
#include <mutex>

namespace braid::runtime {

struct WaitList::Start {
    template <typename Handler>
    void operator()(Handler handler, WaitList* list, Ticket ticket,
                    std::weak_ptr<const void> owner) const {
        const auto number = list->number_.fetch_add(1, std::memory_order_relaxed) + 1;
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) {
            slot.assign([list, number, owner](asio::cancellation_type) {
                if (const auto keeper = owner.lock()) list->cancel(number);
            });
        }
        const asio::any_io_executor executor{asio::get_associated_executor(handler)};
        auto* const entry = HandlerWaiter<Entry, Handler>::make(std::move(handler), *list,
                                                                transport::Residents::of(executor));
        entry->number_ = number;
        list->start(*entry, ticket);
    }
};

WaitList::~WaitList() {
    for (auto* entry = take_all(); entry != nullptr;) {
        auto* const next = entry->next_entry_;
        entry->destroy();
        entry = next;
    }
}

asio::awaitable<void> WaitList::wait(Ticket ticket, std::weak_ptr<const void> owner) {
    return asio::async_initiate<const asio::use_awaitable_t<>, void(std::error_code)>(
        Start{}, asio::use_awaitable, this, ticket, std::move(owner));
}

// From the moment it is linked, the entry may be completed, and its coroutine go on, elsewhere.
void WaitList::start(Entry& entry, Ticket ticket) noexcept {
    if (!entry.residents_->enter(entry)) return entry.destroy();
    bool late = false;
    {
        const std::lock_guard lock{lock_};
        count_.fetch_add(1, std::memory_order_seq_cst);
        late = epoch_.load(std::memory_order_seq_cst) != ticket;
        if (late) {
            count_.fetch_sub(1, std::memory_order_seq_cst);
        } else {
            entry.previous_entry_ = last_;
            (last_ != nullptr ? last_->next_entry_ : first_) = &entry;
            last_ = &entry;
            entry.linked_ = true;
        }
    }
    if (late) entry.complete({});
}

void WaitList::notify() noexcept {
    epoch_.fetch_add(1, std::memory_order_seq_cst);
    if (count_.load(std::memory_order_seq_cst) == 0) return;
    for (auto* entry = take_all(); entry != nullptr;) {
        auto* const next = entry->next_entry_;
        entry->complete({});
        entry = next;
    }
}

void WaitList::notify(Woken& woken) noexcept {
    epoch_.fetch_add(1, std::memory_order_seq_cst);
    if (count_.load(std::memory_order_seq_cst) != 0) woken.add(take_all());
}

void WaitList::cancel(std::uint64_t number) noexcept {
    Entry* found = nullptr;
    {
        const std::lock_guard lock{lock_};
        found = first_;
        while (found != nullptr && found->number_ != number) found = found->next_entry_;
        if (found != nullptr) unlink_locked(*found);
    }
    if (found != nullptr) found->complete(asio::error::operation_aborted);
}

bool WaitList::unlink(Entry& entry) noexcept {
    const std::lock_guard lock{lock_};
    if (!entry.linked_) return false;
    unlink_locked(entry);
    return true;
}

void WaitList::unlink_locked(Entry& entry) noexcept {
    (entry.previous_entry_ != nullptr ? entry.previous_entry_->next_entry_ : first_) =
        entry.next_entry_;
    (entry.next_entry_ != nullptr ? entry.next_entry_->previous_entry_ : last_) =
        entry.previous_entry_;
    entry.linked_ = false;
    count_.fetch_sub(1, std::memory_order_seq_cst);
}

WaitList::Entry* WaitList::take_all() noexcept {
    const std::lock_guard lock{lock_};
    for (auto* entry = first_; entry != nullptr; entry = entry->next_entry_) {
        entry->linked_ = false;
        count_.fetch_sub(1, std::memory_order_seq_cst);
    }
    last_ = nullptr;
    return std::exchange(first_, nullptr);
}

Woken::~Woken() {
    while (auto* const entry = first_) {
        first_ = entry->next_entry_;
        entry->destroy();
    }
}

void Woken::add(WaitList::Entry* first) noexcept {
    if (first == nullptr) return;
    (last_ != nullptr ? last_->next_entry_ : first_) = first;
    for (last_ = first; last_->next_entry_ != nullptr;) last_ = last_->next_entry_;
}

void Woken::go_on() noexcept {
    while (auto* const entry = first_) {
        first_ = entry->next_entry_;
        if (first_ == nullptr) last_ = nullptr;
        const auto executor = entry->executor();
        try {
            entry->go_on({});
        } catch (...) {
            // Not for those through whose hands it went: run() throws it, as if it had been posted.
            asio::post(executor,
                       [error = std::current_exception()] { std::rethrow_exception(error); });
        }
    }
}

}  // namespace braid::runtime
