#pragma once

#include "crypto/secret_numbers.hpp"
#include "transport/context_service.hpp"
#include "transport/doorbell.hpp"
#include "transport/udp/connection_ids.hpp"
#include "transport/udp/datagram_io.hpp"
#include "transport/udp/datagram_sender.hpp"
#include "transport/udp/mailbox.hpp"
#include "transport/udp/packet.hpp"
#include "transport/udp/receive_slab.hpp"
#include "transport/udp/socket_address.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/ip/udp.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

namespace braid::transport {

class UdpSocket;

/// Whoever looks after datagrams that belong to no connection.
class Strays {
public:
    /// One call at a time, on any thread. `bytes` are its to change until it returns.
    virtual void stray(UdpSocket& socket, const SocketAddress& from, const SocketAddress& at,
                       std::span<std::byte> bytes) = 0;

protected:
    ~Strays() = default;
};

/// One UDP socket that many connections share. On its own strand it waits for datagrams and puts
/// each into the mailbox of its connection: by the connection id in it, else by the address that it
/// came from. Whoever has something to send does so within its own strand. Any thread.
///
/// It lives as long as somebody holds it, and is closed when its execution context dies.
class UdpSocket final : private Resident, public std::enable_shared_from_this<UdpSocket> {
public:
    struct Counters {
        std::uint64_t datagrams_received = 0;  ///< merged ones counted as one
        std::uint64_t datagrams_dropped = 0;   ///< for lack of memory
    };

    /// @param executor of whose context it is; it makes itself a strand
    /// @param id_key secret
    /// @throws std::system_error
    static std::shared_ptr<UdpSocket> open(const asio::any_io_executor& executor,
                                           const asio::ip::udp::endpoint& endpoint,
                                           const crypto::SecretNumbers::Key& id_key);
    ~UdpSocket();

    /// Where it is bound, with the real port.
    const asio::ip::udp::endpoint& endpoint() const noexcept { return endpoint_; }
    const datagram_io::Features& features() const noexcept { return features_; }

    /// Of its context; empty once that dies. Not to be kept.
    asio::any_io_executor executor() const;

    /// Who gets what is for nobody; null for none.
    void set_strays(std::shared_ptr<Strays> strays);

    /// Packets with the id that it returns go there.
    /// @returns nothing if there are as many connections as there can be
    std::optional<ConnectionId> add(std::shared_ptr<Mailbox> mailbox);
    void remove(ConnectionId id) noexcept;

    /// All that comes from there and has no id of a connection goes there.
    /// @returns false if the address is taken, or the context dies
    bool add(const SocketAddress& peer, std::shared_ptr<Mailbox> mailbox);
    void remove(const SocketAddress& peer) noexcept;

    /// While that is so, a report that an address cannot be reached fails its mailbox.
    void want_reports(bool wanted) noexcept;

    /// As DatagramSender::send(); bad_descriptor once the context dies.
    DatagramSender::Result send(const SocketAddress& to, const SocketAddress& from,
                                std::span<const std::byte> bytes,
                                std::size_t segment_bytes) noexcept;

    /// Rings, once, when the system has room after it had none.
    void ring_when_writable(std::shared_ptr<Doorbell> bell);

    /// Puts all that the system holds already into the mailboxes, within this call.
    void catch_up();

    Counters counters() const noexcept;

private:
    // A turn of the strand reads no more than this many calls give.
    static constexpr int calls_per_turn = 16;

    UdpSocket(const asio::any_io_executor& strand, const asio::ip::udp::endpoint& endpoint,
              const crypto::SecretNumbers::Key& id_key);

    bool claim() noexcept override;
    void evict() noexcept override;
    void wait_readable();
    void wait_writable();
    void writable();
    bool receive(int calls_max);
    bool receive_once(ReceiveSlab::Filling& into, std::error_code& error);
    void route(const datagram_io::Received& received, const ReceiveSlab::Share& slab,
               std::span<std::byte> bytes);
    std::shared_ptr<Mailbox> target(std::span<const std::byte> datagram,
                                    const std::shared_ptr<Mailbox>& of_peer);
    std::shared_ptr<Mailbox> of_peer(const SocketAddress& peer) const;
    void take_reports();

    const std::shared_ptr<Residents> residents_;
    std::optional<asio::ip::udp::socket> socket_;  // nothing once the context dies
    asio::ip::udp::endpoint endpoint_;
    datagram_io::Features features_;
    std::optional<DatagramSender> sender_;
    std::atomic<std::uint64_t> received_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::shared_ptr<UdpSocket> claimed_;

    std::mutex reading_;  // for the following
    unsigned reports_wanted_ = 0;

    mutable std::mutex mutex_;      // for the following
    asio::any_io_executor strand_;  // empty once the context dies
    std::shared_ptr<Strays> strays_;
    ConnectionIds<std::shared_ptr<Mailbox>> connections_;
    std::map<SocketAddress, std::shared_ptr<Mailbox>> peers_;
    std::vector<std::shared_ptr<Doorbell>> waiting_;  // for room
};

}  // namespace braid::transport
