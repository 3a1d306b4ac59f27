#pragma once

#include "protocol/link.hpp"
#include "protocol/packet_cipher.hpp"
#include "transport/udp/acknowledgements.hpp"
#include "transport/udp/congestion.hpp"
#include "transport/udp/link_frames.hpp"
#include "transport/udp/pacer.hpp"
#include "transport/udp/packet.hpp"
#include "transport/udp/packet_outbox.hpp"
#include "transport/udp/path_mtu.hpp"
#include "transport/udp/path_validation.hpp"
#include "transport/udp/recovery.hpp"
#include "transport/udp/reset_token.hpp"
#include "transport/udp/simulated_datagrams.hpp"
#include "transport/udp/socket_address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

namespace braid::transport {

/// What both ends agreed on in the handshake.
struct UdpLinkOptions {
    SocketAddress peer;
    bool peer_proven = false;  ///< it receives what is sent there: it answered, or had a cookie
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
    std::uint64_t seed = 0;                     ///< of numbers that an attacker shall not guess
    protocol::Duration round_trip_time{0};      ///< of the handshake; 0: not known
    std::optional<protocol::Time> answered_at;  ///< accepting side: when its ACCEPT left
    std::uint64_t handshake_bytes = 0;  ///< that a peer has sent which is not proven; it gets
                                        ///< three times that until a packet of it has come
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
    protocol::LinkTraffic traffic() const noexcept override { return counters_.traffic; }
    void fill(protocol::FrameSource& source, protocol::Time now) override;
    bool would_fill(protocol::FrameSource& source, protocol::Time now) override;
    void drain(protocol::FrameSink& sink, protocol::Time now) override;
    protocol::Time deadline() const noexcept override;
    void advance(protocol::Time now) override;
    std::error_code failure() const noexcept override;

    /// Before anything is sent: in place of what the options say.
    void use(Congestion algorithm, std::uint64_t fixed_bytes_per_second);

    /// From now on as if over this link: below packets, so that they get lost for real.
    void simulate(const LinkSimulation& simulation, std::uint64_t seed);

    // For the driver: what arrives.

    /// A datagram for this connection, whatever is in it. It is read, and decrypted in place, by
    /// the next drain(); until then `bytes` stay where they are.
    void received(const SocketAddress& from, std::span<std::byte> bytes);

    /// The connection is over: the socket failed, or this end closes.
    void fail(std::error_code reason) noexcept;

    /// Nothing more will be said: the link fails with connection_aborted once all is acknowledged,
    /// or with timed_out when it has been repeated four times, after one to three seconds.
    void finish() noexcept;

    // For the driver: what leaves.

    using Batch = PacketOutbox::Batch;

    /// What is to leave next; nothing if all is out. Holds until the next call that changes it.
    std::optional<Batch> outgoing() const noexcept;

    /// So many bytes of outgoing() are out, whole packets: the system took them, or will not.
    void sent(std::size_t bytes) noexcept;

    /// The system does not send packets as long as those of outgoing(): they are given up, and the
    /// next ones are shorter.
    void too_big(protocol::Time now) noexcept;

    /// Before the driver goes: makes the packets that tell the peer so, for outgoing().
    void last_words(protocol::Time now);

    struct Counters {
        protocol::LinkTraffic traffic;
        std::uint64_t losses_spurious = 0;
        std::uint64_t packets_duplicate = 0;  ///< or too old to tell
        std::uint64_t packets_not_authentic = 0;
        std::uint64_t datagrams_unknown = 0;  ///< no packets of this connection at all
        std::uint64_t packets_not_stored = 0;
        std::uint64_t probe_timeouts = 0;
        std::uint64_t path_changes = 0;
        std::uint64_t resets_ignored = 0;
    };
    const Counters& counters() const noexcept { return counters_; }

    /// Where packets go now.
    const SocketAddress& peer() const noexcept { return paths_.peer(); }

    /// True if the peer has proved to be there: a packet of it has come.
    bool confirmed() const noexcept { return counters_.traffic.packets_received != 0; }

    std::size_t packet_bytes() const noexcept { return mtu_.packet_bytes(); }
    const Recovery& recovery() const noexcept { return recovery_; }
    const CongestionControl& congestion() const noexcept { return *congestion_; }

private:
    struct Datagram {
        SocketAddress from;
        std::span<std::byte> bytes;
    };

    /// The two directions of a link that is worse than the real one.
    struct Simulation {
        SimulatedDatagrams outgoing;
        SimulatedDatagrams incoming;
    };

    // Receiving: link_receive.cpp
    void receive(const Datagram& datagram, protocol::FrameSink& sink, protocol::Time now);
    void receive_reset(std::span<const std::byte> bytes, protocol::Time now);
    bool open(std::span<std::byte> bytes, std::uint64_t& number, std::span<const std::byte>& out);
    std::error_code take(const Datagram& datagram, std::uint64_t number,
                         std::span<const std::byte> payload, protocol::FrameSink& sink,
                         protocol::Time now);
    void measure_handshake(protocol::Time now);
    void learn(protocol::FrameSink& sink, protocol::Time now);
    void path_changed(PathChange change, protocol::Time now);

    // Sending: link_send.cpp
    enum class Purpose : std::uint8_t { data, probe, urgent, acknowledgement };
    struct Draft {
        std::span<std::byte> room;
        std::size_t header_bytes = 0;
        std::size_t bytes = 0;  // so far
        SentPacket packet;
    };
    void send_path_frames(protocol::Time now);
    void send_mtu_probe(protocol::Time now);
    bool send(protocol::FrameSource* source, Purpose purpose, protocol::Time now);
    bool may_send(protocol::FrameSource& source, Purpose& purpose, protocol::Time now);
    void say_last_words(protocol::Time now);
    bool begin(Draft& draft, std::size_t bytes_max, protocol::Time now);
    void write_acknowledgement(Draft& draft, protocol::Time now);
    protocol::Time acknowledgement_due() const noexcept;
    bool may_answer() const noexcept;
    bool may_probe_mtu() const noexcept;
    std::size_t allowed(std::size_t bytes) const noexcept;
    void commit(Draft& draft, const SocketAddress& to, bool application_limited,
                protocol::Time now);
    std::size_t unit_bytes() const noexcept;
    std::size_t path_packet_bytes() const noexcept;
    void set_pace() noexcept;
    void enter_simulation(protocol::Time now);
    void end_if_all_said(protocol::FrameSource& source, protocol::Time now) noexcept;

    UdpLinkOptions options_;
    Acknowledgements acknowledgements_;
    Recovery recovery_;
    Recovery::Feedback feedback_;
    std::unique_ptr<CongestionControl> congestion_;
    Pacer pacer_;
    PathMtu mtu_;
    PathValidation paths_;
    PacketOutbox outbox_;
    std::vector<Datagram> inbox_;
    std::unique_ptr<Simulation> simulation_;

    unsigned probes_ = 0;            // packets that leave whatever the window says
    bool probe_needs_data_ = false;  // the oldest that is under way has to go again
    bool finishing_ = false;
    protocol::Time time_{};
    protocol::Time finish_by_ = protocol::never;
    protocol::Time paced_until_ =
        protocol::never;  // the source has more, for which it is too early
    protocol::Time authentic_at_;
    protocol::Time sent_at_;
    std::error_code failure_;
    std::error_code broken_by_peer_;  // the rule that it broke
    Counters counters_;
};

}  // namespace braid::transport
