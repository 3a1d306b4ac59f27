#pragma once

#include "protocol/link.hpp"
#include "protocol/packet_cipher.hpp"
#include "transport/udp/congestion.hpp"
#include "transport/udp/packet.hpp"
#include "transport/udp/socket_address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <system_error>

namespace braid::transport {

/// Proves that who says "I know nothing of this connection" is the peer.
using ResetToken = std::array<std::byte, 16>;

/// What both ends agreed on in the handshake.
struct UdpLinkOptions {
    bool dialled = false;
    SocketAddress peer;
    std::optional<ConnectionId>
        destination;                  ///< in every packet to the peer; none if it wants none
    std::optional<ConnectionId> own;  ///< in every packet of the peer
    std::unique_ptr<protocol::PacketCipher> sealing;
    std::unique_ptr<protocol::PacketCipher> opening;
    protocol::Duration idle{};  ///< the shorter one of both ends
    std::optional<ResetToken> reset_token;
    Congestion congestion = Congestion::copa;
    std::uint64_t fixed_bytes_per_second = 0;
    std::size_t packet_bytes_limit = packet_bytes_base;  ///< what the interface carries
    std::uint64_t seed = 0;                 ///< of numbers that an attacker shall not guess
    protocol::Duration round_trip_time{0};  ///< of the handshake; 0: not known
};

/// Frames in packets that may get lost, late or doubled on the way: packet numbers,
/// acknowledgements, loss detection, congestion control, path MTU, the peer's address.
/// No sockets and no clock; all calls on one strand.
class UdpLink final : public protocol::Link {
public:
    explicit UdpLink(UdpLinkOptions options, protocol::Time now);
    ~UdpLink() override;

    protocol::LinkTraits traits() const noexcept override;
    protocol::LinkPath path() const noexcept override;
    void fill(protocol::FrameSource& source, protocol::Time now) override;
    bool would_fill(protocol::FrameSource& source, protocol::Time now) override;
    void drain(protocol::FrameSink& sink, protocol::Time now) override;
    protocol::Time deadline() const noexcept override;
    void advance(protocol::Time now) override;
    std::error_code failure() const noexcept override;

    // For the driver: what arrives.

    /// A datagram for this connection, whatever is in it. It is read, and decrypted in place, by
    /// the next drain(); until then `bytes` stay where they are.
    void received(const SocketAddress& from, std::span<std::byte> bytes);

    /// The connection is over: the socket failed, or this end closes.
    void fail(std::error_code reason) noexcept;

    // For the driver: what leaves.

    /// Packets for one address, behind each other, all of `segment_bytes` but a shorter last one.
    struct Batch {
        SocketAddress to;
        std::span<const std::byte> bytes;
        std::size_t segment_bytes = 0;
    };

    /// What is to leave next; nothing if all is out. Holds until the next call that changes it.
    std::optional<Batch> outgoing() const noexcept;

    /// So many bytes of outgoing() are out, whole segments: the system took them, or will not.
    void sent(std::size_t bytes) noexcept;

    /// The system does not send packets as long as those of outgoing(): they count as lost, which
    /// shortens the packets.
    void too_big(protocol::Time now) noexcept;

    /// Makes what is to be said at the end, of what fill() would make without a source: the
    /// acknowledgement of the peer's goodbye.
    void last_words(protocol::Time now);

    struct Counters {
        std::uint64_t packets_sent = 0;
        std::uint64_t packets_received = 0;
        std::uint64_t packets_lost = 0;
        std::uint64_t losses_spurious = 0;
        std::uint64_t packets_duplicate = 0;  ///< or too old to tell
        std::uint64_t packets_not_authentic = 0;
        std::uint64_t packets_malformed = 0;  ///< no packets at all
        std::uint64_t packets_not_stored = 0;
        std::uint64_t probe_timeouts = 0;
        std::uint64_t path_changes = 0;
        std::uint64_t path_changes_ignored = 0;
        std::uint64_t resets_forged = 0;
    };
    const Counters& counters() const noexcept;

    /// Where packets go now.
    const SocketAddress& peer() const noexcept;
    /// True if the peer has proved to be there: a packet of it has come.
    bool confirmed() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace braid::transport
