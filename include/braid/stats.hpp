#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace braid {

/// How a participant fares, as of its last activity.
struct ParticipantStats {
    std::size_t streams = 0;       ///< open now
    std::size_t queued_bytes = 0;  ///< sent by the application, not yet confirmed or handed over
    std::uint64_t frames_received = 0;            ///< over all channels
    std::chrono::nanoseconds round_trip_time{0};  ///< 0 if not known
    std::uint64_t rate_bytes_per_second = 0;      ///< what the path carries; 0 if not known
    double loss = 0;  ///< share of packets lost of late, 0 to 1; where packets can be
    std::uint64_t congestion_window_bytes = 0;  ///< how much may be under way; 0 if not known

    /// What the channel has carried, with acknowledgements and repetitions, without the headers of
    /// UDP or TCP and IP. Packets over UDP only, where `packets_lost` counts those sent that were
    /// taken for lost, a few of which come late after all; nothing over mpsc.
    std::uint64_t packets_sent = 0;
    std::uint64_t packets_received = 0;
    std::uint64_t packets_lost = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;

    std::uint64_t events_dropped = 0;  ///< not taken by next_event() in time

    /// Messages without guaranteed_delivery that were not handed over: their time to live had
    /// passed, a newer one replaced them, or their stream's queue was over its limit.
    std::uint64_t messages_dropped_unsent = 0;

    /// Messages without guaranteed_delivery that arrived, and that the application did not take
    /// before Limits::lossy_receive_queue_bytes of newer ones had come.
    std::uint64_t messages_dropped_unread = 0;
};

/// What a Network met with since it began.
struct NetworkStats {
    std::size_t participants = 0;          ///< connected now
    std::size_t half_open = 0;             ///< handshakes of callers under way now
    std::uint64_t handshakes_refused = 0;  ///< by this end: limits, application, Pid
    std::uint64_t handshakes_failed = 0;   ///< of accepted connections: garbage, silence, hung up
    std::uint64_t streams_refused = 0;     ///< opened by peers: PeerStreamLimits, accept_streams()
    std::uint64_t violations = 0;          ///< channels closed because the peer broke the rules
};

}  // namespace braid
