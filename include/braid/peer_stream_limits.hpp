#pragma once

#include <braid/priority.hpp>
#include <braid/promises.hpp>

#include <cstdint>
#include <type_traits>

namespace braid {

/// What each peer may ask for when it opens streams. One that asks for more is refused, never
/// downgraded: its opener sees errc::stream_refused, and which of these it was from
/// Stream::close_code() (<braid/close_code.hpp>).
struct PeerStreamLimits {
    Priority most_urgent = 0;                                     ///< no lower number
    std::uint64_t bandwidth_bytes_per_second = UINT64_MAX;        ///< guaranteed to one stream
    std::uint64_t bandwidth_bytes_per_second_total = UINT64_MAX;  ///< and to all that are open
    /// Which of them; all if not set.
    Promises promises = Promises::reliable | Promises::compressed | Promises::encrypted;
};

// g++ 12 destroys other aggregates twice in a co_await expression.
static_assert(std::is_trivially_destructible_v<PeerStreamLimits>);

}  // namespace braid
