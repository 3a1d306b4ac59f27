#pragma once

#include "protocol/interval_set.hpp"
#include "protocol/ring.hpp"
#include "protocol/time.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace braid::protocol {

struct SentRange;

/// Which messages of a stream have been delivered, for a sender that asked. It never says so of one
/// that was not; of streams that may lose it may stay silent about one that was.
///
/// A message is named by how many were queued before it. For a guaranteed stream that is its
/// number too; of others the ones that are dropped unsent never get a number.
class Receipts {
public:
    static constexpr std::uint64_t not_asked = ~std::uint64_t{0};

    /// What is remembered at most: of messages under way, and of receipts that nobody took.
    static constexpr std::size_t kept_max = 4096;

    explicit Receipts(bool sequenced) noexcept : sequenced_{sequenced} {}

    /// The message is delivered.
    void deliver(std::uint64_t id);

    /// Moves what is delivered to the end of `out`, of which the newest kept_max stay. To be called
    /// after each batch of news from a link: which of the messages acknowledged together came first
    /// is not known.
    void take(Ring<std::uint64_t>& out);

    // Streams that may lose: the twin of their queue.

    void queue(std::uint64_t id) { queued_.push_back(id); }
    void drop_oldest() noexcept { queued_.pop_front(); }
    void drop_newest() noexcept { queued_.pop_back(); }
    void swap_oldest_two() noexcept { std::swap(queued_[0], queued_[1]); }

    /// The oldest leaves under this number, `first_bytes` of its `bytes` in its first frame. If
    /// `by_peer`, the peer says what it got, else the link.
    void begin(std::uint64_t number, std::uint32_t bytes, std::uint64_t first_bytes, bool by_peer);
    /// All of it was given to the link.
    void end() noexcept;
    /// True once after something was given to a link that leaves it to the peer to tell.
    bool take_unasked() noexcept { return std::exchange(unasked_, false); }

    /// The end of the stream is on its way.
    void close(Time now) noexcept;

    void acked(const SentRange& range, Time now);
    void confirm_below(std::uint64_t count);

    /// What is under way may be lost with its channel.
    void forget_sent() noexcept;
    void forget_all() noexcept;

    /// Gives back memory that is not in use.
    void rest() noexcept {
        queued_.rest();
        pending_.rest();
        delivered_.rest();
    }

private:
    struct Pending {
        std::uint64_t number = 0;
        std::uint64_t id = not_asked;
        std::uint64_t cuts_before = 0;
        std::uint64_t cut_bytes_before = 0;
        std::uint32_t bytes = 0;
        bool by_peer = false;
        bool done = false;
    };

    static void keep(Ring<std::uint64_t>& ids, std::uint64_t id);
    Pending* find(std::uint64_t number) noexcept;
    bool surely_kept(const Pending& pending, bool cut, Time now) const noexcept;
    void settle(const Pending& pending, bool kept);
    void drop_done();

    const bool sequenced_;
    bool unasked_ = false;
    Ring<std::uint64_t> queued_;  // ids
    Ring<Pending> pending_;       // by number
    std::map<std::uint64_t, IntervalSet> parts_;
    std::uint64_t cuts_ = 0;  // messages that left in several frames
    std::uint64_t cut_bytes_ = 0;
    Time closed_at_ = never;
    std::uint64_t newest_ = 0;  // sequenced: one past the highest number that was acknowledged
    std::uint64_t newest_id_ = not_asked;
    Ring<std::uint64_t> delivered_;
};

}  // namespace braid::protocol
