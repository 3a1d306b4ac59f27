#pragma once

#include "protocol/time.hpp"
#include "sim/random.hpp"
#include "transport/udp/socket_address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <vector>

namespace sim {

using braid::protocol::Duration;
using braid::protocol::Time;
using braid::transport::SocketAddress;

/// What one direction of a way does to datagrams. Shares are of all datagrams.
struct PathOptions {
    std::uint64_t rate_bytes_per_second = 250'000;
    std::size_t queue_bytes = 50'000;  ///< what does not fit is dropped
    Duration delay = std::chrono::milliseconds{20};
    Duration jitter{0};  ///< later by up to so much, each by itself: they overtake each other
    double loss = 0;
    double burst_begin = 0;   ///< Gilbert-Elliott: into the bad state
    double burst_end = 0.25;  ///< and out of it
    double burst_loss = 0.9;  ///< while in it
    double duplicated = 0;    ///< comes twice
    double corrupted = 0;     ///< some bits flip
    double truncated = 0;     ///< the end is missing
    double late = 0;          ///< comes `late_by` later than it would
    Duration late_by{0};
    std::size_t bytes_max = 65'507;  ///< what is longer vanishes without a word
    bool cut = false;                ///< nothing gets through
    Time held_until{};               ///< all that arrives before arrives then
};

/// What an adversary on the way does to datagrams that leave one end. It sees all of them, has
/// addresses of its own and does not know the keys.
struct AdversaryOptions {
    double copied = 0;         ///< the same bytes come from another address
    bool copies_first = true;  ///< and are there before the original
    double replayed = 0;       ///< with each, one from before comes once more
    double junk = 0;           ///< with each, something that is no packet comes
    double resets = 0;         ///< with each, a forged "I know nothing of this connection"
};

/// Two hosts and the network of datagrams between them, in virtual time. Side 0 is behind a NAT:
/// the address that the other side sees may change.
class DatagramNetwork {
public:
    struct Datagram {
        SocketAddress from;
        std::vector<std::byte> bytes;
    };

    struct Counters {
        std::uint64_t sent = 0;
        std::uint64_t bytes_sent = 0;
        std::uint64_t received = 0;
        std::uint64_t lost = 0;      ///< by chance
        std::uint64_t dropped = 0;   ///< no room in a queue, too long, or nobody at that address
        std::uint64_t injected = 0;  ///< by the adversary
        std::uint64_t to_strangers = 0;
    };

    DatagramNetwork(const std::array<PathOptions, 2>& paths, std::uint64_t seed);

    /// What leaves `side` goes through this.
    PathOptions& path(std::size_t side) { return directions_[side].path; }
    AdversaryOptions& adversary(std::size_t side) { return directions_[side].adversary; }

    /// Where `side` is, as others see it.
    const SocketAddress& address(std::size_t side) const { return hosts_[side].address; }

    /// The NAT forgets `side`: it appears under another port, or as another host too.
    void rebind(std::size_t side, bool other_host);

    void send(std::size_t side, const SocketAddress& to, std::span<const std::byte> bytes,
              Time now);

    /// From anyone at all to `side`, without delay.
    void inject(std::size_t side, const SocketAddress& from, std::vector<std::byte> bytes, Time at);

    /// The next one in the socket's buffer; what was read is gone.
    std::optional<Datagram> receive(std::size_t side, Time now);
    Time next_arrival(std::size_t side) const;

    /// Sees every datagram that leaves; true: it is lost.
    using Loses = bool (*)(void* context, std::size_t side, std::span<const std::byte> bytes);
    void lose_if(Loses decides, void* context) { loses_ = decides, loses_context_ = context; }

    const Counters& counters(std::size_t side) const { return directions_[side].counters; }

    /// An address of the adversary, or of its victim: nobody there ever answers.
    static SocketAddress stranger(std::uint16_t which);
    static bool is_stranger(const SocketAddress& address);

private:
    // net.core.rmem_default of Linux.
    static constexpr std::size_t socket_bytes_max = 212'992;
    static constexpr std::size_t remembered_max = 512;

    struct Arrival {
        Time at;
        std::uint64_t order;
        Datagram datagram;
        SocketAddress to;

        bool operator<(const Arrival& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    struct Direction {
        PathOptions path;
        AdversaryOptions adversary;
        Time free_at{};
        bool bad = false;
        std::deque<std::vector<std::byte>> remembered;
        Counters counters;
    };

    struct Host {
        SocketAddress address;
        std::priority_queue<Arrival> arriving;
        std::deque<Datagram> socket;
        std::size_t socket_bytes = 0;
    };

    struct Account {
        std::uint64_t received = 0;
        std::uint64_t sent = 0;
    };

    void carry(Direction& direction, std::size_t target, const SocketAddress& to,
               std::span<const std::byte> bytes, Time now);
    bool loses(Direction& direction);
    void damage(const PathOptions& path, std::vector<std::byte>& bytes);
    void arrive(std::size_t side, const SocketAddress& from, const SocketAddress& to,
                std::vector<std::byte> bytes, Time at);
    void attack(Direction& direction, std::size_t side, std::span<const std::byte> bytes, Time now);
    void take_in(std::size_t side, Time now);
    Duration some(Duration most);

    Random random_;
    std::array<Direction, 2> directions_;  // by the side that sends
    std::array<Host, 2> hosts_;
    std::uint64_t order_ = 0;
    std::uint16_t ports_given_ = 0;
    std::uint8_t hosts_given_ = 0;
    std::uint16_t strangers_ = 0;
    std::array<std::map<SocketAddress, Account>, 2> strangers_of_;
    Loses loses_ = nullptr;
    void* loses_context_ = nullptr;
};

std::string describe(const PathOptions& path);

}  // namespace sim
