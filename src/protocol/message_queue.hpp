#pragma once

#include "protocol/ring.hpp"
#include "protocol/time.hpp"

#include <braid/message.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace braid::protocol {

/// Messages that were received and wait for the application: small ones as records in one byte
/// array, large ones by reference. When they came is marked once for each batch. Not thread-safe.
class MessageQueue {
public:
    /// From this size on a message is a Message of its own, not a record.
    static constexpr std::size_t large_bytes_min = 16u << 10;

    struct Front {
        std::uint64_t number = 0;
        std::size_t charge = 0;            ///< credit that comes back when it is taken
        Time arrived{};                    ///< as append() was told
        std::span<const std::byte> bytes;  ///< valid until the queue changes
        Message* large = nullptr;          ///< owns `bytes` if not null; may be moved from
    };

    MessageQueue() = default;
    MessageQueue(MessageQueue&& other) noexcept { swap(other); }
    MessageQueue& operator=(MessageQueue&& other) noexcept {
        swap(other);
        return *this;
    }

    void swap(MessageQueue& other) noexcept {
        std::swap(buffer_, other.buffer_);
        std::swap(begin_, other.begin_);
        std::swap(end_, other.end_);
        std::swap(capacity_, other.capacity_);
        std::swap(count_, other.count_);
        std::swap(payload_bytes_, other.payload_bytes_);
        std::swap(arrived_, other.arrived_);
        std::swap(newest_, other.newest_);
        std::swap(large_, other.large_);
    }

    bool empty() const noexcept { return count_ == 0; }
    std::size_t size() const noexcept { return count_; }

    /// Bytes of all messages in it.
    std::size_t payload_bytes() const noexcept { return payload_bytes_; }

    void push(std::uint64_t number, std::size_t charge, std::span<const std::byte> bytes) {
        auto* const to = extend(number, charge, bytes.size());
        if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    }

    void push(std::uint64_t number, std::size_t charge, Message message) {
        if (message.size() < large_bytes_min) return push(number, charge, message.bytes());
        const auto size = static_cast<std::uint64_t>(message.size());
        payload_bytes_ += size;
        auto* const to =
            append(Record{large_mark, static_cast<std::uint32_t>(charge), number}, sizeof size);
        std::memcpy(to, &size, sizeof size);
        large_.push_back(std::move(message));
    }

    /// @returns false if the queue is empty
    bool front(Front& out) noexcept {
        if (count_ == 0) return false;
        Record record;
        std::memcpy(&record, buffer_.get() + begin_, sizeof record);
        out.number = record.number;
        out.arrived = arrived_;
        out.charge = record.charge;
        if (record.bytes == large_mark) {
            out.large = &large_.front();
            out.bytes = large_.front().bytes();
        } else {
            out.large = nullptr;
            out.bytes = {buffer_.get() + begin_ + sizeof record, record.bytes};
        }
        return true;
    }

    /// Removes the front, whether or not its Message was moved away.
    void pop() noexcept {
        Record record;
        std::memcpy(&record, buffer_.get() + begin_, sizeof record);
        begin_ += sizeof record;
        if (record.bytes == large_mark) {
            large_.pop_front();
            std::uint64_t size = 0;
            std::memcpy(&size, buffer_.get() + begin_, sizeof size);
            begin_ += sizeof size;
            payload_bytes_ -= size;
        } else {
            begin_ += padded(record.bytes);
            payload_bytes_ -= record.bytes;
        }
        if (--count_ == 0) {
            begin_ = end_ = payload_bytes_ = 0;
        } else {
            pass_mark();
        }
    }

    /// Moves all of `other`, which came at `arrived`, behind what is here.
    void append(MessageQueue& other, Time arrived) {
        if (other.empty()) return;
        if (empty()) {
            swap(other);
            arrived_ = newest_ = arrived;
            return;
        }
        mark(arrived);
        const auto bytes = other.end_ - other.begin_;
        make_room(bytes);
        std::memcpy(buffer_.get() + end_, other.buffer_.get() + other.begin_, bytes);
        end_ += bytes;
        count_ += other.count_;
        payload_bytes_ += other.payload_bytes_;
        while (!other.large_.empty()) {
            large_.push_back(std::move(other.large_.front()));
            other.large_.pop_front();
        }
        other.begin_ = other.end_ = other.count_ = other.payload_bytes_ = 0;
    }

    /// Gives memory back if the queue is empty and holds more than a little.
    void shrink() noexcept {
        if (count_ != 0 || capacity_ <= capacity_kept) return;
        buffer_.reset();
        capacity_ = begin_ = end_ = 0;
    }

private:
    struct Record {
        std::uint32_t bytes;
        std::uint32_t charge;
        std::uint64_t number;
    };

    static constexpr std::uint32_t large_mark = 0xffff'ffff;
    static constexpr std::uint32_t time_mark = 0xffff'fffe;  // number: when what follows came
    static constexpr std::size_t capacity_kept = 4096;

    static constexpr std::size_t padded(std::size_t bytes) noexcept { return (bytes + 7) & ~7u; }

    void mark(Time arrived) {
        if (std::exchange(newest_, arrived) == arrived) return;
        append(Record{time_mark, 0, static_cast<std::uint64_t>(arrived.time_since_epoch().count())},
               0);
        --count_;
    }

    // A mark has a message behind it.
    void pass_mark() noexcept {
        Record record;
        std::memcpy(&record, buffer_.get() + begin_, sizeof record);
        if (record.bytes != time_mark) return;
        arrived_ = Time{Duration{static_cast<Duration::rep>(record.number)}};
        begin_ += sizeof record;
    }

    std::byte* extend(std::uint64_t number, std::size_t charge, std::size_t bytes) {
        payload_bytes_ += bytes;
        return append(
            Record{static_cast<std::uint32_t>(bytes), static_cast<std::uint32_t>(charge), number},
            padded(bytes));
    }

    std::byte* append(const Record& record, std::size_t bytes) {
        if (capacity_ - end_ < sizeof record + bytes) make_room(sizeof record + bytes);
        auto* const at = buffer_.get() + end_;
        std::memcpy(at, &record, sizeof record);
        end_ += sizeof record + bytes;
        ++count_;
        return at + sizeof record;
    }

    void make_room(std::size_t bytes) {
        const auto used = end_ - begin_;
        if (capacity_ - end_ >= bytes) return;
        if (capacity_ - used >= bytes && begin_ >= capacity_ / 2) {
            std::memmove(buffer_.get(), buffer_.get() + begin_, used);
        } else {
            const auto capacity = std::max(std::max(capacity_ * 2, used + bytes), std::size_t{256});
            auto buffer = std::make_unique_for_overwrite<std::byte[]>(capacity);
            if (used != 0) std::memcpy(buffer.get(), buffer_.get() + begin_, used);
            buffer_ = std::move(buffer);
            capacity_ = capacity;
        }
        begin_ = 0;
        end_ = used;
    }

    std::unique_ptr<std::byte[]> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t capacity_ = 0;
    std::size_t count_ = 0;
    std::size_t payload_bytes_ = 0;
    Time arrived_{};  // the front
    Time newest_{};   // the back
    Ring<Message> large_;
};

}  // namespace braid::protocol
