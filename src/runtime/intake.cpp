#include "runtime/intake.hpp"

#include <braid/error.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

namespace braid::runtime {

namespace {

// Records and their parts are cut so that the log has no alignment to keep but this.
constexpr std::size_t code_bytes = sizeof(std::uint64_t);

// A message larger than a whole queue may go when it is alone.
bool fits(std::size_t needed, std::size_t queued, std::size_t max) noexcept {
    return queued == 0 || (queued < max && needed <= max - queued);
}

protocol::Block* make_large_block(Message message) {
    auto* const block = new protocol::Block;
    // Nobody writes through it: the mux only reads what it sends.
    block->data = const_cast<std::byte*>(message.bytes().data());
    block->capacity = static_cast<std::uint32_t>(message.size());
    block->message = std::move(message);
    block->recycle = [](protocol::Block& large) { delete &large; };
    return block;
}

template <typename T>
std::span<const std::byte> bytes_of(const T& value) noexcept {
    return std::as_bytes(std::span{&value, 1});
}

}  // namespace

Intake::Intake(std::shared_ptr<BlockPool> pool, const Limits& limits, std::size_t message_bytes_max)
    : pool_{std::move(pool)},
      stream_queue_max_{limits.stream_send_queue_bytes},
      participant_queue_max_{limits.participant_send_queue_bytes},
      message_bytes_max_{message_bytes_max} {}

Intake::~Intake() {
    // What was appended and never flushed.
    flush([](const Record& record) {
        if (record.kind == Kind::large) protocol::BlockReference{*record.block};
    });
    if (current_ != nullptr) pool_->give_back(current_);
}

Intake::Appended Intake::send(Stream& stream, SendSide& side, std::span<const std::byte> head,
                              std::span<const std::byte> payload, bool receipt) {
    const auto bytes = head.size() + payload.size();
    const std::unique_lock lock{lock_};
    if (const auto error = check(side, bytes)) return {error, false};
    make_room(bytes);
    side.queued += bytes + message_charge;
    queued_ += bytes + message_charge;
    auto appended =
        write({&stream, static_cast<std::uint32_t>(bytes), Kind::message, receipt}, head, payload);
    appended.number = side.accepted++;
    return appended;
}

Intake::Appended Intake::send_large(Stream& stream, SendSide& side, Message message, bool receipt) {
    const auto bytes = message.size();
    auto* const block = make_large_block(std::move(message));
    Appended appended;
    {
        const std::lock_guard lock{lock_};
        appended.error = check(side, bytes);
        if (!appended.error) {
            make_room(sizeof block);
            side.queued += bytes + message_charge;
            queued_ += bytes + message_charge;
            appended = write({&stream, static_cast<std::uint32_t>(bytes), Kind::large, receipt},
                             bytes_of(block), {});
            appended.number = side.accepted++;
        }
    }
    if (appended.error) protocol::BlockReference{*block};
    return appended;
}

Intake::Appended Intake::append(Stream& stream, Kind kind, std::uint64_t code) {
    const std::lock_guard lock{lock_};
    if (ended_) return {closed_, false};
    make_room(code_bytes);
    return write({&stream, code_bytes, kind}, bytes_of(code), {});
}

Intake::Appended Intake::close(Stream& stream, SendSide& side, Kind kind, std::uint64_t code,
                               std::error_code reason) {
    const std::lock_guard lock{lock_};
    if (!side.closed) side.closed = reason;
    if (ended_) return {closed_, false};
    make_room(code_bytes);
    return write({&stream, code_bytes, kind}, bytes_of(code), {});
}

void Intake::close(std::error_code reason) noexcept {
    const std::lock_guard lock{lock_};
    if (!closed_) closed_ = reason;
}

void Intake::end(std::error_code reason) noexcept {
    const std::lock_guard lock{lock_};
    if (!closed_) closed_ = reason;
    ended_ = true;
}

void Intake::close(SendSide& side, std::error_code reason) noexcept {
    const std::lock_guard lock{lock_};
    if (!side.closed) side.closed = reason;
}

std::error_code Intake::closed() const noexcept {
    const std::lock_guard lock{lock_};
    return closed_;
}

std::error_code Intake::closed(const SendSide& side) const noexcept {
    const std::lock_guard lock{lock_};
    return closed_ ? closed_ : side.closed;
}

std::size_t Intake::queued() const noexcept {
    const std::lock_guard lock{lock_};
    return queued_;
}

std::size_t Intake::queued(const SendSide& side) const noexcept {
    const std::lock_guard lock{lock_};
    return side.queued;
}

// Room for what was refused last, too: or whoever waits for room after a refusal would be refused
// again, and again, without ever waiting.
bool Intake::writable(SendSide& side, std::size_t below, std::error_code& error) noexcept {
    const std::lock_guard lock{lock_};
    error = closed_ ? closed_ : side.closed;
    if (error) return false;
    const auto needed = std::max<std::size_t>(side.refused, 1);
    if (!fits(needed, queued_, participant_queue_max_)) {
        starved_ = true;
        return false;
    }
    if (!side.lossy && !fits(needed, side.queued, stream_queue_max_)) return false;
    if (side.queued != 0 && side.queued >= below) return false;
    side.refused = 0;
    return true;
}

std::error_code Intake::check(SendSide& side, std::size_t bytes) noexcept {
    if (closed_) return closed_;
    if (side.closed) return side.closed;
    const auto needed = bytes + message_charge;
    if (!fits(needed, queued_, participant_queue_max_)) {
        starved_ = true;
        side.refused = needed;
        return errc::send_queue_full;
    }
    if (!side.lossy && !fits(needed, side.queued, stream_queue_max_)) {
        side.refused = needed;
        return errc::send_queue_full;
    }
    return {};
}

// A new block is fetched about once in a thousand messages: not worth giving the lock up for.
void Intake::make_room(std::size_t bytes) {
    const auto needed = sizeof(Header) + padded(bytes);
    if (current_ != nullptr && current_->block.capacity - current_->used >= needed) return;
    auto* const block = pool_->take(std::max(next_size_, needed));
    block->block.home = this;
    block->block.recycle = &Intake::recycle;
    if (current_ != nullptr) {
        current_->next = block;
        next_size_ = std::min(next_size_ * BlockPool::growth, BlockPool::block_bytes_max);
    } else {
        unflushed_ = block;
    }
    current_ = block;
}

Intake::Appended Intake::write(Header header, std::span<const std::byte> head,
                               std::span<const std::byte> payload) noexcept {
    auto* to = current_->block.data + current_->used;
    // The next lock would have to wait for it.
    __builtin_prefetch(to + prefetch_bytes, 1);
    std::memcpy(to, &header, sizeof header);
    to += sizeof header;
    if (!head.empty()) std::memcpy(to, head.data(), head.size());
    if (!payload.empty()) std::memcpy(to + head.size(), payload.data(), payload.size());
    const auto stored = padded(head.size() + payload.size());
    current_->used += static_cast<std::uint32_t>(sizeof header + stored);
    return {{}, !std::exchange(flush_under_way_, true)};
}

void Intake::expect_flush() noexcept {
    const std::lock_guard lock{lock_};
    flush_under_way_ = true;
}

Intake::Span Intake::begin_flush() noexcept {
    const std::lock_guard lock{lock_};
    flush_under_way_ = false;
    if (current_ == nullptr) return {nullptr, nullptr, 0};
    return {std::exchange(unflushed_, current_), current_, current_->used};
}

void Intake::end_block(IntakeBlock& block, bool last) noexcept {
    if (!last) block.retired = true;
    protocol::BlockReference::release(block.block);
}

Intake::Record Intake::next_other(IntakeBlock& block, std::uint32_t& position, const Header& header,
                                  Pieces& pieces) noexcept {
    const auto* const content = block.block.data + position + sizeof header;
    position += static_cast<std::uint32_t>(sizeof header + code_bytes);
    Record record{header.kind, header.receipt, header.stream, &block.block, {}, 0};
    if (header.kind == Kind::large) {
        static_assert(sizeof record.block == code_bytes);
        std::memcpy(&record.block, content, sizeof record.block);
        pieces[0] = {0, header.bytes};
        record.messages = std::span{pieces}.first(1);
    } else {
        std::memcpy(&record.code, content, sizeof record.code);
    }
    return record;
}

// The last message in the block is through, or the flush that held it.
void Intake::recycle(protocol::Block& block) {
    static_assert(offsetof(IntakeBlock, block) == 0);
    auto& recycled = reinterpret_cast<IntakeBlock&>(block);
    auto& intake = *static_cast<Intake*>(block.home);
    if (recycled.retired) return intake.pool_->give_back(&recycled);
    const std::lock_guard lock{intake.lock_};
    if (intake.current_ == &recycled && recycled.used == recycled.flushed) {
        recycled.used = recycled.flushed = 0;
    }
}

void Intake::settle(SendSide& side, std::size_t charge) noexcept {
    const std::lock_guard lock{lock_};
    side.queued -= charge;
    queued_ -= charge;
}

bool Intake::take_relieved() noexcept {
    const std::lock_guard lock{lock_};
    if (!starved_ || queued_ >= participant_queue_max_ - participant_queue_max_ / 4) return false;
    starved_ = false;
    return true;
}

void Intake::rest() noexcept {
    IntakeBlock* unused = nullptr;
    {
        const std::lock_guard lock{lock_};
        if (current_ == nullptr || unflushed_ != current_ || current_->used != 0 ||
            current_->block.references != 0) {
            return;
        }
        unused = std::exchange(current_, nullptr);
        unflushed_ = nullptr;
        next_size_ = BlockPool::block_bytes_min;
    }
    pool_->give_back(unused);
}

}  // namespace braid::runtime
