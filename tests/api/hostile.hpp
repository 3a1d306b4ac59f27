// A Network under attack: what a hostile peer needs to say anything at all, and a well-behaved
// client beside it, which must not notice.
#pragma once

#include "api/hostile_memory.hpp"
#include "protocol/handshake.hpp"

#include <braid/braid.hpp>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace hostile {

/// What a claim alone may allocate: the ordinary working memory of two threads fits, the smallest
/// claim that is tested does not.
inline constexpr std::size_t claim_bytes_max = 1u << 20;

/// What nothing here takes, unless it hangs. The sanitizers are slow.
inline constexpr std::chrono::seconds patience{30};

/// Bytes as they go over the wire, well-formed or not.
class Bytes {
public:
    Bytes& u8(unsigned value);
    Bytes& u16(unsigned value);
    Bytes& u64(std::uint64_t value);
    Bytes& number(std::uint64_t value);
    /// A prefix varint of one byte more than it needs.
    Bytes& long_number(std::uint64_t value);
    Bytes& text(std::string_view value);
    Bytes& fill(std::size_t count, unsigned value = 0);
    Bytes& add(std::span<const std::byte> bytes);
    Bytes& add(const Bytes& other) { return add(other.view()); }

    std::span<const std::byte> view() const noexcept { return bytes_; }
    std::span<const std::byte> first(std::size_t count) const { return view().first(count); }
    std::size_t size() const noexcept { return bytes_.size(); }

private:
    std::vector<std::byte> bytes_;
};

/// What the server does with a stream that is opened with this tag.
enum class Use : std::uint64_t {
    hold,   ///< keeps it, and never reads
    read,   ///< reads until it ends
    flood,  ///< sends as much as it can, and never reads
};

struct Open {
    std::uint64_t slot = 0;
    std::uint64_t id = 0;
    unsigned priority = 4;
    unsigned promises = static_cast<unsigned>(braid::Promises::reliable);
    std::uint64_t bandwidth = 0;
    std::uint64_t credit = 1u << 20;
    Use use = Use::hold;
};

inline constexpr auto reliable = static_cast<unsigned>(braid::Promises::reliable);
inline constexpr auto guaranteed = static_cast<unsigned>(braid::Promises::ordered) |
                                   static_cast<unsigned>(braid::Promises::guaranteed_delivery);
inline constexpr auto compressed = static_cast<unsigned>(braid::Promises::compressed);

Bytes ping();
Bytes open(const Open& fields = {});
/// A whole message, of a slot below 15, that says its number.
Bytes message(std::uint64_t slot, unsigned number, std::span<const std::byte> payload);
Bytes message(std::uint64_t slot, unsigned number, std::size_t bytes);
/// A fragment likewise; its total is said if it is not 0.
Bytes fragment(std::uint64_t slot, unsigned number, std::uint64_t offset, std::uint64_t total,
               std::size_t bytes);

/// A Network that listens, and a client that exchanges messages with it all the time.
class Arena {
public:
    struct End {
        std::error_code error;
        std::optional<braid::CloseReason> reason;
    };

    explicit Arena(const braid::Limits& limits = {}, braid::LogLevel level = braid::LogLevel::off);
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena();

    static braid::Pid server_pid() { return braid::Pid::numbered(20); }
    static braid::Pid client_pid() { return braid::Pid::numbered(21); }

    std::uint16_t port() const noexcept { return port_; }

    /// True if an exchange of the well-behaved client that begins from now on succeeds.
    bool client_lives();

    /// What the server's Network met with since the arena stands.
    braid::NetworkStats stats() const;

    /// Waits until the counters are so, with the client's exchanges as the clock.
    bool eventually(const std::function<bool(const braid::NetworkStats&)>& expected);

    /// Why the participants that are not the client ended, and their streams that are read or
    /// flooded: in the order in which they did. Waits for it.
    End next_end();
    std::error_code next_stream_end();

    /// The most streams that one of the hostile participants has shown to the application.
    std::size_t streams_seen() const;

private:
    asio::awaitable<void> serve();
    asio::awaitable<void> echo(braid::Participant participant);
    asio::awaitable<void> watch(braid::Participant participant);
    asio::awaitable<void> read(braid::Stream stream);
    asio::awaitable<void> flood(braid::Stream stream);
    asio::awaitable<void> exchange();
    asio::awaitable<braid::Participant> connect();
    void note_stream_end(std::error_code error);

    mutable std::mutex mutex_;  // for the following
    std::condition_variable changed_;
    std::uint64_t rounds_ = 0;
    bool client_lost_ = false;
    std::deque<End> ends_;
    std::deque<std::error_code> stream_ends_;
    std::size_t streams_seen_ = 0;

    std::uint16_t port_ = 0;
    braid::NetworkStats before_;
    std::optional<braid::Network> server_;
    std::optional<braid::Network> client_;
    asio::io_context context_;
    std::vector<std::thread> threads_;
};

/// Somebody with a socket. Blocks, but not for longer than `patience`.
class Peer {
public:
    explicit Peer(const Arena& arena);
    Peer(Peer&& other) noexcept;
    Peer& operator=(Peer&&) = delete;
    ~Peer();

    /// A hello that is in order, of somebody new each time.
    static braid::protocol::Hello hello();
    static Bytes encoded(const braid::protocol::Hello& hello);

    /// Says it and waits for the server's.
    void shake_hands(const braid::protocol::Hello& said);
    /// The same and a PING: the server's application sees a participant.
    void join();

    /// @returns false if the server has closed the connection
    bool send(std::span<const std::byte> bytes);
    bool send(const Bytes& bytes) { return send(bytes.view()); }

    /// All that the server sends until it closes the connection, be it by a reset.
    /// @throws std::runtime_error if it does not
    std::vector<std::byte> read_to_end();
    bool sees_end();
    /// True if the server has sent something or closed within that time.
    bool readable(std::chrono::milliseconds within) const;

    /// Sends no more.
    void finish();
    /// Breaks the connection.
    void reset();

private:
    int socket_ = -1;
};

}  // namespace hostile
