#include "runtime/clock.hpp"

namespace braid::runtime {

protocol::Time SystemClock::now() const noexcept {
    const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
    return protocol::Time{std::chrono::duration_cast<protocol::Duration>(since_start)};
}

}  // namespace braid::runtime
