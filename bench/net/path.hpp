#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace net {

using std::chrono::nanoseconds;

/// How a link treats the packets of one direction. Each default leaves them alone.
struct LinkShape {
    double bits_per_second = 0;         ///< of whole IP packets; 0: no limit
    std::size_t queue_bytes = 1 << 20;  ///< drop-tail, what is on its way out counts; if rated
    nanoseconds delay{0};               ///< of each packet, after the queue
    nanoseconds jitter{0};              ///< up to so much more, evenly; the order stays
    double loss = 0;                    ///< share of packets, dropped before the queue
    double loss_run = 1;                ///< mean number lost in a row; 1: each by itself
    double reorder = 0;                 ///< share of packets that others may overtake
    nanoseconds reorder_delay{0};       ///< by which those come later
    std::size_t mtu = 0;                ///< larger IP packets vanish; 0: no limit

    /// The queue that takes so long to empty.
    LinkShape& queue_time(nanoseconds time);
};

/// What became of the packets of one direction.
struct PathCounts {
    std::uint64_t offered = 0;
    std::uint64_t bytes = 0;  ///< of those offered, as IP packets
    std::uint64_t lost = 0;
    std::uint64_t queue_full = 0;
    std::uint64_t too_large = 0;
    nanoseconds queue_max{0};
};

/// Decides when each packet of one direction arrives, if at all. Does no I/O and reads no clock:
/// the same shape, seed and packets give the same answers.
///
/// Runs of losses follow E. N. Gilbert, "Capacity of a burst-noise channel" (1960), with a bad
/// state that loses all.
class Path {
public:
    Path(const LinkShape& shape, std::uint64_t seed);

    /// When a packet of so many bytes that enters at `now` comes out, unless it is dropped. `now`
    /// does not go back.
    std::optional<nanoseconds> offer(nanoseconds now, std::size_t bytes);

    /// For packets from now on; what is queued keeps its time.
    void reshape(const LinkShape& shape);

    const PathCounts& counts() const noexcept { return counts_; }

private:
    bool chance(double share) noexcept;
    std::uint64_t random() noexcept;
    bool loses_next() noexcept;
    nanoseconds sending_time(std::size_t bytes) const;

    LinkShape shape_;
    std::uint64_t random_state_;
    nanoseconds idle_from_{0};
    nanoseconds newest_due_{0};
    bool losing_ = false;
    PathCounts counts_;
};

}  // namespace net
