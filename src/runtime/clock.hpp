#pragma once

#include "transport/clock.hpp"

namespace braid::runtime {

using transport::Clock;

/// The machine's steady clock.
class SystemClock final : public Clock {
public:
    protocol::Time now() const noexcept override;
};

}  // namespace braid::runtime
