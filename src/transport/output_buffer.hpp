#pragma once

#include "protocol/frame_writer.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace braid::transport {

/// What was encoded and is not sent yet: bytes, and between them payloads that are referred to.
///
/// Buffers are borrowed while something is pending, so that idle participants hold none. Spare ones
/// wait in a bounded pool of the thread that gave them back.
class OutputBuffer {
public:
    /// A buffer for `budget` bytes: of the smallest of three sizes that fits.
    static std::unique_ptr<OutputBuffer> borrow(std::size_t budget);

    /// Releases what is still referred to.
    static void give_back(std::unique_ptr<OutputBuffer> buffer) noexcept;

    explicit OutputBuffer(std::size_t capacity);

    std::span<std::byte> bytes() noexcept { return {bytes_.get(), capacity_}; }
    std::vector<protocol::FrameWriter::Reference>& references() noexcept { return references_; }

    /// After encoding: the first `copied` bytes hold something.
    void filled(std::size_t copied) noexcept { copied_ = copied; }

    /// The segments that are left, in order.
    /// @returns how many were written
    std::size_t segments(std::span<std::span<const std::byte>> out) const noexcept;

    /// Moves past `bytes` and releases the payloads that are through.
    /// @returns true if nothing is left
    bool advance(std::size_t bytes) noexcept;

private:
    void clear() noexcept;

    std::unique_ptr<std::byte[]> bytes_;
    std::size_t capacity_;
    std::size_t copied_ = 0;
    std::size_t position_ = 0;  // of the next byte in the buffer
    std::vector<protocol::FrameWriter::Reference> references_;
    std::size_t reference_ = 0;       // the next payload
    std::size_t reference_sent_ = 0;  // bytes of it that are through
};

}  // namespace braid::transport
