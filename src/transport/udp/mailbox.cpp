#include "transport/udp/mailbox.hpp"

#include <algorithm>
#include <utility>

namespace braid::transport {

void Mailbox::put(Mail mail) {
    bool first = false;
    {
        const std::lock_guard lock{mutex_};
        if (closed_) return;
        if (mails_.size() == mails_max || !hold(mail.slab)) {
            ++dropped_;
            return;
        }
        first = mails_.empty();
        mails_.push_back(std::move(mail));
    }
    if (first) bell_->ring();
}

/// @returns false if too many others are held
bool Mailbox::hold(const ReceiveSlab::Share& slab) {
    if (!mails_.empty() && mails_.back().slab == slab) return true;
    if (std::ranges::find(slabs_, slab.id()) != slabs_.end()) return true;
    if (slabs_.size() == slabs_max) return false;
    slabs_.push_back(slab.id());
    return true;
}

void Mailbox::fail(std::error_code error) {
    {
        const std::lock_guard lock{mutex_};
        if (error_ || closed_) return;
        error_ = error;
    }
    bell_->ring();
}

std::error_code Mailbox::take(std::vector<Mail>& out) {
    const std::lock_guard lock{mutex_};
    std::swap(out, mails_);
    slabs_.clear();
    return error_;
}

void Mailbox::close() {
    std::vector<Mail> dropped;
    const std::lock_guard lock{mutex_};
    std::swap(dropped, mails_);
    slabs_.clear();
    closed_ = true;
}

std::uint64_t Mailbox::dropped() const {
    const std::lock_guard lock{mutex_};
    return dropped_;
}

}  // namespace braid::transport
