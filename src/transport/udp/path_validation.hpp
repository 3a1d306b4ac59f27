#pragma once

#include "crypto/secret_numbers.hpp"
#include "protocol/time.hpp"
#include "transport/udp/packet.hpp"
#include "transport/udp/socket_address.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace braid::transport {

/// What PATH_CHALLENGE asks and PATH_RESPONSE repeats.
using PathData = std::array<std::byte, 8>;

/// What has become of the peer's address.
enum class PathChange : std::uint8_t {
    none,
    candidate,  ///< packets go to another one from now on, which has yet to prove itself
    ignored,    ///< it came from elsewhere, and there were too many changes lately
    returned,   ///< back at the one before: nothing that was measured has changed
    port,       ///< proved, and only the port is new: what was measured holds
    host,       ///< proved, and on another host: round trip, path MTU and congestion begin anew
};

/// Where the peer is. A packet that is authentic and newer than all others moves it; the new
/// address gets no more than three times what came from it until it has answered a challenge, and
/// the old one is asked too, so that who copies packets from elsewhere does not keep the
/// connection. RFC 9000, 8.2 and 9.3.
class PathValidation {
public:
    /// What a peer may get from an address that has not proved that it hears us, for each byte of
    /// it (RFC 9000, 8.1).
    static constexpr std::uint64_t amplification_max = 3;
    static constexpr unsigned changes_max = 4;  ///< in changes_window; then none for as long
    static constexpr protocol::Duration changes_window = std::chrono::seconds{10};
    static constexpr unsigned challenges_max = 3;  ///< to an address, a probe timeout apart
    /// No probe timeout is taken for shorter: the new path's round trip is not known.
    static constexpr protocol::Duration challenge_interval_min = std::chrono::milliseconds{300};
    /// Challenges of the peer that wait for their answers; the oldest gives way.
    static constexpr std::size_t responses_max = 4;

    /// @param proven this end knows that the peer hears it there
    /// @param received_bytes came from there in the handshake: what an unproven peer may get is
    ///                       three times that, until a packet of it has come
    /// @param seed secret, of this connection
    PathValidation(const SocketAddress& peer, bool proven, std::uint64_t received_bytes,
                   std::uint64_t seed) noexcept;

    /// Where packets go.
    const SocketAddress& peer() const noexcept { return active().address; }
    /// The peer has proved that it is there.
    bool proven() const noexcept { return active().proven; }

    // What arrives.

    /// An authentic packet that was not seen before, ahead of its frames.
    /// @param newest its number is above all before
    /// @param probe_timeout as of now
    PathChange on_packet(const SocketAddress& from, std::size_t bytes, bool newest,
                         protocol::Time now, protocol::Duration probe_timeout) noexcept;

    /// A PATH_CHALLENGE in the packet that on_packet() was told of last. Only the last one of a
    /// packet is answered.
    void on_challenge(const PathData& data) noexcept;

    /// A PATH_RESPONSE in that packet.
    PathChange on_response(const PathData& data) noexcept;

    // What leaves.

    /// How many bytes may go there; no limit for an address that is proven.
    std::uint64_t allowance(const SocketAddress& to) const noexcept;

    /// True if a packet of that size may go to peer().
    bool may_send(std::size_t bytes) const noexcept { return bytes <= allowance(peer()); }

    /// A packet has been made for that address.
    void charge(const SocketAddress& to, std::size_t bytes) noexcept;
    void charge(std::size_t bytes) noexcept { charge(peer(), bytes); }

    /// A frame to be sent, alone with padding, to one address.
    struct Probe {
        SocketAddress to;
        bool response = false;  ///< PATH_RESPONSE, else PATH_CHALLENGE
        PathData data{};
        std::size_t bytes = 0;  ///< as long as this the packet shall be, by padding
    };

    /// What is to leave now, if anything is: as long as any packet may be that follows, or, where
    /// that much may not go, no longer than it has to be.
    /// @param bytes_min of a packet with such a frame and no padding
    std::optional<Probe> probe(protocol::Time now, std::size_t bytes_min) const noexcept;

    /// It has been made; charge() is not needed.
    void probe_sent(const Probe& probe, std::size_t bytes, protocol::Time now) noexcept;

    // Time.

    /// When probe() has something to send, or advance() is due; at once if in the past.
    /// @param bytes_min as for probe()
    protocol::Time deadline(std::size_t bytes_min) const noexcept;

    /// Gives up a candidate that does not answer.
    PathChange advance(protocol::Time now) noexcept;

private:
    struct Path {
        SocketAddress address;
        bool proven = false;
        std::uint64_t received = 0;
        std::uint64_t sent = 0;
        PathData data{};  ///< of our challenge
        unsigned challenges = 0;
        protocol::Time challenge_at = protocol::never;

        std::uint64_t allowance() const noexcept;
    };
    struct Response {
        SocketAddress to;
        PathData data{};
        std::size_t bytes = 0;  ///< of the packet that asked
    };

    const Path& active() const noexcept { return candidate_ ? *candidate_ : home_; }
    const Path* path_to(const SocketAddress& address) const noexcept;
    Path* path_to(const SocketAddress& address) noexcept;
    PathChange consider(const SocketAddress& from, std::size_t bytes, protocol::Time now,
                        protocol::Duration probe_timeout) noexcept;
    bool may_change(protocol::Time now) noexcept;
    void challenge(Path& path, protocol::Time now) noexcept;
    PathChange give_up_candidate() noexcept;
    const Response* response(std::size_t bytes_min) const noexcept;
    std::uint64_t allowance(const Response& response) const noexcept;

    Path home_;                      ///< the last one that proved itself, or the first
    std::optional<Path> candidate_;  ///< the one that is to prove itself
    protocol::Time candidate_until_ = protocol::never;
    protocol::Duration challenge_interval_{challenge_interval_min};

    std::array<protocol::Time, changes_max>
        changes_{};  ///< a ring, of change_count_ changes so far
    std::size_t change_count_ = 0;
    protocol::Time ignored_until_ = protocol::Time::min();

    SocketAddress packet_from_;
    std::size_t packet_bytes_ = 0;
    bool packet_asked_ = false;
    std::array<Response, responses_max> responses_{};
    std::size_t response_count_ = 0;

    crypto::SecretNumbers numbers_;
};

}  // namespace braid::transport
