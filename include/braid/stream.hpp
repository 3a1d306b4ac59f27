#pragma once

#include <braid/error.hpp>
#include <braid/export.hpp>
#include <braid/id.hpp>
#include <braid/message.hpp>
#include <braid/recv_operation.hpp>
#include <braid/serialize.hpp>
#include <braid/stream_options.hpp>

#include <asio/awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

namespace braid {

namespace detail {

BRAID_API std::error_code send_packed(runtime::Stream& stream, std::span<std::byte> payload,
                                      MessageId* id);
BRAID_API std::error_code send_large(runtime::Stream& stream, const Message& message,
                                     MessageId* id);
/// Memory of the calling thread, good until it asks again.
BRAID_API std::span<std::byte> scratch(std::size_t bytes);
BRAID_API void turned_away(runtime::Stream& stream);
BRAID_API asio::awaitable<void> wait_for(std::shared_ptr<runtime::Stream> stream,
                                         std::chrono::nanoseconds at_most);

template <typename T>
std::error_code send_value(runtime::Stream& stream, const T& value, MessageId* id);
template <typename T>
std::error_code send_long(runtime::Stream& stream, const T& value, std::size_t size, MessageId* id);
template <typename T>
asio::awaitable<std::optional<T>> receive_for(std::shared_ptr<runtime::Stream> stream,
                                              std::chrono::nanoseconds at_most);

}  // namespace detail

/// What Stream::try_recv() found.
enum class RecvStatus : std::uint8_t {
    ok,
    empty,      ///< nothing has arrived
    closed,     ///< nothing will arrive any more
    malformed,  ///< the message was no T, and is gone
};

/// What Stream::try_recv() can tell of a message besides its content.
struct RecvInfo {
    /// When the bytes that completed it were read, not when it was taken.
    std::chrono::steady_clock::time_point arrived;

    /// Guaranteed streams: how many the peer sent before it. Streams that promise order only: how
    /// many before it the peer gave to the link, so that gaps are losses on the way. Streams that
    /// promise neither: how many arrived before it.
    MessageId number{};
};

/// A two-way lane for messages to one participant. Move-only; destroying it finishes it after what
/// was queued, and throws away what has not been received.
///
/// Any thread may call; one coroutine or thread at a time may receive.
class Stream {
public:
    BRAID_API explicit Stream(std::shared_ptr<runtime::Stream> core) noexcept;
    Stream(Stream&&) noexcept = default;
    BRAID_API Stream& operator=(Stream&& other) noexcept;
    BRAID_API ~Stream();

    /// The same on both ends.
    BRAID_API StreamId id() const noexcept;
    BRAID_API const StreamOptions& options() const noexcept;

    /// Queues a message and returns at once.
    /// @throws StreamError (errc::send_queue_full, errc::message_too_large, or why the stream is
    ///         closed)
    template <typename T>
    void send(const T& value) {
        if (const auto error = try_send(value)) throw StreamError{error};
    }

    /// The same, but errors are returned. A Message or a span of bytes is sent as it is, anything
    /// else is packed (<braid/serialize.hpp>).
    template <typename T>
    std::error_code try_send(const T& value) {
        return detail::send_value(*core_, value, nullptr);
    }
    BRAID_API std::error_code try_send(const Message& message);
    BRAID_API std::error_code try_send(std::span<const std::byte> bytes);
    std::error_code try_send(std::span<std::byte> bytes) {
        return try_send(std::span<const std::byte>{bytes});
    }

    /// The same, and try_receipt() will tell when it is delivered.
    /// @param id set to how many messages this end has sent on the stream before it, in whatever
    ///        way: those that were refused with an error do not count, those that are dropped do.
    ///        On guaranteed streams, RecvInfo::number at the peer
    template <typename T>
    std::error_code try_send(const T& value, MessageId& id) {
        return detail::send_value(*core_, value, &id);
    }
    BRAID_API std::error_code try_send(const Message& message, MessageId& id);
    BRAID_API std::error_code try_send(std::span<const std::byte> bytes, MessageId& id);
    std::error_code try_send(std::span<std::byte> bytes, MessageId& id) {
        return try_send(std::span<const std::byte>{bytes}, id);
    }

    /// Takes the id of one more message that the peer has, of those sent with one; false if there
    /// is none now. The newest 4,096 that nobody took are kept.
    ///
    /// "Has" means: it waits there for the application to take it, or has been taken. What is said
    /// to be delivered is, but what may be lost may be delivered and never said to be: of messages
    /// that promise order only, when a newer one was acknowledged with it, or parts of long ones
    /// crossed. It takes a round trip, and on links that lose nothing up to 50 ms more.
    BRAID_API bool try_receipt(MessageId& delivered);

    /// `co_await` gives the next message; recv<Message>() gives its bytes. Cancelling the wait
    /// loses none. The result can be awaited only where it stands: see as_awaitable().
    /// @throws StreamError (errc::stream_closed after a clean end or why the stream ended, once all
    ///         that arrived was taken; errc::message_malformed; errc::recv_pending)
    template <typename T>
    RecvOperation<T> recv();

    /// The same for loops: `while (auto message = co_await stream.next<T>())`. Empty after a clean
    /// end.
    template <typename T>
    NextOperation<T> next();

    /// Takes the next message if one is there.
    /// @param info filled in unless null, for a malformed message, too
    template <typename T>
    RecvStatus try_recv(T& value, RecvInfo* info = nullptr);

    /// The next message, or nothing if none comes in time. A duration of nanoseconds or coarser.
    /// @throws StreamError as recv()
    template <typename T>
    asio::awaitable<std::optional<T>> recv_for(std::chrono::nanoseconds at_most) {
        return detail::receive_for<T>(core_, at_most);
    }

    /// Waits until less than `below_bytes` of this stream are queued (each message counts for 32
    /// bytes on top of its own) and the participant's queue has room.
    /// @throws StreamError (why the stream is closed)
    BRAID_API asio::awaitable<void> writable(std::size_t below_bytes);

    /// Waits until all is through: guaranteed messages assembled by the peer, others handed to the
    /// link or dropped.
    /// @throws StreamError (why that will not happen)
    BRAID_API asio::awaitable<void> drained();

    /// Sends no more; what is queued still goes, and the peer sees a clean end after it.
    BRAID_API void finish();

    /// Gives up both directions and what is under way. The peer sees errc::stream_reset and the
    /// code.
    /// @throws StreamError (errc::options_invalid) for a code above close_code::application_max
    BRAID_API void reset(std::uint64_t code = 0);

    /// What the peer gave as its reason when it reset or refused the stream: a number of its
    /// application, or one of braid's own (<braid/close_code.hpp>). Nothing if it did neither.
    BRAID_API std::optional<std::uint64_t> close_code() const;

private:
    std::shared_ptr<runtime::Stream> core_;
};

template <typename T>
RecvOperation<T> Stream::recv() {
#ifndef BRAID_NO_READY_AWAIT
    return RecvOperation<T>{*core_};
#else
    return detail::as_awaitable<detail::Recv<T>>(core_);
#endif
}

template <typename T>
NextOperation<T> Stream::next() {
#ifndef BRAID_NO_READY_AWAIT
    return NextOperation<T>{*core_};
#else
    return detail::as_awaitable<detail::Next<T>>(core_);
#endif
}

template <typename T>
RecvStatus Stream::try_recv(T& value, RecvInfo* info) {
    detail::Arrived arrived;
    switch (detail::look(*core_, arrived)) {
        case detail::Arrival::nothing: detail::turned_away(*core_); return RecvStatus::empty;
        case detail::Arrival::ended: return RecvStatus::closed;
        case detail::Arrival::message: break;
    }
    if (info != nullptr) *info = {arrived.at, arrived.number};
    try {
        value = detail::take<T>(*core_, arrived);
        return RecvStatus::ok;
    } catch (const StreamError&) {
        return RecvStatus::malformed;
    }
}

namespace detail {

template <typename T>
std::error_code send_value(runtime::Stream& stream, const T& value, MessageId* id) {
    constexpr std::size_t small_bytes = 1024;
    // Not initialised: most of it is never touched.
    std::array<std::byte, envelope_room + small_bytes> memory;
    const std::span payload{memory.data() + envelope_room, small_bytes};
    const std::size_t size = pack_into(value, payload);
    if (size > small_bytes) return send_long(stream, value, size, id);
    return send_packed(stream, payload.first(size), id);
}

template <typename T>
std::error_code send_long(runtime::Stream& stream, const T& value, std::size_t size,
                          MessageId* id) {
    const auto pack = [&](std::span<std::byte> memory) {
        if (pack_into(value, memory) == memory.size()) return memory;
        throw_malformed("serialize() packed different bytes the second time");
    };
    if (size < large_bytes_min) {
        return send_packed(stream, pack(scratch(envelope_room + size).subspan(envelope_room)), id);
    }
    MessageBuffer buffer{size};
    buffer.extend(size);
    pack(buffer.bytes());
    return send_large(stream, std::move(buffer).freeze(), id);
}

template <typename T>
asio::awaitable<std::optional<T>> receive_for(std::shared_ptr<runtime::Stream> stream,
                                              std::chrono::nanoseconds at_most) {
    if (!ready(*stream)) co_await wait_for(stream, at_most);
    Arrived arrived;
    switch (look(*stream, arrived)) {
        case Arrival::message: co_return take<T>(*stream, arrived);
        case Arrival::nothing: co_return std::nullopt;
        case Arrival::ended: break;
    }
    const auto error = end_of(*stream);
    throw StreamError{error ? error : errc::stream_closed};
}

}  // namespace detail
}  // namespace braid
