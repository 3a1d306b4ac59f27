#pragma once

#include <braid/export.hpp>
#include <braid/promises.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace braid {

namespace protocol {
class SealedMessage;
}

namespace detail {
class MessageBuffer;

/// In front of a packed message stays so much room, for its envelope.
inline constexpr std::size_t envelope_room = 8;

/// Owns the bytes of one or more Messages; counts them.
struct MessageBlock {
    using Destroy = void (*)(MessageBlock*) noexcept;

    explicit MessageBlock(Destroy destroyer) noexcept : destroy{destroyer} {}

    std::atomic<std::uint32_t> references{1};
    std::uint32_t whole_bytes = 0;  ///< of the one message that can be sealed; 0: none can
    Destroy destroy;
    std::uint8_t whole_offset = 0;           ///< from here to it; envelope_room before it is free
    std::atomic<std::uint8_t> envelopes{0};  ///< it has: see protocol::SealedMessage
};
}  // namespace detail

/// Bytes that are packed once and sent on as many streams as you like: copies share them, and
/// nobody can change them. Safe to copy and read from any thread.
class Message {
public:
    /// An empty message, which is a message too.
    Message() noexcept = default;

    /// Takes the bytes over without a copy.
    BRAID_API explicit Message(std::vector<std::byte> bytes);

    /// Copies the bytes: for FlatBuffers and the like, `Message{std::as_bytes(std::span{...})}`.
    BRAID_API explicit Message(std::span<const std::byte> bytes);

    Message(const Message& other) noexcept
        : data_{other.data_}, size_{other.size_}, block_{other.block_} {
        if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
    }
    Message(Message&& other) noexcept
        : data_{std::exchange(other.data_, nullptr)},
          size_{std::exchange(other.size_, 0)},
          block_{std::exchange(other.block_, nullptr)} {}
    Message& operator=(Message other) noexcept {
        swap(*this, other);
        return *this;
    }
    ~Message() { release(); }

    friend void swap(Message& left, Message& right) noexcept {
        std::swap(left.data_, right.data_);
        std::swap(left.size_, right.size_);
        std::swap(left.block_, right.block_);
    }

    /// Packs a value as Stream::send() would; defined in <braid/serialize.hpp>.
    template <typename T>
    static Message pack(const T& value);

    /// The same, sealed() at once.
    template <typename T>
    static Message pack(const T& value, Promises promises) {
        return pack(value).sealed(promises);
    }

    /// The same bytes, checksummed and compressed as streams with these promises want it: done
    /// here, once, and not again for each stream that it is sent on. It can be sent on any other
    /// stream, too.
    BRAID_API Message sealed(Promises promises) const;

    /// The inverse of pack(); defined in <braid/serialize.hpp>.
    /// @throws StreamError (errc::message_malformed) if the bytes are no T
    template <typename T>
    T unpack() const;

    /// Good as long as this Message or a copy of it lives.
    std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

    /// In bytes.
    std::size_t size() const noexcept { return size_; }

    /// True for a message without bytes, which is delivered as any other.
    bool empty() const noexcept { return size_ == 0; }

    /// The bytes from `offset` on, at most `size` of them. Shares the whole: the memory is freed
    /// only when the last part of it is gone.
    Message part(std::size_t offset, std::size_t size) const noexcept {
        Message result{*this};
        result.data_ += offset < size_ ? offset : size_;
        const std::size_t left = offset < size_ ? size_ - offset : 0;
        result.size_ = size < left ? size : left;
        return result;
    }

private:
    friend class detail::MessageBuffer;
    friend class protocol::SealedMessage;

    Message(const std::byte* data, std::size_t size, detail::MessageBlock* block) noexcept
        : data_{data}, size_{size}, block_{block} {}

    void release() noexcept {
        if (block_ == nullptr) return;
        // The only owner needs no read-modify-write to know that it is the last.
        if (block_->references.load(std::memory_order_acquire) == 1 ||
            block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            block_->destroy(block_);
        }
    }

    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    detail::MessageBlock* block_ = nullptr;
};

static_assert(sizeof(Message) <= 24);

namespace detail {

/// A Message while it is written: grows geometrically, but never beyond `bytes_max`, and becomes
/// a Message without a copy. One allocation if the size is reserved or known.
class MessageBuffer {
public:
    explicit MessageBuffer(std::size_t bytes_max) noexcept : bytes_max_{bytes_max} {}

    MessageBuffer(MessageBuffer&& other) noexcept
        : block_{std::exchange(other.block_, nullptr)},
          size_{std::exchange(other.size_, 0)},
          capacity_{std::exchange(other.capacity_, 0)},
          bytes_max_{other.bytes_max_} {}
    MessageBuffer& operator=(MessageBuffer other) noexcept {
        std::swap(block_, other.block_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
        std::swap(bytes_max_, other.bytes_max_);
        return *this;
    }
    BRAID_API ~MessageBuffer();

    /// Makes room for `size` bytes in all, cut to the bound.
    BRAID_API void reserve(std::size_t size);

    /// Appends a copy.
    /// @returns false, and leaves the buffer as it was, if that would exceed the bound
    BRAID_API bool append(std::span<const std::byte> bytes);

    /// Appends `size` bytes for the caller to write; they are not initialised.
    /// @returns nullptr, and leaves the buffer as it was, if that would exceed the bound
    BRAID_API std::byte* extend(std::size_t size);

    /// Gives back what was extended too far; `size` is at most size().
    void truncate(std::size_t size) noexcept { size_ = size < size_ ? size : size_; }

    BRAID_API std::span<std::byte> bytes() noexcept;
    std::size_t size() const noexcept { return size_; }
    std::size_t bytes_max() const noexcept { return bytes_max_; }

    /// The Message of what was appended; the buffer is empty afterwards.
    BRAID_API Message freeze() && noexcept;

private:
    bool make_room(std::size_t size);
    void reallocate(std::size_t capacity);

    void* block_ = nullptr;  // room for a MessageBlock, then the bytes
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    std::size_t bytes_max_;
};

}  // namespace detail
}  // namespace braid
