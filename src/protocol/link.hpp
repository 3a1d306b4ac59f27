#pragma once

#include "protocol/frame_writer.hpp"
#include "protocol/time.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

namespace braid::protocol {

/// What a transport is by nature.
struct LinkTraits {
    bool ordered = false;    ///< frames come out in the order in which they went in
    bool lossless = false;   ///< and all of them, unless the link fails
    bool encrypted = false;  ///< nobody on the way can read them
    bool intact = false;     ///< what arrives is what was sent: checksums are needless
    bool in_memory = false;  ///< both ends share memory: large messages go whole, by reference
};

/// What a link knows of the way to the peer; 0 where it does not know.
struct LinkPath {
    std::uint64_t rate_bytes_per_second = 0;
    Duration round_trip_time{0};
    std::uint64_t window_bytes = 0;  ///< how much may be under way: the congestion window
    double loss = 0;                 ///< share of what is sent, of late: 0 to 1
};

/// What a link has carried since it began, acknowledgements and repetitions included, headers of
/// the layers below not: packets where it cuts them itself, bytes where they leave the process.
struct LinkTraffic {
    std::uint64_t packets_sent = 0;
    std::uint64_t packets_received = 0;
    std::uint64_t packets_lost = 0;  ///< of those sent; some turn out to have come late
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
};

/// Names the frames of one unit in feedback; 0 for those nobody needs to hear of.
using FrameToken = std::uint64_t;

/// Where a link gets frames from: the scheduler of the mux.
class FrameSource {
public:
    virtual ~FrameSource() = default;

    /// Fills `unit` with the frames that are to leave next; it stays empty if there are none. What
    /// a link adds itself stands before them: the last frame may end with the unit.
    /// On a link that is not lossless, the returned token comes back as acked or lost.
    virtual FrameToken fill(FrameWriter& unit, Time now) = 0;

    /// True if fill() would write something now.
    virtual bool pending(Time now) = 0;

    /// As fill(), but of messages only those of priority 0 and 1: for a link that may go a little
    /// beyond its pace for them, and for nothing else.
    virtual FrameToken fill_urgent(FrameWriter&, Time) { return 0; }

    /// True if fill_urgent() would write something now.
    virtual bool urgent_pending(Time) { return false; }
};

/// Where a link puts what arrived.
class FrameSink {
public:
    struct Receipt {
        std::size_t consumed = 0;  ///< whole frames only; the rest is to be offered again
        bool stored = true;        ///< false: act as if this unit had never come
        std::error_code error;     ///< the peer broke the rules: fail the link with it
    };

    virtual ~FrameSink() = default;

    /// Takes all whole frames at the front of `bytes`. A unit takes effect whole or not at all.
    virtual Receipt receive(std::span<const std::byte> bytes, Framing framing, Time now) = 0;

    /// Takes a batch of Framing::memory: `bytes` is whole frames, `beside` the messages that they
    /// refer to, in order, which may be moved from.
    virtual Receipt receive(std::span<const std::byte> bytes, std::span<Message> beside,
                            Time now) = 0;

    /// When a unit is said to have arrived, all later ones that arrived there before it have been,
    /// or will be within the same drain().
    virtual void acked(FrameToken token, Time now) = 0;
    virtual void lost(FrameToken token, Time now) = 0;
};

/// A transport seen from above: frames in, frames out; no sockets, no clock. Between a link and
/// the driver in the same folder runs whatever unit that transport carries.
///
/// A link pulls: when it has room it asks the source. It never delivers a frame twice.
class Link {
public:
    virtual ~Link() = default;

    virtual LinkTraits traits() const noexcept = 0;
    virtual LinkPath path() const noexcept = 0;
    virtual LinkTraffic traffic() const noexcept { return {}; }

    /// Takes frames from `source` while there is room and something to send.
    virtual void fill(FrameSource& source, Time now) = 0;

    /// True if fill() would take more as soon as the driver has written what is ready. A link that
    /// waits for something else, a deadline or an answer of the peer, says no.
    virtual bool would_fill(FrameSource& source, Time now) { return source.pending(now); }

    /// Hands all that has arrived, and what became of what was sent, to `sink`.
    virtual void drain(FrameSink& sink, Time now) = 0;

    /// When advance() is due, and after it drain() and fill(): `never` if not at all, a time that
    /// has passed for at once.
    virtual Time deadline() const noexcept = 0;
    virtual void advance(Time now) = 0;

    /// Why nothing will come or go any more; no error while the link lives.
    virtual std::error_code failure() const noexcept = 0;
};

}  // namespace braid::protocol
