#pragma once

#include "protocol/time.hpp"

namespace braid::transport {

/// Where the time comes from. Any thread.
class Clock {
public:
    virtual ~Clock() = default;
    virtual protocol::Time now() const noexcept = 0;
};

}  // namespace braid::transport
