#include "transport/udp/mailbox.hpp"

#include <utility>

namespace braid::transport {

void Mailbox::put(Mail mail) {
    bool first = false;
    {
        const std::lock_guard lock{mutex_};
        if (closed_) return;
        // A socket fills one slab after the other.
        const bool new_slab = mails_.empty() || !(mails_.back().slab == mail.slab);
        if (mails_.size() == mails_max || (new_slab && slabs_ == slabs_max)) {
            ++dropped_;
            return;
        }
        first = mails_.empty();
        slabs_ += new_slab ? 1 : 0;
        mails_.push_back(std::move(mail));
    }
    if (first) bell_->ring();
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
    slabs_ = 0;
    return error_;
}

void Mailbox::close() {
    std::vector<Mail> dropped;
    const std::lock_guard lock{mutex_};
    std::swap(dropped, mails_);
    slabs_ = 0;
    closed_ = true;
}

std::uint64_t Mailbox::dropped() const {
    const std::lock_guard lock{mutex_};
    return dropped_;
}

}  // namespace braid::transport
