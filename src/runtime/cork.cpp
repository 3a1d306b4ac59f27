#include "runtime/cork.hpp"

#include "runtime/participant.hpp"

#include <utility>

namespace braid::runtime {

HeldFlushes& HeldFlushes::of_this_thread() noexcept {
    thread_local HeldFlushes held;
    return held;
}

void HeldFlushes::end() {
    if (--corks_ > 0 || owed_.empty()) return;
    // A participant that goes with its last reference may send its last words meanwhile.
    auto owed = std::move(owed_);
    owed_.clear();
    for (const auto& participant : owed) {
        participant->intake().release_flush();
        participant->post_flush();
    }
    owed.clear();
    if (owed_.empty()) owed_ = std::move(owed);
}

bool HeldFlushes::take(const std::shared_ptr<Participant>& participant) {
    if (corks_ == 0) return false;
    if (participant->intake().hold_flush()) owed_.push_back(participant);
    return true;
}

}  // namespace braid::runtime
