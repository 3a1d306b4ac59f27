#pragma once

#include "protocol/link.hpp"
#include "protocol/message_queue.hpp"
#include "protocol/stream.hpp"
#include "runtime/intake.hpp"
#include "runtime/spin_lock.hpp"
#include "runtime/timers.hpp"
#include "runtime/wait_list.hpp"

#include <braid/id.hpp>
#include <braid/limits.hpp>
#include <braid/message.hpp>
#include <braid/recv_operation.hpp>
#include <braid/stream_options.hpp>

#include <asio/awaitable.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <system_error>

namespace braid::runtime {

class Participant;

/// A stream between the application's threads and its participant's strand.
class Stream final : public std::enable_shared_from_this<Stream> {
public:
    using Arrival = detail::Arrival;

    /// @param traits of the way on which it begins
    Stream(std::shared_ptr<Participant> participant, protocol::Stream& stream, const Limits& limits,
           const protocol::LinkTraits& traits);
    ~Stream();

    StreamId id() const noexcept { return id_; }
    const StreamOptions& options() const noexcept { return options_; }

    // Sending. Any thread.

    /// Queues a message whose bytes may be written to, as may the detail::envelope_room in front.
    /// With `id`, take_receipt() will tell when it is delivered.
    std::error_code send_packed(std::span<std::byte> payload, MessageId* id = nullptr);
    std::error_code send(std::span<const std::byte> payload, MessageId* id = nullptr);
    std::error_code send(const Message& message, MessageId* id = nullptr);

    bool take_receipt(MessageId& id) noexcept;

    void finish();
    void reset(std::uint64_t code);
    /// The application has no handle any more.
    void release() noexcept;

    /// Waits until less than `below` bytes are queued (0: nothing is).
    static asio::awaitable<void> writable(std::shared_ptr<Stream> self, std::size_t below);
    static asio::awaitable<void> drained(std::shared_ptr<Stream> self);

    // Receiving: one consumer at a time, any thread.

    /// False if the caller shall wait(), be it only to give way.
    bool ready();
    /// What is there now.
    Arrival look(detail::Arrived& arrived);
    /// Why nothing more arrives; no error after a clean end. After look() said `ended`.
    std::error_code end() const noexcept;
    /// What the peer said when it reset or refused the stream.
    std::optional<std::uint64_t> close_code() const noexcept;
    /// Removes the message that look() found.
    void taken();
    /// A consumer that found nothing does not wait; what it took is reported.
    void turned_away() { report_if_wanted(); }

    /// Waits until ready(), or until the deadline.
    /// @throws std::system_error (operation_aborted) if cancelled, StreamError (errc::recv_pending)
    static asio::awaitable<void> wait(std::shared_ptr<Stream> self,
                                      protocol::Duration at_most = protocol::Duration::max());

    // On the participant's strand.

    /// Null once the mux has forgotten the stream or will.
    protocol::Stream* attached() const noexcept { return attached_; }
    bool releasing() const noexcept { return releasing_; }
    void set_releasing() noexcept { releasing_ = true; }

    /// Lives until detached, whatever becomes of the handle.
    void attach();
    void detach() noexcept;

    /// Takes over what was delivered and came at `now`.
    void deliver(protocol::MessageQueue& delivered, protocol::Time now, Woken& woken);
    void end_receiving(std::error_code reason);
    void close_sending(std::error_code reason);
    void note_close_code(std::uint64_t code) noexcept;
    /// The peer has no credit left and waits for what the consumer takes.
    void want_report() noexcept { report_wanted_.store(true, std::memory_order_relaxed); }
    /// There may be room to send.
    void wake_senders() { send_changes_.notify(); }
    /// Gives back the room in the queues of messages that are through.
    void settle_sent();
    /// Room of a message that will not even be tried.
    void drop_unsent(std::size_t bytes);
    /// What the application took since the last call, in credit.
    std::uint64_t take_consumed() noexcept;

private:
    class Timeout;
    class Waiting;

    std::error_code appended(Intake::Appended appended);
    std::error_code send_compressed(std::span<const std::byte> payload, MessageId* id);
    std::error_code append_message(std::span<const std::byte> sealed, MessageId* id);
    std::error_code append_large(Message sealed, MessageId* id);
    bool refill() noexcept;
    bool nothing_came() const noexcept;
    void report_consumed();
    void report_if_wanted();

    const std::shared_ptr<Participant> participant_;
    const StreamId id_;
    const StreamOptions options_;
    const std::size_t lossy_inbox_max_;
    const std::size_t report_bytes_;
    const std::size_t message_bytes_max_;
    const bool envelope_;
    const bool checksum_;
    const bool compress_;
    const bool bare_;  // large messages have no envelope

    SendSide side_;  // under the intake's lock
    WaitList send_changes_;
    std::atomic<bool> gave_up_{false};  // messages with guarantee that will not be delivered
    SpinLock receipts_lock_;
    protocol::Ring<std::uint64_t> receipts_;

    // What arrived, from strand to consumer.
    mutable SpinLock inbox_lock_;
    bool ended_ = false;
    std::error_code end_;
    std::optional<std::uint64_t> close_code_;
    protocol::MessageQueue incoming_;
    WaitList arrivals_;

    // The consumer's own.
    protocol::MessageQueue taken_;
    std::size_t front_charge_ = 0;
    unsigned ready_in_a_row_ = 0;
    std::size_t unreported_ = 0;
    std::atomic<std::uint64_t> consumed_{0};
    std::atomic<bool> report_wanted_{false};
    std::atomic<bool> waiting_{false};
    std::atomic<bool> handle_gone_{false};

    // The strand's own.
    protocol::Stream* attached_;
    std::shared_ptr<Stream> self_;
    bool releasing_ = false;
    std::uint64_t consumed_reported_ = 0;
    std::uint64_t messages_settled_ = 0;
    std::uint64_t drops_counted_ = 0;
};

}  // namespace braid::runtime
