#include "runtime/stream.hpp"

#include "protocol/envelope.hpp"
#include "protocol/sealed_message.hpp"
#include "runtime/cork.hpp"
#include "runtime/participant.hpp"
#include "transport/strand_executor.hpp"

#include <braid/error.hpp>

#include <asio/associated_allocator.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

namespace braid::runtime {

namespace {

// A stream that always has a message would keep its thread from everything else.
constexpr unsigned ready_in_a_row_max = 128;

/// Memory to seal small messages in.
std::span<std::byte> scratch(std::size_t bytes) {
    thread_local std::vector<std::byte> memory;
    if (memory.size() < bytes) memory.resize(bytes);
    return {memory.data(), bytes};
}

std::size_t longest_message(std::size_t limit, const protocol::Stream& stream) noexcept {
    return is_guaranteed(stream.inbound.delivery())
               ? limit
               : std::min(limit, protocol::lossy_message_bytes_max);
}

/// What is left of a coroutine's handler when its executor is known already.
template <typename Handler>
struct Continuation {
    using allocator_type = asio::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept {
        return asio::get_associated_allocator(handler);
    }
    void operator()() { std::move(handler)(); }

    Handler handler;
};

struct StartGivingWay {
    template <typename Handler>
    void operator()(Handler handler) const {
        const asio::any_io_executor executor{asio::get_associated_executor(handler)};
        transport::post_to(executor, Continuation<Handler>{std::move(handler)});
    }
};

/// As asio::post(), without what that allocates.
asio::awaitable<void> give_way() {
    return asio::async_initiate<const asio::use_awaitable_t<>, void()>(StartGivingWay{},
                                                                       asio::use_awaitable);
}

}  // namespace

/// Says, for as long as it lives, that a consumer waits.
class Stream::Waiting {
public:
    explicit Waiting(std::atomic<bool>& waiting) noexcept : waiting_{waiting} {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { waiting_.store(false); }

private:
    std::atomic<bool>& waiting_;
};

/// Ends the wait of one consumer at a deadline.
class Stream::Timeout final : public Alarmed, public std::enable_shared_from_this<Timeout> {
public:
    Timeout(std::shared_ptr<Stream> stream, std::shared_ptr<Timers> timers)
        : stream_{std::move(stream)}, timers_{std::move(timers)} {}
    ~Timeout() { timers_->remove(entry_); }

    void start(protocol::Time at) {
        entry_.set_target(weak_from_this());
        timers_->arm(entry_, at);
    }

private:
    void alarm() noexcept override { stream_->arrivals_.notify(); }

    std::shared_ptr<Stream> stream_;
    std::shared_ptr<Timers> timers_;
    Timers::Entry entry_;
};

Stream::Stream(std::shared_ptr<Participant> participant, protocol::Stream& stream,
               const Limits& limits, const protocol::LinkTraits& traits)
    : participant_{std::move(participant)},
      id_{stream.id},
      options_{stream.options},
      lossy_inbox_max_{is_guaranteed(stream.inbound.delivery()) ? static_cast<std::size_t>(-1)
                                                                : limits.lossy_receive_queue_bytes},
      report_bytes_{limits.stream_receive_window_bytes / 4},
      message_bytes_max_{longest_message(participant_->intake().message_bytes_max(), stream)},
      envelope_{protocol::has_envelope(options_.promises)},
      checksum_{!traits.intact && covers(options_.promises, Promises::consistency)},
      compress_{!traits.in_memory && covers(options_.promises, Promises::compressed)},
      bare_{traits.in_memory},
      attached_{&stream} {
    side_.lossy = !is_guaranteed(stream.inbound.delivery());
    stream.owner = this;
}

Stream::~Stream() = default;

std::error_code Stream::send_packed(std::span<std::byte> payload, MessageId* id) {
    if (payload.size() > message_bytes_max_) return errc::message_too_large;
    if (compress_ && payload.size() >= protocol::compressed_bytes_min) {
        return send_compressed(payload, id);
    }
    if (!envelope_) return append_message(payload, id);
    protocol::seal_in_place(payload, checksum_);
    const auto head = protocol::plain_envelope_bytes(checksum_);
    const std::span sealed{payload.data() - head, payload.size() + head};
    return append_message(sealed, id);
}

std::error_code Stream::send(std::span<const std::byte> payload, MessageId* id) {
    if (payload.size() > message_bytes_max_) return errc::message_too_large;
    if (compress_ && payload.size() >= protocol::compressed_bytes_min) {
        return send_compressed(payload, id);
    }
    if (payload.size() >= detail::large_bytes_min) return send(Message{payload}, id);
    if (!envelope_) return append_message(payload, id);
    const auto memory = scratch(detail::envelope_room + payload.size());
    const auto copy = memory.subspan(detail::envelope_room);
    if (!payload.empty()) std::memcpy(copy.data(), payload.data(), payload.size());
    return send_packed(copy, id);
}

std::error_code Stream::send(const Message& message, MessageId* id) {
    if (message.size() > message_bytes_max_) return errc::message_too_large;
    const bool large = message.size() >= detail::large_bytes_min;
    auto sealed = message.bytes();
    if (envelope_ && !(bare_ && large)) {
        const protocol::Sealing wanted{compress_, checksum_};
        sealed = protocol::SealedMessage::find(message, options_.promises, wanted);
        if (sealed.empty()) return send(message.bytes(), id);
    }
    if (bare_ ? !large : sealed.size() < detail::large_bytes_min) {
        return append_message(sealed, id);
    }
    return append_large(protocol::SealedMessage::share(message, sealed), id);
}

// Compressed, or at least tried.
std::error_code Stream::send_compressed(std::span<const std::byte> payload, MessageId* id) {
    const protocol::Sealing sealing{true, checksum_};
    const auto bytes_max = protocol::sealed_bytes_max(payload.size());
    if (bytes_max < detail::large_bytes_min) {
        std::byte memory[detail::large_bytes_min];
        const auto size = protocol::seal(payload, sealing, memory);
        return append_message({memory, size}, id);
    }
    detail::MessageBuffer buffer{bytes_max};
    buffer.extend(bytes_max);
    const auto size = protocol::seal(payload, sealing, buffer.bytes());
    buffer.truncate(size);
    if (size < detail::large_bytes_min) {
        return append_message(buffer.bytes(), id);
    }
    return append_large(std::move(buffer).freeze(), id);
}

std::error_code Stream::append_message(std::span<const std::byte> sealed, MessageId* id) {
    const auto result = participant_->intake().send(*this, side_, {}, sealed, id != nullptr);
    if (id != nullptr && !result.error) *id = MessageId{result.number};
    return appended(result);
}

std::error_code Stream::append_large(Message sealed, MessageId* id) {
    const auto result =
        participant_->intake().send_large(*this, side_, std::move(sealed), id != nullptr);
    if (id != nullptr && !result.error) *id = MessageId{result.number};
    return appended(result);
}

bool Stream::take_receipt(MessageId& id) noexcept {
    const std::lock_guard lock{receipts_lock_};
    if (receipts_.empty()) return false;
    id = MessageId{receipts_.front()};
    receipts_.pop_front();
    return true;
}

std::error_code Stream::appended(Intake::Appended appended) {
    if (appended.flush && !HeldFlushes::of_this_thread().take(participant_)) {
        participant_->post_flush();
    }
    return appended.error;
}

void Stream::finish() {
    appended(
        participant_->intake().close(*this, side_, Intake::Kind::finish, 0, errc::stream_closed));
}

void Stream::reset(std::uint64_t code) {
    appended(
        participant_->intake().close(*this, side_, Intake::Kind::reset, code, errc::stream_closed));
    end_receiving(errc::stream_closed);
}

void Stream::release() noexcept {
    if (handle_gone_.exchange(true)) return;
    appended(
        participant_->intake().close(*this, side_, Intake::Kind::release, 0, errc::stream_closed));
    end_receiving(errc::stream_closed);
    send_changes_.notify();
}

asio::awaitable<void> Stream::writable(std::shared_ptr<Stream> self, std::size_t below) {
    auto& intake = self->participant_->intake();
    for (;;) {
        const auto ticket = self->send_changes_.ticket();
        std::error_code error;
        if (intake.writable(self->side_, below, error)) co_return;
        if (error) throw StreamError{error};
        co_await self->send_changes_.wait(ticket, self);
    }
}

asio::awaitable<void> Stream::drained(std::shared_ptr<Stream> self) {
    auto& intake = self->participant_->intake();
    for (;;) {
        const auto ticket = self->send_changes_.ticket();
        const bool empty = intake.queued(self->side_) == 0;
        if (empty && !self->gave_up_) co_return;
        if (const auto error = empty ? intake.closed(self->side_) : intake.closed()) {
            throw StreamError{error};
        }
        if (self->handle_gone_) throw StreamError{errc::stream_closed};
        self->appended(intake.append(*self, Intake::Kind::confirm));
        co_await self->send_changes_.wait(ticket, self);
    }
}

bool Stream::ready() {
    if (waiting_.load(std::memory_order_relaxed)) return false;
    if (taken_.empty() && !refill()) return false;
    if (++ready_in_a_row_ < ready_in_a_row_max) return true;
    ready_in_a_row_ = 0;
    return false;
}

// True if there is a message or the end.
bool Stream::refill() noexcept {
    const std::lock_guard lock{inbox_lock_};
    taken_.swap(incoming_);
    return !taken_.empty() || ended_;
}

Stream::Arrival Stream::look(detail::Arrived& arrived) {
    protocol::MessageQueue::Front front;
    if (!taken_.front(front)) {
        if (!refill()) return Arrival::nothing;
        if (!taken_.front(front)) return Arrival::ended;
    }
    arrived.number = MessageId{front.number};
    arrived.bytes = front.bytes;
    arrived.at = std::chrono::steady_clock::time_point{
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(
            front.arrived.time_since_epoch())};
    arrived.large = front.large;
    front_charge_ = front.charge;
    return Arrival::message;
}

std::optional<std::uint64_t> Stream::close_code() const noexcept {
    const std::lock_guard lock{inbox_lock_};
    return close_code_;
}

std::error_code Stream::end() const noexcept {
    const std::lock_guard lock{inbox_lock_};
    return end_;
}

void Stream::taken() {
    taken_.pop();
    if (front_charge_ == 0) return;
    unreported_ += front_charge_;
    consumed_.store(consumed_.load(std::memory_order_relaxed) + front_charge_,
                    std::memory_order_release);
    if (unreported_ >= report_bytes_) return report_consumed();
    // There may be no next recv() that says what the last ones took.
    if (report_wanted_.load(std::memory_order_relaxed) && taken_.empty() && nothing_came()) {
        report_if_wanted();
    }
}

bool Stream::nothing_came() const noexcept {
    const std::lock_guard lock{inbox_lock_};
    return incoming_.empty();
}

void Stream::report_consumed() {
    if (std::exchange(unreported_, 0) == 0) return;
    appended(participant_->intake().append(*this, Intake::Kind::consumed));
}

// Telling costs the strand a turn: below a quarter of the window it is done only if the peer waits.
void Stream::report_if_wanted() {
    if (report_wanted_.load(std::memory_order_relaxed) && report_wanted_.exchange(false)) {
        report_consumed();
    }
}

asio::awaitable<void> Stream::wait(std::shared_ptr<Stream> self, protocol::Duration at_most) {
    if (self->waiting_.exchange(true)) throw StreamError{errc::recv_pending};
    const Waiting waiting{self->waiting_};
    if (!self->taken_.empty() || self->refill()) {
        co_await give_way();
        co_return;
    }
    self->report_if_wanted();
    self->ready_in_a_row_ = 0;
    std::shared_ptr<Timeout> timeout;
    auto until = protocol::never;
    const auto& environment = self->participant_->environment();
    if (at_most != protocol::Duration::max()) {
        until = protocol::after(environment.clock->now(), at_most);
        timeout = std::make_shared<Timeout>(self, environment.timers);
        timeout->start(until);
    }
    for (;;) {
        const auto ticket = self->arrivals_.ticket();
        if (self->refill()) co_return;
        if (timeout != nullptr && environment.clock->now() >= until) co_return;
        co_await self->arrivals_.wait(ticket, self);
    }
}

void Stream::attach() { self_ = shared_from_this(); }

void Stream::detach() noexcept {
    attached_ = nullptr;
    self_.reset();
}

void Stream::deliver(protocol::MessageQueue& delivered, protocol::Time now, Woken& woken) {
    if (delivered.empty()) return;
    std::uint64_t dropped = 0;
    {
        const std::lock_guard lock{inbox_lock_};
        if (ended_) return;
        incoming_.append(delivered, now);
        const auto held = [&] {
            return incoming_.payload_bytes() + incoming_.size() * Intake::message_charge;
        };
        while (lossy_inbox_max_ != static_cast<std::size_t>(-1) && incoming_.size() > 1 &&
               held() > lossy_inbox_max_) {
            incoming_.pop();
            ++dropped;
        }
    }
    if (dropped > 0) participant_->count_dropped(0, dropped);
    arrivals_.notify(woken);
}

void Stream::end_receiving(std::error_code reason) {
    {
        const std::lock_guard lock{inbox_lock_};
        if (ended_) return;
        ended_ = true;
        end_ = reason;
    }
    arrivals_.notify();
}

void Stream::close_sending(std::error_code reason) {
    participant_->intake().close(side_, reason);
    send_changes_.notify();
}

void Stream::settle_sent() {
    auto& outbound = attached_->outbound;
    if (auto* const receipts = outbound.receipts()) {
        const std::lock_guard lock{receipts_lock_};
        receipts->take(receipts_);
    }
    const auto left = outbound.counters().messages_enqueued - outbound.messages_queued();
    const auto messages = left - std::exchange(messages_settled_, left);
    const auto charge = outbound.take_freed_bytes() + messages * Intake::message_charge;
    if (charge == 0) return;
    const auto& counters = outbound.counters();
    if (const auto dropped = counters.messages_dropped - drops_counted_) {
        drops_counted_ += dropped;
        participant_->count_dropped(dropped, 0);
    }
    if (!side_.lossy && outbound.settled() &&
        counters.messages_confirmed != counters.messages_enqueued) {
        gave_up_ = true;
    }
    participant_->intake().settle(side_, charge);
    send_changes_.notify();
}

void Stream::drop_unsent(std::size_t bytes) {
    if (!side_.lossy) gave_up_ = true;
    participant_->intake().settle(side_, bytes + Intake::message_charge);
    send_changes_.notify();
}

void Stream::note_close_code(std::uint64_t code) noexcept {
    const std::lock_guard lock{inbox_lock_};
    close_code_ = code;
}

std::uint64_t Stream::take_consumed() noexcept {
    const auto consumed = consumed_.load(std::memory_order_acquire);
    return consumed - std::exchange(consumed_reported_, consumed);
}

}  // namespace braid::runtime
