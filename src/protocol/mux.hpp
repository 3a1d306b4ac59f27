#pragma once

#include "protocol/credit.hpp"
#include "protocol/mux_port.hpp"
#include "protocol/ring.hpp"
#include "protocol/stream.hpp"
#include "protocol/time.hpp"

#include <braid/error.hpp>
#include <braid/limits.hpp>
#include <braid/stream_options.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace braid::protocol {

/// What the peer said in its hello that it takes.
struct PeerLimits {
    std::uint64_t stream_credit = 0;
    std::uint64_t participant_credit = 0;
    std::uint64_t streams = 0;
    std::uint64_t message_bytes_max = 0;
    Duration idle = std::chrono::seconds{15};
};

struct MuxOptions {
    bool even_ids = false;  ///< of the two ends, the one with the lower Pid
    Limits limits;
    PeerLimits peer;
};

/// All that is between the application's streams to one peer and the links that lead there: it
/// numbers, schedules, confirms, re-sends, orders and de-duplicates. No I/O, no clock, no threads:
/// the same calls give the same frames.
///
/// commands (what we want)     inputs (what happened)    outputs (what to do next)
///   open, enqueue, finish,      attach, detach,           take_changed, peer_close,
///   reset, stop, consume,       advance, and a port's     deadline, and a port's
///   release, close              receive, acked, lost      fill
///
/// A participant has one, whatever the number of its channels: that is what lets messages outlive
/// one of them.
class Mux {
public:
    struct Counters {
        std::uint64_t frames_received = 0;
        std::uint64_t units_not_stored = 0;
        std::uint64_t frames_dropped = 0;  ///< about streams that are over
        std::uint64_t reservations_waiting = 0;
        std::uint64_t copies_left_out = 0;  ///< they would have cost too much
    };

    explicit Mux(const MuxOptions& options);
    Mux(const Mux&) = delete;
    Mux& operator=(const Mux&) = delete;
    ~Mux();

    // Links.

    /// Adds a way to the peer. `dialled` tells which side of it this end is.
    MuxPort& attach(const LinkTraits& traits, bool dialled, Time now);

    /// Its link is gone: what it may have lost is sent again by another.
    void detach(MuxPort& port, Time now);
    std::size_t ports() const noexcept { return ports_.size(); }

    // Commands.

    /// The stream may be used at once; its OPEN leaves before its first message.
    /// @returns nullptr if the peer's limit of streams is reached: try again after a change
    Stream* open(const StreamOptions& options, Time now);
    bool may_open() const noexcept { return opened_here_ < peer_streams_max_; }

    /// Queues the messages at `pieces` of `block`. With `receipt`, the stream's receipts() will
    /// tell when they are delivered.
    /// @returns false if the stream takes none any more
    bool enqueue(Stream& stream, Block& block, std::span<const Piece> pieces, Time now,
                 bool receipt = false);
    bool enqueue(Stream& stream, Block& block, const Piece& piece, Time now, bool receipt = false) {
        return enqueue(stream, block, std::span{&piece, 1}, now, receipt);
    }

    /// No more will be sent; what is queued is.
    void finish(Stream& stream, Time now);
    /// No more will be sent, not even what is queued.
    void reset(Stream& stream, std::uint64_t code, Time now);
    /// No more will be received.
    void stop(Stream& stream, std::uint64_t code);
    /// The application took messages worth `charge`.
    void consume(Stream& stream, std::uint64_t charge);
    /// The owner will not look at it any more; it ends as if by finish() and stop().
    void release(Stream& stream, Time now);
    /// A stream that the peer opened and this end will not have.
    void refuse(Stream& stream, std::uint64_t code, Time now);
    /// Wants to hear soon that what was sent so far is confirmed.
    void want_confirmation(Stream& stream);
    /// Makes every port send something now: the first words of a dialler, a keep-alive.
    void ping() noexcept;
    /// Says goodbye, as the last frame.
    void close(const CloseReason& reason);
    /// The same, before all that still waits: that is not sent any more. As nobody will be there to
    /// repeat it, a link that may lose gets it in closes_at_once_max units.
    void close_at_once(const CloseReason& reason);

    // Outputs.

    /// Streams with changes, in place of what `out` holds; the caller clears Stream::changes of
    /// each.
    void take_changed(std::vector<Stream*>& out);
    std::vector<Stream*> take_changed() {
        std::vector<Stream*> changed;
        take_changed(changed);
        return changed;
    }
    const std::optional<CloseReason>& peer_close() const noexcept { return peer_close_; }
    bool close_sent() const noexcept { return close_state_ == CloseState::sent; }
    /// The peer has no credit left over all streams: say what was consumed of each.
    bool take_consumption_wanted() noexcept { return std::exchange(consumption_wanted_, false); }
    /// The peer allows more streams than at the last call.
    bool take_more_streams() noexcept { return std::exchange(more_streams_, false); }

    Time deadline() const noexcept;
    void advance(Time now);
    /// Gives back memory that idle streams do not need. Looks at every stream.
    void rest() noexcept;

    std::size_t stream_count() const noexcept { return streams_.size(); }
    const Counters& counters() const noexcept { return counters_; }
    /// Over all streams: what the peer may send, and what may be sent to it.
    const ReceiveCredit& receive_credit() const noexcept { return receive_credit_; }
    const SendCredit& send_credit() const noexcept { return send_credit_; }
    const MuxOptions& options() const noexcept { return options_; }

    /// Calls `visit(Stream&)` for every stream, in no particular order.
    template <typename Visit>
    void for_each_stream(Visit visit) {
        for (auto& [id, stream] : streams_) visit(*stream);
    }

private:
    friend class MuxPort;
    using Control = Stream::Control;

    // STREAM_ACK: often enough that the sender's memory of what is under way stays small.
    static constexpr std::size_t acknowledge_bytes = 64u << 10;
    static constexpr Duration acknowledge_delay = std::chrono::milliseconds{50};

    // At 10 % loss, one goodbye of ten thousand gets lost.
    static constexpr unsigned closes_at_once_max = 4;
    static constexpr auto no_limit = ~std::uint64_t{0};

    enum class CloseState : std::uint8_t { open, wanted, wanted_at_once, sent };

    // Sending: mux_send.cpp
    bool may_close(const MuxPort& port) const noexcept;
    FrameToken fill(MuxPort& port, FrameWriter& unit, std::uint8_t level_max, Time now);
    bool write_participant_controls(MuxPort& port, FrameWriter& unit, Time now);
    bool write_stream_controls(MuxPort& port, FrameWriter& unit, Time now);
    bool write_control(MuxPort& port, FrameWriter& unit, Stream& stream, Control control, Time now);
    static bool write_ack(MuxPort& port, FrameWriter& unit, Stream& stream, std::uint64_t slot,
                          Time now);
    bool write_last_words(MuxPort& port, FrameWriter& unit, Time now);
    void write_messages(MuxPort& port, FrameWriter& unit, std::uint8_t level_max, Time now);
    void after_write(MuxPort& port, Stream& stream, Outbound::Stop stop);
    void ask_for_receipts(MuxPort& port, Time now);
    bool pending(const MuxPort& port, std::uint8_t level_max) const noexcept;

    // Copies, before anybody knows what was lost: mux_copies.cpp
    void note_sent(MuxPort& port, Stream& stream, std::uint64_t before, std::size_t bytes,
                   Time now);
    static std::uint8_t copies_of(const MuxPort& port, Stream& stream, std::size_t bytes, Time now);
    static void copy_later(MuxPort& port, MuxPort::Copy copy, Time now);
    bool afford_copy(MuxPort& port, std::uint64_t bytes, Time now) noexcept;
    void copy_due(MuxPort& port, Time now);
    void forget_copies(MuxPort& port) noexcept;
    void release_copies(MuxPort& port, Time now);

    // What became of it: mux_feedback.cpp
    void acked(MuxPort& port, FrameToken token, Time now);
    void lost(MuxPort& port, FrameToken token, Time now);
    void acked_frame(MuxPort& port, const MuxPort::SentFrame& frame, Time now);
    void lost_frame(MuxPort& port, const MuxPort::SentFrame& frame, Time now);

    // Receiving: mux_receive.cpp
    FrameSink::Receipt receive(MuxPort& port, std::span<const std::byte> bytes, Framing framing,
                               Time now);
    FrameSink::Receipt receive(MuxPort& port, std::span<const std::byte> bytes,
                               std::span<Message> beside, Time now);
    FrameSink::Receipt receive_in_order(MuxPort& port, std::span<const std::byte> bytes,
                                        Framing framing, std::span<Message> beside, Time now);
    std::size_t receive_small(MuxPort& port, std::span<const std::byte> bytes, Time now,
                              std::error_code& error);
    FrameSink::Receipt receive_unit(MuxPort& port, std::span<const std::byte> bytes, Time now);
    std::error_code apply(MuxPort& port, const Frame& frame, Time now);
    std::error_code on_message(MuxPort& port, const Frame& frame, Time now);
    std::error_code deliver(MuxPort& port, Stream& stream, const Frame& frame, std::uint64_t number,
                            bool may_repeat, Time now);
    std::error_code on_stream_frame(MuxPort& port, Stream& stream, const Frame& frame, Time now);
    std::error_code on_peer_finished(MuxPort& port, Stream& stream, const Frame& frame, Time now);
    std::error_code on_stream_ack(Stream& stream, const Frame& frame, Time now);
    void on_refused(Stream& stream, std::uint64_t code, Time now);
    void on_stop(Stream& stream, std::uint64_t code, Time now);
    static void note_code(Stream& stream, std::uint64_t code) noexcept;

    // Where streams begin, live and end: mux_streams.cpp
    Stream& add_stream(StreamId id, const StreamOptions& options, bool opened_here);
    std::unique_ptr<Stream> make_stream(StreamId id, const StreamOptions& options) const;
    Stream& add_tombstone(StreamId id, const StreamOptions& options);
    Stream* find(StreamId id) noexcept;
    void name(MuxPort& port, Stream& stream, std::uint64_t slot);
    void rehome(Stream& stream, Time now);
    std::error_code on_open(MuxPort& port, const Frame& frame, Time now);
    bool plausible(const MuxPort& port, std::uint64_t slot) const noexcept;
    std::error_code on_unknown(MuxPort& port, const Frame& frame, const StreamOptions& options);
    std::error_code on_moved(MuxPort& port, Stream& stream, const Frame& frame,
                             const StreamOptions& options);
    std::error_code replay_held(MuxPort& port, Stream& stream, std::uint64_t slot, Time now);
    void retire_if_done(Stream& stream, Time now);
    void destroy_if_done(Stream& stream);

    // Credit: mux_credit.cpp
    void activate_credit_blocked(Time now);
    void tell_blocked_again() noexcept;
    void note_payment(Stream& stream, const Outbound::Written& written, Time now);
    void note_refused(Stream& stream) noexcept;
    void let_others_begin(Stream& stream, Time now);
    void forget_payment(Stream& stream, Time now);
    void let_next_go_on(Time now);
    void on_all_blocked(std::uint64_t limit);
    void offer_credit(Stream& stream);
    void offer_streams() noexcept;
    void grant_reservations();

    // What they want: mux.cpp
    void activate(Stream& stream, Time now);
    void want(Stream& stream, Control control);
    void say_end(Stream& stream, MuxPort& port);
    void note(Stream& stream, StreamChange change);
    void begin_reset(Stream& stream, std::uint64_t code, Time now);
    void end_receiving(Stream& stream, std::error_code reason);
    void answer_ping();
    void acknowledge_later(Stream& stream, std::size_t bytes, Time now, const MuxPort& port);
    void note_delivered(Stream& stream);
    void note_inbound_due(Stream& stream);
    void advance_inbound(Time now);

    struct InboundDue {
        Time at{};
        StreamId stream{};
        bool operator>(const InboundDue& other) const noexcept {
            return at != other.at ? at > other.at : stream > other.stream;
        }
    };

    struct AcknowledgeDue {
        Time at{};
        StreamId stream{};
    };

    MuxOptions options_;
    std::vector<std::unique_ptr<MuxPort>> ports_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Stream>> streams_;
    std::vector<std::unique_ptr<Stream>> tombstones_;  // answer for streams that are forgotten
    std::vector<Stream*> changed_;
    std::vector<Stream*> credit_blocked_;
    std::vector<StreamId> reservations_;   // streams that wait for one, first come first served
    std::vector<InboundDue> inbound_due_;  // receiving halves with a deadline: a heap
    Ring<AcknowledgeDue> acknowledge_due_;
    std::vector<StreamId> tell_when_asked_;  // streams that may lose: of new messages
    Time receipts_asked_at_{};               // for what may be lost, on links that lose nothing
    Time receipts_ask_at_ = never;

    SendCredit send_credit_;
    UnfinishedMessages unfinished_;
    Stream* overtaken_ = nullptr;  // others begin no message in parts until it has sent its own
    ReceiveCredit receive_credit_;
    std::uint64_t next_id_;
    std::uint64_t opened_here_ = 0;
    std::uint64_t peer_streams_max_;
    bool more_streams_ = false;
    IntervalSet peer_ids_;  // all that the peer ever opened, halved
    std::uint64_t opened_there_ = 0;
    std::uint64_t retired_there_ = 0;  // of these, done and released
    std::uint64_t streams_announced_;

    bool max_data_wanted_ = false;
    bool max_streams_wanted_ = false;
    bool blocked_wanted_ = false;
    bool consumption_wanted_ = false;
    bool peer_blocked_ = false;                 // and no more credit to give yet
    std::uint64_t peer_blocked_at_ = no_limit;  // although the window is as wide as it gets
    CloseState close_state_ = CloseState::open;
    bool closes_at_once_ = false;
    unsigned closes_written_ = 0;  // at once
    CloseReason close_reason_;
    std::optional<CloseReason> peer_close_;
    Counters counters_;
};

}  // namespace braid::protocol
