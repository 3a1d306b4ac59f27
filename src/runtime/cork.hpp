#pragma once

#include <memory>
#include <vector>

namespace braid::runtime {

class Participant;

/// The flushes that a thread owes while it is corked.
class HeldFlushes {
public:
    static HeldFlushes& of_this_thread() noexcept;

    void begin() noexcept { ++corks_; }
    /// The last one to end posts what is owed.
    void end();

    /// Takes over to flush the participant; false if the thread is not corked.
    bool take(const std::shared_ptr<Participant>& participant);

private:
    unsigned corks_ = 0;
    std::vector<std::shared_ptr<Participant>> owed_;
};

}  // namespace braid::runtime
