#pragma once

#include "protocol/ring.hpp"
#include "transport/output_buffer.hpp"
#include "transport/udp/socket_address.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace braid::transport {

/// Packets that are made and not yet with the system, in batches that it can take in one call:
/// packets for one address, behind each other, all as long as the first but a shorter last one.
///
/// The memory is borrowed while something waits.
class PacketOutbox {
public:
    /// As many packets as generic segmentation offload takes at once (UDP_MAX_SEGMENTS of Linux),
    /// and as many bytes as an IP packet carries.
    static constexpr std::size_t batch_packets_max = 64;
    static constexpr std::size_t batch_bytes_max = 65'000;

    struct Batch {
        SocketAddress to;
        std::span<const std::byte> bytes;
        std::size_t segment_bytes = 0;
    };

    PacketOutbox() = default;
    PacketOutbox(const PacketOutbox&) = delete;
    PacketOutbox& operator=(const PacketOutbox&) = delete;
    ~PacketOutbox() { OutputBuffer::give_back(std::move(buffer_)); }

    /// Room for a packet to be made in; commit() says what became of it.
    /// @returns nothing if there is none until more is out
    std::span<std::byte> room(std::size_t packet_bytes);

    /// The first bytes of room() are a packet for `to`; 0: there is none after all.
    void commit(const SocketAddress& to, std::size_t bytes);

    bool empty() const noexcept { return batches_.empty(); }

    /// True if a packet of this size would find no room().
    bool full(std::size_t packet_bytes) const noexcept;

    /// What is to leave next.
    std::optional<Batch> front() const noexcept;

    /// So many bytes of front() are out.
    void pop(std::size_t bytes) noexcept;

    void clear() noexcept;

private:
    static constexpr std::size_t capacity = 64u << 10;

    struct Entry {
        SocketAddress to;
        std::size_t bytes = 0;
        std::size_t segment_bytes = 0;
        std::size_t packets = 0;
        bool ended = false;  // by a shorter packet
    };

    std::unique_ptr<OutputBuffer> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    protocol::Ring<Entry> batches_;
};

}  // namespace braid::transport
