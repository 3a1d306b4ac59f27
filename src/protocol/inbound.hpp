#pragma once

#include "protocol/credit.hpp"
#include "protocol/delivery_class.hpp"
#include "protocol/frame.hpp"
#include "protocol/interval_set.hpp"
#include "protocol/message_queue.hpp"
#include "protocol/reassembly.hpp"
#include "protocol/recent_numbers.hpp"
#include "protocol/ring.hpp"
#include "protocol/time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <system_error>

namespace braid::protocol {

/// The longest message of a stream that does not guarantee delivery: it costs memory for as long
/// as its last part may still come.
inline constexpr std::size_t lossy_message_bytes_max = 256u << 10;

/// The receiving half of a stream: joins fragments, drops duplicates, keeps the order that was
/// promised. What it delivers is in `delivered`, for the application to take.
class Inbound {
public:
    struct Options {
        Promises promises = Promises::reliable;
        std::size_t message_bytes_max = 0;
        std::uint64_t window = 0;
        std::uint64_t window_max = 0;
        Duration reorder_wait{0};  ///< sequenced: how long a message waits for an older one
    };

    struct Counters {
        std::uint64_t messages_delivered = 0;
        std::uint64_t duplicates = 0;
        std::uint64_t outdated = 0;   ///< sequenced: older than one already delivered
        std::uint64_t abandoned = 0;  ///< not guaranteed: never completed
    };

    explicit Inbound(const Options& options) noexcept
        : promises_{options.promises},
          delivery_{delivery_class(options.promises)},
          message_bytes_max_{options.message_bytes_max},
          reorder_wait_{options.reorder_wait},
          credit_{options.window, options.window_max} {}

    MessageQueue delivered;

    /// Takes a message frame whose number is known in full. If it `may_repeat`, its number tells
    /// whether it came before. An error ends the channel.
    std::error_code receive(const Frame& frame, std::uint64_t number, bool may_repeat,
                            ReceiveCredit& participant, Time now);

    /// The hot path of receive(): the next messages of an ordered guaranteed stream, whole, with
    /// nothing held back.
    /// @returns how many were taken, the one with an `error` included; the others are for receive()
    std::size_t receive_next(std::span<const std::span<const std::byte>> payloads,
                             ReceiveCredit& participant, std::error_code& error);
    std::uint64_t next_number() const noexcept { return next_; }

    /// The peer says that it sent `count` messages and no more come. An error ends the channel.
    std::error_code finish(std::uint64_t count, bool ordered_lossless, Time lossy_deadline);

    /// The peer gave up: what is not delivered is forgotten. `credit` is what it used in all.
    void reset(std::uint64_t credit, ReceiveCredit& participant);

    /// Nobody will read any more: what is and what comes is thrown away, its credit given back.
    void discard(ReceiveCredit& participant);

    /// The application took messages worth `bytes` of charge.
    void consume(std::uint64_t bytes, ReceiveCredit& participant);

    /// Drops what can not be completed any more, and delivers what waited long enough for it.
    void advance(Time now);
    Time deadline() const noexcept {
        if (ended_) return never;
        return waiting_.empty() ? lossy_deadline_
                                : std::min(lossy_deadline_, waiting_.front().until);
    }

    /// Nothing more will be delivered.
    bool ended() const noexcept { return ended_; }
    bool discarding() const noexcept { return discarding_; }

    ReceiveCredit& credit() noexcept { return credit_; }
    const Counters& counters() const noexcept { return counters_; }
    DeliveryClass delivery() const noexcept { return delivery_; }

    /// The whole number of which the wire told the low 16 bits.
    std::uint64_t expand(std::uint64_t low) const noexcept;

    /// Guaranteed: what all assembled messages were charged, so far.
    std::uint64_t assembled_bytes() const noexcept { return assembled_bytes_; }

    /// For stream_ack: all below are here, and these above. Of streams that may lose: one past the
    /// newest that was delivered.
    std::uint64_t assembled_below() const noexcept { return next_; }
    const IntervalSet& assembled_above() const noexcept { return above_; }

    /// A message longer than the window has begun and waits for room: its total; 0 if none does.
    std::uint64_t reservation_wanted() const noexcept { return reservation_wanted_; }
    /// Room in the stream's window and in the participant's.
    void grant_reservation(ReceiveCredit& participant);
    /// Room in the stream's window alone, while it goes on to wait for both.
    /// @returns false if it had that
    bool grant_stream_reservation();

private:
    /// A whole message.
    struct Content {
        std::span<const std::byte> bytes;
        Message* owner = nullptr;  // of the bytes, if there is one
        bool beside = false;       // which came beside its frame, and has no envelope
    };
    struct Held {
        Message message;
        bool beside;
    };

    std::error_code receive_whole(const Frame& frame, std::uint64_t number,
                                  ReceiveCredit& participant);
    std::error_code receive_announced(const Frame& frame,
                                      std::map<std::uint64_t, Reassembly>::iterator partial,
                                      ReceiveCredit& participant);
    std::error_code receive_fragment(const Frame& frame, std::uint64_t number,
                                     ReceiveCredit& participant, Time now);
    bool stale(std::uint64_t number) noexcept;
    bool repeated(std::uint64_t number);
    bool charge(std::uint64_t bytes, ReceiveCredit& participant) noexcept;
    bool explained_by_credit(std::uint64_t number) const noexcept;
    std::error_code complete(std::uint64_t number, const Content& content);
    std::error_code deliver(std::uint64_t number, const Content& content);
    std::error_code deliver_held();
    std::error_code wait_for_older(std::uint64_t number, const Content& content);
    void release_held(std::uint64_t number);
    void forget_reservation(std::uint64_t number) noexcept;
    static Message message_of(const Content& content);
    void abandon_below(std::uint64_t number);
    void make_room_for_partial(std::uint64_t number, std::size_t bytes);
    void release_undelivered(ReceiveCredit& participant);
    void end_lossy();
    void note_end() noexcept;

    Promises promises_;
    DeliveryClass delivery_;
    bool ended_ = false;
    bool discarding_ = false;
    std::size_t message_bytes_max_;
    Duration reorder_wait_;
    ReceiveCredit credit_;
    std::uint64_t next_ = 0;              // guaranteed: all below are assembled; else: newest + 1
    std::uint64_t highest_ = 0;           // one past the highest number seen
    std::uint64_t begun_ = 0;             // messages of which something arrived
    IntervalSet above_;                   // guaranteed: assembled, at or above next_
    std::map<std::uint64_t, Held> held_;  // ordered: complete, but too early
    std::map<std::uint64_t, Reassembly> partial_;
    struct Waiting {
        Time until{};
        std::uint64_t number = 0;
    };
    Ring<Waiting> waiting_;  // sequenced: those of held_, as they came, and some that are not there
    std::uint64_t held_bytes_ = 0;
    Time received_at_{};
    std::optional<std::uint64_t> final_count_;
    Time lossy_deadline_ = never;
    std::uint64_t reservation_wanted_ = 0;
    std::uint64_t reservation_number_ = 0;
    bool reserved_by_stream_ = false;  // but not by the participant: it still waits
    std::uint64_t assembled_bytes_ = 0;
    std::uint64_t delivered_charge_ = 0;
    std::uint64_t consumed_charge_ = 0;
    struct Reserved {
        std::uint64_t number = 0;
        std::uint64_t bytes = 0;
        std::uint64_t delivered_at = 0;    // in charge delivered, its own included; 0: not yet
        std::uint64_t by_participant = 0;  // of the bytes, those that it reserved as well
    };
    Ring<Reserved> reserved_;
    std::unique_ptr<RecentNumbers> recent_;  // unreliable: those that may come again
    Counters counters_;
};

}  // namespace braid::protocol
