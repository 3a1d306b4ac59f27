#pragma once

#include "protocol/time.hpp"

#include <chrono>

namespace braid::transport {

/// The round trip as estimated from acknowledgements. RFC 9002, 5.
class RoundTripTime {
public:
    /// Before anything was measured.
    static constexpr protocol::Duration initial = std::chrono::milliseconds{100};

    /// @param measured from sending to the acknowledgement
    /// @param delay that the peer says it waited before it acknowledged: taken off up to
    ///     Acknowledgements::delay_max, and only where the rest is no less than least()
    void sample(protocol::Duration measured, protocol::Duration delay) noexcept;

    bool known() const noexcept;
    protocol::Duration smoothed() const noexcept;
    protocol::Duration variation() const noexcept;
    protocol::Duration latest() const noexcept;  ///< without the peer's delay
    protocol::Duration least() const noexcept;   ///< with it

private:
    bool known_ = false;
    protocol::Duration smoothed_ = initial;
    protocol::Duration variation_ = initial / 2;
    protocol::Duration latest_ = initial;
    protocol::Duration least_ = initial;
};

}  // namespace braid::transport
