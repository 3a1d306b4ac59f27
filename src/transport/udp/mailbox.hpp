#pragma once

#include "transport/doorbell.hpp"
#include "transport/udp/receive_slab.hpp"
#include "transport/udp/socket_address.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <system_error>
#include <vector>

namespace braid::transport {

/// Datagrams from one address for one connection, behind each other, all of `segment_bytes` but a
/// shorter last one.
struct Mail {
    SocketAddress from;
    SocketAddress at;  ///< which of this machine's addresses was meant; all zero if unknown
    ReceiveSlab::Share slab;
    std::span<std::byte> bytes;  ///< within the slab
    std::size_t segment_bytes = 0;
};

/// Where a socket puts what has come for one connection, until that connection's strand takes it.
/// Bounded: what comes while it is full is as good as lost on the way. Any thread.
class Mailbox {
public:
    static constexpr std::size_t mails_max = 4096;
    static constexpr std::size_t slabs_max = 16;  ///< kept from other uses: 4 MiB

    /// @param bell rings when something is there after nothing was
    explicit Mailbox(std::shared_ptr<Doorbell> bell) noexcept : bell_{std::move(bell)} {}

    void put(Mail mail);

    /// The other end is said not to be there. The first error stays.
    void fail(std::error_code error);

    /// Moves all that is there to `out`, which was empty.
    /// @returns how it failed, if it did
    std::error_code take(std::vector<Mail>& out);

    /// Nothing is kept any more.
    void close();

    /// Datagrams, merged ones counted as one, that found no room.
    std::uint64_t dropped() const;

private:
    bool hold(const ReceiveSlab::Share& slab);

    const std::shared_ptr<Doorbell> bell_;
    mutable std::mutex mutex_;  // for the following
    std::vector<Mail> mails_;
    std::vector<const void*> slabs_;  // that the mails have shares in
    std::uint64_t dropped_ = 0;
    std::error_code error_;
    bool closed_ = false;
};

}  // namespace braid::transport
