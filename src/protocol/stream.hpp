#pragma once

#include "protocol/inbound.hpp"
#include "protocol/outbound.hpp"
#include "protocol/scheduler.hpp"

#include <braid/id.hpp>
#include <braid/stream_options.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace braid::protocol {

class MuxPort;

/// What happened to a stream since its owner last looked: bits of Stream::changes.
enum class StreamChange : std::uint8_t {
    opened = 1 << 0,       ///< by the peer
    delivered = 1 << 1,    ///< inbound.delivered has more
    ended = 1 << 2,        ///< nothing more will be delivered; see receive_error
    send_closed = 1 << 3,  ///< sending is over; see send_error
    progressed = 1 << 4,   ///< messages were confirmed, handed over or dropped
    blocked = 1 << 5,      ///< the peer has no credit left: say what was consumed
};

/// A stream as both halves and what its mux knows of it. Owned by the mux until the application
/// has released it and both halves are done.
struct Stream {
    Stream(StreamId stream_id, const StreamOptions& stream_options,
           const Inbound::Options& inbound_options, std::uint64_t send_credit)
        : id{stream_id},
          options{stream_options},
          outbound{delivery_class(stream_options.promises), send_credit},
          inbound{inbound_options} {}

    bool has(StreamChange change) const noexcept {
        return (changes & static_cast<std::uint8_t>(change)) != 0;
    }

    StreamId id;
    StreamOptions options;
    Outbound outbound;
    Inbound inbound;
    std::error_code send_error;              ///< why sending is over, once it is
    std::error_code receive_error;           ///< why receiving ended; none after a clean end
    std::optional<std::uint64_t> peer_code;  ///< what the peer said with refuse, reset or stop
    void* owner = nullptr;                   ///< the runtime's
    std::uint8_t changes = 0;

private:
    friend class Mux;
    friend class MuxPort;

    // Frames that are to be sent, as state: sending one clears its bit, losing it sets it again.
    enum class Control : std::uint8_t {
        open = 1 << 0,
        refuse = 1 << 1,
        close = 1 << 2,
        reset = 1 << 3,
        stop = 1 << 4,
        max_stream_data = 1 << 5,
        blocked = 1 << 6,
        ack = 1 << 7,
    };
    enum class SendState : std::uint8_t { open, finishing, closing, closed };

    bool wants(Control control) const noexcept {
        return (controls & static_cast<std::uint8_t>(control)) != 0;
    }

    SchedulerEntry entry;
    bool opened_here = false;
    bool released = false;  // by the application
    bool changed_listed = false;
    bool control_listed = false;
    bool credit_blocked = false;  // waits for the participant's credit
    UnfinishedMessages::Place unfinished;
    // What all had used of it when it was refused first since it sent something.
    std::optional<std::uint64_t> refused_at;
    bool reservation_listed = false;
    bool stop_sent = false;
    bool peer_blocked = false;
    bool confirmation_wanted = false;
    bool retired = false;      // over for both ends
    bool moved = false;        // from one channel to another
    bool tell_listed = false;  // in Mux::tell_when_asked_
    bool tombstone = false;    // answers for a stream that this end has forgotten
    SendState send_state = SendState::open;
    std::uint8_t controls = 0;
    std::uint64_t reset_code = 0;
    std::uint64_t stop_code = 0;
    std::uint64_t refuse_code = 0;

    // What either end calls it on a channel. Our last word on the receiving half goes by each
    // channel where it has a name: a peer that left one for another waits for it there.
    struct Name {
        MuxPort* port;
        std::uint64_t slot;
        Time end_said_at = never;  // when that word was first sent
        bool end_arrived = false;  // surely, unless the channel dies
        bool end_listed = false;   // in MuxPort::last_words_
        bool peer_ended = false;   // the peer said its last word here
    };
    std::vector<Name> names;

    Name* name_on(const MuxPort& channel) noexcept {
        const auto found = std::find_if(names.begin(), names.end(),
                                        [&](const Name& name) { return name.port == &channel; });
        return found != names.end() ? &*found : nullptr;
    }
    template <typename Change>
    void change_names_on(const MuxPort& channel, Change change) {
        for (auto& name : names) {
            if (name.port == &channel) change(name);
        }
    }
    bool end_arrived_everywhere() const noexcept {
        const auto arrived = [](const Name& name) { return name.end_arrived; };
        return !names.empty() && std::all_of(names.begin(), names.end(), arrived);
    }

    // Where it is sent.
    MuxPort* port = nullptr;
    std::uint64_t slot = 0;
    bool announced = false;  // an OPEN of it is before all else on that channel, by either side

    // On links that lose: what the peer holds until the OPEN comes would be gone with the channel,
    // so that it counts as arrived only when the OPEN has.
    bool open_arrived = true;
    std::vector<SentRange> arrived_before_open;

    bool copies_listed = false;  // in MuxPort::lossy_copies_
    Time thin_until{};           // what it sent lately, as time at the rate of a thin stream

    Time inbound_due_at = never;  // as in Mux::inbound_due_

    std::uint64_t number_expected = 0;
    bool number_known = false;
    std::uint64_t unit = 0;  // on which unit that is known

    // Acknowledging, on lossless links.
    std::size_t unacknowledged_bytes = 0;
    Time acknowledge_at = never;
    std::uint64_t acknowledged_below = 0;
};

}  // namespace braid::protocol
