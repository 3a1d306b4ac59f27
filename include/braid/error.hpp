#pragma once

#include <braid/export.hpp>

#include <cstdint>
#include <string>
#include <system_error>

namespace braid {

/// Everything that braid itself can report. Errors of the operating system keep their own codes.
/// The text of each code (`message()`) says what happened and what to do next.
enum class errc {
    // What the caller asked for.
    address_invalid = 1,     ///< not an address that this build can use
    priority_invalid,        ///< a priority outside 0 to 7
    options_invalid,         ///< options that cannot be, or contradict each other
    promises_unsupported,    ///< no channel to the participant can keep these promises
    encryption_unavailable,  ///< Promises::encrypted asked for, and the channel is plain
    message_too_large,       ///< longer than Limits::message_bytes, here or there
    message_malformed,       ///< the bytes received are no T; the message is consumed
    recv_pending,            ///< a second recv() on a stream while one waits
    self_connect,            ///< the address leads to this very Network
    already_connected,       ///< the peer is a participant already
    timed_out,               ///< a deadline passed

    // What ended.
    network_closed,            ///< the Network was shut down or destroyed
    participant_closed,        ///< this end closed the participant
    participant_disconnected,  ///< the peer closed the participant
    participant_lost,          ///< the last channel broke, or the peer fell silent
    stream_closed,             ///< the stream ended, here or there
    stream_reset,              ///< the peer gave up the stream and what was under way on it
    stream_refused,            ///< the peer would not have this stream

    // What is full.
    send_queue_full,        ///< the stream's or the participant's send queue is at its limit
    too_many_participants,  ///< Limits::participants reached, here or there
    too_many_streams,       ///< the peer takes no streams (Limits::peer_streams)

    // What the handshake found.
    handshake_not_braid,    ///< whoever answers does not speak braid
    handshake_version,      ///< the peer speaks another version of the wire
    handshake_application,  ///< the peer runs another application, or another version of it
    handshake_security,     ///< the two ends' security settings exclude each other
    handshake_timeout,      ///< the peer did not finish its handshake in time
    handshake_malformed,    ///< the peer's handshake is not well-formed

    // What a peer did that ends its channel.
    frame_malformed,         ///< a frame that cannot be decoded
    protocol_violation,      ///< a frame that is not allowed here
    flow_control_violation,  ///< more data than the credit given
    stream_limit_violation,  ///< more streams than MAX_STREAMS allows
    checksum_mismatch,       ///< a message arrived altered
    compression_malformed,   ///< a compressed message that does not decompress to what it claims
    idle_timeout,            ///< the peer was silent for longer than the idle time
};

BRAID_API const std::error_category& category() noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), category()};
}

}  // namespace braid

template <>
struct std::is_error_code_enum<braid::errc> : std::true_type {};

namespace braid {

/// Thrown by Network: listen, connect, connected, shutdown.
class NetworkError : public std::system_error {
public:
    using std::system_error::system_error;
};

/// Thrown by Network::connect when there is no way to the peer.
class ConnectError : public NetworkError {
public:
    using NetworkError::NetworkError;
};

/// Thrown by Network::connect when the peer answered, but not as one of ours; over UDP also when
/// nobody answered in time.
class HandshakeError : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// Thrown by Participant.
class ParticipantError : public std::system_error {
public:
    using std::system_error::system_error;
};

/// Thrown by Stream, and by Priority.
class StreamError : public std::system_error {
public:
    using std::system_error::system_error;
};

/// Why a participant ended: a number and a text of the application's own choosing, carried to the
/// other side. Codes 0 to 2^62 - 1; the text is cut to 256 bytes.
class CloseReason {
public:
    CloseReason() = default;

    /// Within the bounds above.
    CloseReason(std::uint64_t code, std::string text = {}) : code_{code}, text_{std::move(text)} {}

    /// 0 if none was given.
    std::uint64_t code() const noexcept { return code_; }

    /// Empty if none was given.
    const std::string& text() const noexcept { return text_; }

private:
    std::uint64_t code_ = 0;
    std::string text_;
};

}  // namespace braid
