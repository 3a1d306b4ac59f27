#pragma once

#include "protocol/time.hpp"

#include <cstdint>
#include <functional>

namespace sim {

/// How a soak went so far.
struct SoakReport {
    std::uint64_t bytes = 0;  ///< of messages, delivered and compared
    std::uint64_t messages = 0;
    std::uint64_t packets = 0;
    std::uint64_t packets_lost = 0;  ///< and sent again
    std::uint64_t losses_spurious = 0;
    std::uint64_t probe_timeouts = 0;
    std::uint64_t streams = 0;  ///< opened and over
    std::uint64_t handshakes = 0;
    std::uint64_t path_changes = 0;
    braid::protocol::Duration elapsed{0};

    // Bytes of the heap in use when all was idle.
    std::uint64_t heap_first = 0;  ///< once warm
    std::uint64_t heap_most = 0;   ///< at most since
    std::uint64_t heap_last = 0;
};

struct SoakOptions {
    std::uint64_t seed = 1;
    /// Bytes of the heap in use; null: it is not watched.
    std::function<std::uint64_t()> heap_bytes;
    /// After each fiftieth.
    std::function<void(const SoakReport&)> progress;
};

// Both compare every byte that arrives, and throw Violation if a message is wrong, doubled, out of
// its order or missing, if a link fails, if nothing moves for ten virtual seconds, if an idle pair
// takes more memory than it did when it was warm, or if it ends much slower than it began.

/// Sends so many bytes over 10 Gbit/s with one loss in ten thousand: messages up to 1 MiB in order
/// and others out of it, short urgent ones beside them, and answers.
SoakReport soak_bytes(std::uint64_t bytes, const SoakOptions& options);

/// Some messages an hour and a short stream, keep-alives, and a NAT that forgets twice a day, at
/// one loss in a hundred; beside them strangers who need a cookie and connection ids that change.
SoakReport soak_days(unsigned days, const SoakOptions& options);

}  // namespace sim
