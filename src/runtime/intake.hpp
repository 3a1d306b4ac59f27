#pragma once

#include "protocol/block.hpp"
#include "runtime/block_pool.hpp"
#include "runtime/spin_lock.hpp"

#include <braid/limits.hpp>
#include <braid/message.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <system_error>

namespace braid::runtime {

class Stream;

/// What the intake knows of one stream. All under the intake's lock.
struct SendSide {
    std::size_t queued = 0;  ///< sent by the application, not yet confirmed, handed over or dropped
    std::error_code closed;  ///< why nothing can be sent any more
    std::uint64_t accepted = 0;  ///< messages, so far
    std::size_t refused = 0;     ///< what the last message that did not fit needs
    bool lossy = false;          ///< has no limit of its own: the mux drops its oldest
};

/// Where what applications ask of a participant's streams goes first: a log in memory that any
/// thread appends to and the participant's strand works off. The heart of Stream::send().
///
/// In the log are the finished bytes of messages, so that the strand moves references only; larger
/// ones stand there by reference. The lock is held for the copy and little else.
class Intake {
public:
    enum class Kind : std::uint16_t { message, large, finish, reset, release, consumed, confirm };

    /// One entry of the log, or several small messages of one stream in a row. On the strand.
    struct Record {
        Kind kind;
        bool receipt;  ///< tell when they are delivered
        Stream* stream;
        protocol::Block* block;                     ///< holds the messages
        std::span<const protocol::Piece> messages;  ///< valid during the visit
        std::uint64_t code;
    };

    /// What append() did.
    struct Appended {
        std::error_code error;
        bool flush = false;        ///< the caller is to see that flush() runs on the strand
        std::uint64_t number = 0;  ///< of a message: how many its stream took before it
    };

    /// From this size on messages are not copied.
    static constexpr std::size_t large_bytes_min = 16u << 10;

    /// What a message counts for in queues, on top of its bytes.
    static constexpr std::size_t message_charge = 32;

    /// @param message_bytes_max of both ends
    Intake(std::shared_ptr<BlockPool> pool, const Limits& limits, std::size_t message_bytes_max);
    Intake(const Intake&) = delete;
    Intake& operator=(const Intake&) = delete;
    ~Intake();

    // Any thread.

    std::size_t message_bytes_max() const noexcept { return message_bytes_max_; }

    /// Appends a message in two parts (envelope and payload). Together less than large_bytes_min.
    Appended send(Stream& stream, SendSide& side, std::span<const std::byte> head,
                  std::span<const std::byte> payload, bool receipt = false);
    Appended send_large(Stream& stream, SendSide& side, Message message, bool receipt = false);
    /// Anything but a message; `closing` is why nothing can be sent on the stream afterwards.
    Appended append(Stream& stream, Kind kind, std::uint64_t code = 0);
    Appended close(Stream& stream, SendSide& side, Kind kind, std::uint64_t code,
                   std::error_code reason);

    /// No messages are taken any more, from no stream.
    void close(std::error_code reason) noexcept;
    /// Nothing at all is.
    void end(std::error_code reason) noexcept;
    std::error_code closed() const noexcept;
    std::error_code closed(const SendSide& side) const noexcept;

    /// Nothing is taken any more from this one.
    void close(SendSide& side, std::error_code reason) noexcept;

    std::size_t queued() const noexcept;
    std::size_t queued(const SendSide& side) const noexcept;

    /// True if the stream has less than `below` queued and the participant has room.
    bool writable(SendSide& side, std::size_t below, std::error_code& error) noexcept;

    /// Whoever is to flush() puts it off until release_flush().
    /// @returns false if somebody has done so already, and will flush for both
    bool hold_flush() noexcept { return !held_.exchange(true); }
    void release_flush() noexcept { held_.store(false); }

    // On the strand.

    /// A flush() follows within this turn of the strand: nobody needs to ask for one.
    void expect_flush() noexcept;

    /// Calls `visit(Record)` for all that was appended since the last time. A large message's
    /// block, once visited, is owned by its references.
    template <typename Visit>
    void flush(Visit visit);

    /// Messages that counted for so much are through.
    void settle(SendSide& side, std::size_t charge) noexcept;

    /// True once after the participant's limit kept somebody from sending, when there is room.
    bool take_relieved() noexcept;

    /// Gives memory back if there is nothing to do.
    void rest() noexcept;

private:
    struct Header {
        Stream* stream;
        std::uint32_t bytes;
        Kind kind;
        bool receipt = false;
    };
    static_assert(sizeof(Header) == 16);

    struct Span {
        IntakeBlock* first;
        IntakeBlock* last;
        std::uint32_t end;  // of the last
    };

    // How far ahead of itself the log fetches memory.
    static constexpr std::size_t prefetch_bytes = 256;

    static std::size_t padded(std::size_t bytes) noexcept { return (bytes + 7) & ~std::size_t{7}; }

    std::error_code check(SendSide& side, std::size_t bytes) noexcept;
    void make_room(std::size_t bytes);
    Appended write(Header header, std::span<const std::byte> head,
                   std::span<const std::byte> payload) noexcept;
    Span begin_flush() noexcept;
    void end_block(IntakeBlock& block, bool last) noexcept;
    static void recycle(protocol::Block& block);
    // Messages that are visited together: enough that what is done once for all costs little.
    static constexpr std::size_t pieces_max = 64;
    using Pieces = std::array<protocol::Piece, pieces_max>;
    static Header header_at(const IntakeBlock& block, std::uint32_t position) noexcept;
    static Record next(IntakeBlock& block, std::uint32_t& position, std::uint32_t end,
                       Pieces& pieces) noexcept;
    static Record next_other(IntakeBlock& block, std::uint32_t& position, const Header& header,
                             Pieces& pieces) noexcept;

    std::shared_ptr<BlockPool> pool_;
    const std::size_t stream_queue_max_;
    const std::size_t participant_queue_max_;
    const std::size_t message_bytes_max_;

    std::atomic<bool> held_{false};
    mutable SpinLock lock_;
    bool flush_under_way_ = false;
    bool ended_ = false;
    bool starved_ = false;            // the participant's limit kept somebody from sending
    IntakeBlock* current_ = nullptr;  // the last
    std::size_t queued_ = 0;
    std::size_t next_size_ = BlockPool::block_bytes_min;
    std::error_code closed_;
    IntakeBlock* unflushed_ = nullptr;  // the first
};

inline Intake::Header Intake::header_at(const IntakeBlock& block, std::uint32_t position) noexcept {
    Header header;
    std::memcpy(&header, block.block.data + position, sizeof header);
    return header;
}

// What is at `position`, which moves past it.
inline Intake::Record Intake::next(IntakeBlock& block, std::uint32_t& position, std::uint32_t end,
                                   Pieces& pieces) noexcept {
    const auto first = header_at(block, position);
    if (first.kind != Kind::message) return next_other(block, position, first, pieces);
    auto at = position;
    std::size_t count = 0;
    for (auto header = first; count < pieces.size();) {
        // Where the one after next lies, only the next one says.
        __builtin_prefetch(block.block.data + at + prefetch_bytes);
        pieces[count++] = {at + static_cast<std::uint32_t>(sizeof header), header.bytes};
        at += static_cast<std::uint32_t>(sizeof header + padded(header.bytes));
        if (at >= end) break;
        header = header_at(block, at);
        const bool goes_on = header.kind == Kind::message && header.stream == first.stream;
        if (!goes_on || header.receipt != first.receipt) break;
    }
    position = at;
    return {first.kind, first.receipt, first.stream, &block.block, std::span{pieces}.first(count),
            0};
}

template <typename Visit>
void Intake::flush(Visit visit) {
    const auto span = begin_flush();
    Pieces pieces;
    for (auto* block = span.first; block != nullptr;) {
        const bool last = block == span.last;
        auto* const next_block = last ? nullptr : block->next;
        const auto end = last ? span.end : block->used;
        ++block->block.references;
        for (auto position = block->flushed; position < end;) {
            visit(next(*block, position, end, pieces));
        }
        block->flushed = end;
        end_block(*block, last);
        block = next_block;
    }
}

}  // namespace braid::runtime
