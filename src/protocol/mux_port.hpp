#pragma once

#include "protocol/link.hpp"
#include "protocol/outbound.hpp"
#include "protocol/ring.hpp"
#include "protocol/scheduler.hpp"
#include "protocol/stream.hpp"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace braid::protocol {

class Mux;

/// Where one link meets the mux: the names that streams have there, what is scheduled there, and
/// for a link that loses, what went into each unit.
class MuxPort final : public FrameSource, public FrameSink {
public:
    MuxPort(Mux& mux, const LinkTraits& traits, bool dialled, Duration idle, Duration keep_alive,
            Time now) noexcept;

    FrameToken fill(FrameWriter& unit, Time now) override;
    bool pending(Time now) override;
    FrameToken fill_urgent(FrameWriter& unit, Time now) override;
    bool urgent_pending(Time now) override;
    Receipt receive(std::span<const std::byte> bytes, Framing framing, Time now) override;
    Receipt receive(std::span<const std::byte> bytes, std::span<Message> beside, Time now) override;
    void acked(FrameToken token, Time now) override;
    void lost(FrameToken token, Time now) override;

    /// What the link knows of the way: sets chunk sizes and guarantees.
    void set_path(const LinkPath& path) noexcept;
    const LinkPath& path() const noexcept { return path_; }

    const LinkTraits& traits() const noexcept { return traits_; }
    const Scheduler::Counters& scheduler_counters() const noexcept { return scheduler_.counters(); }

    /// True once the peer was silent for longer than the idle time.
    bool idle_expired(Time now) const noexcept { return now >= received_at_ + idle_; }

    /// When a keep-alive or a copy is due, or the peer is to be given up.
    Time deadline() const noexcept;

private:
    friend class Mux;

    struct Slot {
        Stream* stream = nullptr;
        std::uint64_t number_expected = 0;
        bool number_known = false;
        bool number_whole = false;  // else counted on from 16 bits that no stream expanded
        std::uint64_t unit = 0;
        Time retired_until{};  // messages are not held for the next stream until then
        bool retired = false;  // it was another stream's before
        StreamId before{};     // whose
    };

    struct HeldFrame {
        Frame frame;
        std::uint64_t number;
        bool number_whole;
        bool may_repeat;
        std::vector<std::byte> payload;
    };

    struct Copy {
        Time at{};
        StreamId stream{};
        std::uint64_t first = 0;
        std::uint64_t count = 0;
        std::uint8_t left = 0;
    };
    struct LossyCopies {
        Time at{};
        StreamId stream{};
    };

    struct SentFrame {
        enum class Kind : std::uint8_t { message, control, max_data, max_streams, blocked, close };
        Kind kind = Kind::message;
        Stream::Control control{};
        StreamId stream{};
        SentRange range{};
        bool final_word = false;  ///< a STREAM_ACK that says that the stream ended
    };

    struct SentUnit {
        std::uint64_t first = 0;  // of its frames, counted over all that were ever logged
        std::uint32_t frames = 0;
        bool settled = false;  // acknowledged
        bool lost = false;     // said to be, which may turn out wrong
        bool words = false;    // about streams, beside their messages
        Time lost_at{};
    };

    Slot* find_slot(std::uint64_t slot) noexcept;
    bool named_here(std::uint64_t slot) const noexcept { return slot % 2 == (dialled_ ? 0u : 1u); }
    bool overtook_open(const Frame& frame) noexcept;
    bool may_be_of_next(const Frame& frame, Time now) noexcept;
    static std::uint64_t slot_of(const Frame& frame) noexcept;
    Slot& make_slot(std::uint64_t slot);
    std::uint64_t allocate_slot(Time now);
    void free_slot(std::uint64_t slot, Time until);
    void log(SentFrame frame) {
        if (traits_.lossless) return;
        log_.push_back(frame);
        log_has_words_ = log_has_words_ || frame.kind == SentFrame::Kind::control;
    }
    FrameToken close_unit();
    SentUnit* sent_unit(FrameToken token) noexcept;
    const SentFrame& logged(std::uint64_t frame) const noexcept { return log_[frame - log_first_]; }
    void forget_settled(Time now) noexcept;
    Duration lossy_wait() const noexcept;
    Duration quarantine() const noexcept;

    static constexpr std::size_t held_bytes_max = 64u << 10;
    static constexpr auto no_slot = ~std::uint64_t{0};
    static constexpr Duration quarantine_min = std::chrono::seconds{1};
    static constexpr std::size_t lost_units_max = 1024;

    Mux& mux_;
    LinkTraits traits_;
    LinkPath path_;
    bool dialled_;
    Duration idle_;
    Duration keep_alive_;
    Time received_at_;
    Time sent_at_;
    bool ping_wanted_ = false;
    Scheduler scheduler_;
    std::vector<Slot> slots_;
    std::vector<std::uint64_t> free_slots_;  // a heap, lowest first
    std::uint64_t slots_made_ = 0;           // by this end
    std::vector<Stream*> controls_;          // streams with frames to send here
    std::vector<Stream*> last_words_;        // streams of other ports that ended, to say so here

    // Links that lose.
    std::uint64_t unit_number_ = 0;  // counts units both ways
    std::vector<SentRange> ranges_;
    Ring<SentFrame> log_;  // what is in the units of sent_, and in the one that is being filled
    std::uint64_t log_first_ = 0;
    std::uint64_t log_closed_ = 0;       // where the unit that is being filled begins
    bool log_has_words_ = false;         // the unit that is being filled
    std::uint64_t words_under_way_ = 0;  // units with words that are neither settled nor lost
    Ring<SentUnit> sent_;
    FrameToken sent_first_ = 1;
    Ring<Copy> copies_;               // of guaranteed messages, by when they are due
    Ring<LossyCopies> lossy_copies_;  // streams with others, by when these are due at the latest
    Time copies_spent_until_{};       // what they may cost is used up until then
    std::map<std::uint64_t, std::vector<HeldFrame>> held_;  // by slot: came before their OPEN
    std::size_t held_bytes_ = 0;
    Ring<std::pair<Time, std::uint64_t>> quarantined_;  // slots, by when they are free
};

}  // namespace braid::protocol
