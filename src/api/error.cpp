#include <braid/error.hpp>

namespace braid {
namespace {

// What happened; what to do next.
const char* text_of(errc code) noexcept {
    switch (code) {
        case errc::address_invalid:
            return "not an address that this build can use; write it like tcp://host:port, "
                   "udp://host:port, quic://host:port or mpsc://42";
        case errc::priority_invalid: return "a priority outside 0 to 7; 0 leaves first, 7 last";
        case errc::options_invalid:
            return "an option has a value that it cannot have, or contradicts another; the text in "
                   "front of this one says which, change that";
        case errc::promises_unsupported:
            return "no channel to the participant can keep these promises; ask for fewer, or "
                   "connect over a transport that keeps them";
        case errc::encryption_unavailable:
            return "the stream asks to be encrypted and no channel to the participant is; leave "
                   "Promises::encrypted out, or connect over a transport that encrypts";
        case errc::message_too_large:
            return "the message is longer than Limits::message_bytes of this end or the peer; "
                   "split it, or raise the limit at both ends";
        case errc::message_malformed:
            return "the message received is not of the type asked for, and has been consumed; "
                   "check that both ends send and receive the same types in the same order";
        case errc::recv_pending:
            return "another recv() waits on this stream already; let one coroutine receive and "
                   "pass the messages on";
        case errc::self_connect:
            return "the address leads to this very Network; connect to another, and give each "
                   "Network a Pid of its own";
        case errc::already_connected:
            return "the peer is a participant of this Network already; use that Participant, or "
                   "disconnect it first";
        case errc::timed_out:
            return "the deadline passed; allow more time, or check that the peer runs and can be "
                   "reached";
        case errc::network_closed:
            return "the Network was shut down or destroyed; keep it alive for as long as its "
                   "participants and streams are used";
        case errc::participant_closed:
            return "this end has closed the participant; connect again to go on";
        case errc::participant_disconnected:
            return "the peer closed the participant; Participant::close_reason() has its reason";
        case errc::participant_lost:
            return "the last channel to the participant broke, or the peer fell silent; check the "
                   "network and connect again";
        case errc::stream_closed:
            return "the stream has ended, here or at the peer; open a new one to go on";
        case errc::stream_reset:
            return "the peer gave up the stream and what was under way on it; ask "
                   "Stream::close_code() for its reason, open a new one, and send again what still "
                   "matters";
        case errc::stream_refused:
            return "the peer would not have this stream; ask Stream::close_code() for its reason, "
                   "and for no more than its PeerStreamLimits and its accept policy allow";
        case errc::send_queue_full:
            return "the send queue is at its limit; await writable() before sending more, or raise "
                   "Limits::stream_send_queue_bytes and participant_send_queue_bytes";
        case errc::too_many_participants:
            return "Limits::participants is reached, here or at the peer; disconnect some, or "
                   "raise the limit";
        case errc::too_many_streams:
            return "the peer takes no streams that this end opens; let the peer open them, or "
                   "raise "
                   "its Limits::peer_streams";
        case errc::handshake_not_braid:
            return "whoever answers does not speak braid; check address and port, and that both "
                   "ends use the same transport";
        case errc::handshake_version:
            return "the peer speaks another version of the wire; update the older end";
        case errc::handshake_application:
            return "the peer runs another application, or another version of it; check the "
                   "address, and the name and version given to NetworkOptions::application";
        case errc::handshake_security:
            return "the security settings of the two ends exclude each other; give both the same, "
                   "and the keys that they expect";
        case errc::handshake_timeout:
            return "the peer did not finish its handshake in time; check that a braid Network "
                   "listens there over this transport, that no firewall is between and that it is "
                   "not overloaded, or raise Limits::handshake";
        case errc::handshake_malformed:
            return "the peer's handshake is not well-formed; check that nothing between the ends "
                   "alters the bytes, and that both use released versions of braid";
        case errc::frame_malformed:
            return "the peer sent a frame that cannot be decoded, so its channel was closed; check "
                   "that nothing between the ends alters the bytes, and connect again";
        case errc::protocol_violation:
            return "the peer sent a frame that is not allowed here, so its channel was closed; "
                   "update both ends, and report it if it happens again";
        case errc::flow_control_violation:
            return "the peer sent more than the credit it was given, so its channel was closed; "
                   "update both ends, and report it if it happens again";
        case errc::stream_limit_violation:
            return "the peer opened more streams than it may, so its channel was closed; update "
                   "both ends, and report it if it happens again";
        case errc::checksum_mismatch:
            return "a message arrived altered, so its channel was closed; suspect the network "
                   "hardware or memory on the way, and connect again";
        case errc::compression_malformed:
            return "a compressed message does not decompress to what it claims, so its channel was "
                   "closed; update both ends, and report it if it happens again";
        case errc::idle_timeout:
            return "the peer was silent for longer than the idle time; check that it runs and can "
                   "be reached, or raise Limits::idle at both ends";
    }
    return "a number that is no braid::errc; check which category the error came with";
}

class Category : public std::error_category {
public:
    const char* name() const noexcept override { return "braid"; }
    std::string message(int code) const override { return text_of(static_cast<errc>(code)); }
};

}  // namespace

const std::error_category& category() noexcept {
    static const Category instance;
    return instance;
}

}  // namespace braid
