#pragma once

#include "protocol/ring.hpp"
#include "protocol/time.hpp"
#include "transport/simulated/path.hpp"

#include <braid/message.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace braid::transport {

/// Bytes on their way over a simulated path, as TCP carries them: all arrive, in order. What the
/// path loses is sent again, and all behind it waits.
///
/// A loss is noticed as real senders do: by three packets behind the lost one that have arrived
/// (fast retransmit, RFC 5681, 3.2), which costs a round trip; or else by a retransmission timeout
/// of a round trip and 200 ms, as on Linux, which doubles each time (RFC 6298, 5.5).
class SimulatedLine {
public:
    static constexpr protocol::Duration timeout_min = std::chrono::milliseconds{200};

    /// The most that may be on its way: so much per latency is also the throughput of a line
    /// without a rate.
    static constexpr std::size_t held_bytes_max = 16u << 20;

    /// Where there is a rate: what waits for it, beside what is under way at that rate.
    static constexpr std::size_t queue_bytes = 16u << 10;

    struct Counters {
        std::uint64_t losses = 0;
        std::uint64_t duplicates = 0;  ///< change nothing: a receiver of TCP drops them
    };

    /// What enters and arrives together.
    struct Load {
        std::vector<std::byte> bytes;
        bool in_memory = false;  ///< `bytes` is a batch of Framing::memory, with these:
        std::vector<Message> beside;

        std::size_t size() const noexcept;
    };

    /// @param round_trip_time of both directions, as the sender measures it
    SimulatedLine(const LinkSimulation::Direction& direction, std::uint64_t seed,
                  protocol::Duration round_trip_time) noexcept;

    /// No bytes are a mark that travels as bytes do, but is never lost.
    void enter(Load load, protocol::Time from);
    void enter(std::vector<std::byte> bytes, protocol::Time from);

    bool empty() const noexcept { return units_.empty(); }

    /// When front() arrives; `never` if there is none.
    protocol::Time due() const noexcept {
        return units_.empty() ? protocol::never : units_.front().due;
    }

    /// What arrives next.
    Load& front() noexcept { return units_.front().load; }
    void pop() noexcept;

    /// True if so much is under way that nothing may enter, but a mark.
    bool full() const noexcept { return held_bytes_ >= room_bytes_; }
    std::size_t held_bytes() const noexcept { return held_bytes_; }

    const SimulatedPath& path() const noexcept { return path_; }
    const Counters& counters() const noexcept { return counters_; }

private:
    // What a unit costs beside its bytes.
    static constexpr std::size_t unit_charge = 64;
    static constexpr unsigned packets_until_noticed = 3;

    struct Unit {
        Load load;
        std::size_t charge = 0;
        protocol::Time due{};
    };

    /// A unit whose loss the sender has not noticed yet.
    struct Loss {
        std::uint64_t unit = 0;
        unsigned packets_behind = 0;
        protocol::Duration again{0};  ///< what further losses of the same packet cost
    };

    void notice(protocol::Time arrives, unsigned packets);
    protocol::Duration timeouts(unsigned count) const noexcept;

    SimulatedPath path_;
    protocol::Duration round_trip_time_;
    std::size_t room_bytes_;
    protocol::Ring<Unit> units_;
    std::uint64_t first_unit_ = 0;  // the number of the one in front
    std::vector<Loss> losses_;
    std::size_t held_bytes_ = 0;
    Counters counters_;
};

}  // namespace braid::transport
