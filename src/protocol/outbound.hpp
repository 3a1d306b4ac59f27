#pragma once

#include "protocol/block.hpp"
#include "protocol/credit.hpp"
#include "protocol/delivery_class.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/interval_set.hpp"
#include "protocol/receipts.hpp"
#include "protocol/ring.hpp"
#include "protocol/time.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace braid::protocol {

/// A fragment that is not its message's last has at least this many bytes: it bounds what a peer
/// can make the other remember for each byte it sends.
inline constexpr std::size_t fragment_bytes_min = 128;

/// About what a copy of a message costs beyond its bytes.
inline constexpr std::size_t copy_head_bytes = 8;

/// What went into one message frame, or into a run of them, for feedback from a link that loses.
struct SentRange {
    std::uint64_t number = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::uint64_t more = 0;  ///< so many messages behind it too; then all are whole
};

/// The sending half of a stream: what waits, what is under way, what must go again. It cuts
/// messages into frames and numbers them at their first transmission.
class Outbound {
public:
    /// Why write() stopped.
    enum class Stop : std::uint8_t { quantum, empty, no_room, stream_credit, participant_credit };

    /// What write() needs to know of the channel.
    struct Target {
        FrameWriter& writer;
        SendCredit& participant_credit;
        std::uint64_t slot;
        std::uint64_t& number_expected;  ///< by the peer, if the frame does not say it
        bool& number_known;              ///< a frame of this stream went this way before
        bool alone;                      ///< as UnfinishedMessages has it
        bool may_begin;                  ///< parts of a message that has none yet
        std::uint64_t set_aside;         ///< of the participant's credit, if alone
        std::vector<SentRange>* log;     ///< gets what went into the frames; null if lossless
    };

    struct Written {
        std::size_t bytes = 0;
        Stop stop = Stop::quantum;
    };

    struct Counters {
        std::uint64_t messages_enqueued = 0;
        std::uint64_t messages_confirmed = 0;    ///< guaranteed: assembled by the peer
        std::uint64_t messages_handed_over = 0;  ///< others: given to the link
        std::uint64_t messages_dropped = 0;      ///< by time-to-live, latest-only, queue limit
        std::uint64_t bytes_resent = 0;          ///< copies included
        std::uint64_t copies_sent = 0;
    };

    Outbound(DeliveryClass delivery, std::uint64_t credit) noexcept
        : delivery_{delivery}, credit_{credit} {}
    Outbound(const Outbound&) = delete;
    Outbound& operator=(const Outbound&) = delete;
    ~Outbound() { drop_all(); }

    void set_time_to_live(Duration time_to_live) noexcept { time_to_live_ = time_to_live; }
    void set_latest_only(bool latest_only) noexcept { latest_only_ = latest_only; }
    void set_queue_bytes_max(std::size_t bytes) noexcept { queue_bytes_max_ = bytes; }
    /// The peer may hold messages back: that a link brought them says nothing.
    void set_held_back(bool held_back) noexcept { held_back_ = held_back; }
    /// Streams that may lose: each message goes so many times more, on a link that loses too.
    void set_copies(std::uint8_t copies) noexcept { copies_ = copies; }

    /// Queues the messages at `pieces` of `block`. With `receipt`, receipts() will tell when they
    /// are delivered.
    void enqueue(Block& block, std::span<const Piece> pieces, Time now, bool receipt = false);
    void enqueue(Block& block, const Piece& piece, Time now, bool receipt = false) {
        enqueue(block, std::span{&piece, 1}, now, receipt);
    }

    /// Null if nobody ever asked for one.
    Receipts* receipts() noexcept { return receipts_.get(); }

    /// True if there is something to transmit, credit permitting.
    bool backlogged() const noexcept { return waiting_ > 0 || resends() || copies_due_ > 0; }

    /// True if something is to be sent again, which takes no credit.
    bool resends() const noexcept { return !resend_.empty() || !resend_parts_.empty(); }

    /// True if nothing waits for its first transmission.
    bool transmitted() const noexcept { return waiting_ == 0; }

    /// True if nothing is queued, under way or unconfirmed.
    bool settled() const noexcept { return queue_.empty(); }

    /// Messages that were given a number, so far.
    std::uint64_t count() const noexcept { return number_highest_; }

    SendCredit& credit() noexcept { return credit_; }
    const SendCredit& credit() const noexcept { return credit_; }

    /// The credit that a message still needs of which a part is paid for; 0 if there is none.
    std::uint64_t unpaid() const noexcept;
    /// The credit that the next message needs that is not all sent.
    std::uint64_t next_cost() const noexcept;

    const Counters& counters() const noexcept { return counters_; }
    std::size_t messages_queued() const noexcept { return queue_.size(); }
    std::size_t bytes_queued() const noexcept { return queue_bytes_; }

    /// Bytes that left the queue since the last call, confirmed or dropped: room for the sender.
    std::size_t take_freed_bytes() noexcept { return std::exchange(freed_bytes_, 0); }

    /// Writes frames worth about `quantum` bytes, none longer than that.
    Written write(Target& target, std::size_t quantum, Time now);

    /// The peer has assembled all messages below `count`, and those of `first` to `first + n`.
    /// @returns false if they were never sent
    bool confirm_below(std::uint64_t count);
    bool confirm(std::uint64_t first, std::uint64_t n);

    /// Feedback from a link that is not lossless.
    void acked(const SentRange& range, Time now);
    void lost(const SentRange& range);

    // Copies, sent before anybody knows what was lost.

    /// Guaranteed: what is not confirmed of messages `first` to `first + n`, in bytes on the wire.
    std::uint64_t copy_bytes(std::uint64_t first, std::uint64_t n) const noexcept;
    /// Makes these go once more.
    void copy(std::uint64_t first, std::uint64_t n);

    /// Others: what was sent and is to go once more.
    bool copies_wait() const noexcept { return copy_queue_.size() > copies_due_; }
    std::uint64_t copies_waiting_bytes() const noexcept;
    /// Makes all of it go next, or drops it.
    void release_copies() noexcept { copies_due_ = copy_queue_.size(); }
    void drop_copies();

    /// The link is gone: what is not confirmed waits again.
    void rewind();

    /// Gives back memory that is not in use.
    void rest() noexcept {
        queue_.rest();
        queued_at_.rest();
        if (receipts_ != nullptr) receipts_->rest();
    }

    /// Forgets all; nothing more will be sent.
    void drop_all();

private:
    // Small, since thousands wait on a fast stream and each is touched three times.
    struct Entry {
        static constexpr std::uint32_t bytes_max = 0x7fff'ffff;
        Block* block = nullptr;
        std::uint32_t offset : 31 = 0;
        std::uint32_t receipt : 1 = 0;  // guaranteed: is to be reported when confirmed
        std::uint32_t bytes : 31 = 0;
        std::uint32_t confirmed : 1 = 0;
    };

    struct Copy {
        Entry entry;
        std::uint64_t number = 0;
        Time queued_at{};
        std::uint8_t left = 0;
    };

    void append(Block& block, std::span<const Piece> pieces, bool receipt);
    void drop_waiting();
    void drop_oldest();
    std::size_t write_run(Target& target, std::size_t quantum);
    std::size_t write_copy(Target& target, Stop& stop, Time now);
    void keep_copy(std::uint8_t left);
    void pop_copy();
    std::size_t write_next(Target& target, std::size_t chunk, Stop& stop);
    std::size_t write_beside(Target& target, const Entry& entry, std::size_t chunk, Stop& stop);
    std::size_t announce(Target& target, const Entry& entry, Stop& stop);
    std::size_t pay(Target& target, const Entry& entry, std::size_t chunk, Stop& stop) noexcept;
    void transmitted_front(bool may_copy);
    std::size_t write_resend(Target& target, std::size_t chunk, Stop& stop);
    std::size_t write_frame(Target& target, const Entry& entry, const SentRange& range);
    std::size_t fit(const Target& target, const Entry& entry, const SentRange& range,
                    std::size_t chunk) const noexcept;
    static bool in_step(const Target& target, const SentRange& range) noexcept;
    std::size_t affordable(Target& target, const SentRange& range, Stop& stop) const noexcept;
    std::uint64_t spendable(const Target& target, std::uint64_t cost) const noexcept;
    bool may_pay_part(const Target& target, std::uint64_t number) const noexcept;
    Stop out_of_credit(std::uint64_t participant_credit) const noexcept;
    std::uint64_t uncharged(const SentRange& range) const noexcept;
    void charge(Target& target, const SentRange& range) noexcept;
    MessageHead head_of(const Target& target, const Entry& entry,
                        const SentRange& range) const noexcept;
    void log(Target& target, const SentRange& range) const;
    void forget_resends(std::uint64_t first, std::uint64_t end);
    void lost_parts(const SentRange& range);
    void want_receipts();
    void note_confirmed(std::uint64_t first, std::uint64_t n);
    void free(Entry& entry) noexcept;
    void pop_confirmed();
    void pop_front(std::size_t n);
    void drop_expired(Time now);
    void drop_front();
    std::size_t sent() const noexcept { return queue_.size() - waiting_; }
    std::uint64_t number_of(std::size_t index) const noexcept { return number_first_ + index; }

    DeliveryClass delivery_;
    bool latest_only_ = false;
    bool held_back_ = false;
    std::uint8_t copies_ = 0;
    SendCredit credit_;
    Duration time_to_live_{0};
    std::size_t queue_bytes_max_ = static_cast<std::size_t>(-1);

    // Messages, oldest first: those under way (of a guaranteed stream), then `waiting_` more. The
    // i-th has, or will get, number number_first_ + i. Of the first waiting one, offset_next_
    // bytes are sent.
    Ring<Entry> queue_;
    Ring<Time> queued_at_;  // of the same messages, if they have a time to live
    std::size_t waiting_ = 0;
    std::size_t queue_bytes_ = 0;
    std::size_t freed_bytes_ = 0;
    std::uint64_t number_first_ = 0;
    std::uint64_t number_highest_ = 0;  // one past the highest ever sent
    std::uint64_t offset_next_ = 0;

    // Credit is taken once for each byte: for all messages below number_charged_, and of the last
    // of these for its first offset_charged_ bytes.
    std::uint64_t number_charged_ = 0;
    std::uint64_t offset_charged_ = 0;

    // Links that lose: which messages must go again, of which only parts must, and which parts of
    // long messages arrived.
    IntervalSet resend_;
    std::map<std::uint64_t, IntervalSet> resend_parts_;
    std::map<std::uint64_t, IntervalSet> parts_acked_;
    // Of streams that may lose, what was sent and goes again: first those that go next.
    Ring<Copy> copy_queue_;
    std::size_t copies_due_ = 0;
    Counters counters_;
    std::unique_ptr<Receipts> receipts_;
};

}  // namespace braid::protocol
