#pragma once

#include "protocol/envelope.hpp"

#include <braid/message.hpp>
#include <braid/promises.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace braid::protocol {

/// A Message as it stands in the payload of frames, envelope and all: made once, in the memory of
/// the Message itself, and shared by all streams that it is sent on. Any thread.
///
/// A plain envelope stands in front of the bytes, where room is left for it; a compressed copy,
/// envelope and all, stands behind them, after its size (32 bits).
class SealedMessage {
public:
    /// A Message with these bytes that find() finds sealed for these promises.
    static Message make(const Message& message, Promises promises);

    /// `message` sealed so, on a stream with these promises; nothing if it was not made for that. A
    /// plain envelope is written when it is first asked for.
    static std::span<const std::byte> find(const Message& message, Promises promises,
                                           Sealing wanted) noexcept;

    /// A Message of what find() found.
    static Message share(const Message& message, std::span<const std::byte> sealed) noexcept;

    /// The inverse, for messages that are not compressed: of what came with its envelope, the bytes
    /// behind it, which will be found sealed.
    static Message open(Message sealed, std::span<const std::byte> bytes,
                        bool checksummed) noexcept;

private:
    // MessageBlock::envelopes
    enum Envelope : std::uint8_t {
        writing = 1 << 0,     // the plain one, by some thread
        plain = 1 << 1,       // it is there, without a checksum
        checksum = 1 << 2,    // it is there, with one
        compressed = 1 << 3,  // there is a compressed copy
        compressed_checksum = 1 << 4,
        incompressible = 1 << 5,  // there is none because it would not be smaller
    };

    static bool is_whole(const Message& message) noexcept;
    static std::span<const std::byte> find_plain(const Message& message, bool checksum_wanted,
                                                 bool checksum_allowed) noexcept;
};

}  // namespace braid::protocol
