#pragma once

#include "protocol/time.hpp"

namespace braid::runtime {

/// Where the time comes from. Any thread.
class Clock {
public:
    virtual ~Clock() = default;
    virtual protocol::Time now() const noexcept = 0;
};

/// The machine's steady clock.
class SystemClock final : public Clock {
public:
    protocol::Time now() const noexcept override;
};

}  // namespace braid::runtime
