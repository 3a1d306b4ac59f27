#pragma once

#include <braid/disconnect_result.hpp>
#include <braid/error.hpp>
#include <braid/export.hpp>
#include <braid/participant_event.hpp>
#include <braid/pid.hpp>
#include <braid/priority.hpp>
#include <braid/promises.hpp>
#include <braid/result.hpp>
#include <braid/stats.hpp>
#include <braid/stream.hpp>
#include <braid/stream_options.hpp>

#include <asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace braid {

namespace runtime {
class Participant;
}

/// The other end: one remote Network. Move-only; destroying it disconnects in the background, with
/// the default deadline: what was sent is delivered first.
///
/// Any thread may call. Once the participant has ended, calls throw ParticipantError with why:
/// errc::participant_closed (by this end), participant_disconnected (by the peer),
/// participant_lost, idle_timeout, network_closed, or what the peer did wrong.
class Participant {
public:
    BRAID_API explicit Participant(std::shared_ptr<runtime::Participant> core) noexcept;
    Participant(Participant&&) noexcept = default;
    BRAID_API Participant& operator=(Participant&& other) noexcept;
    BRAID_API ~Participant();

    /// The remote Network's.
    BRAID_API Pid pid() const noexcept;

    /// Opens a stream, which can be used at once. Waits only while the peer's limit of open streams
    /// is reached. `bandwidth` is in bytes per second, 0 for no guarantee.
    /// @throws ParticipantError (errc::options_invalid, errc::encryption_unavailable,
    ///         errc::too_many_streams if the peer takes none at all, or why the participant ended)
    BRAID_API asio::awaitable<Stream> open(Priority priority = 4,
                                           Promises promises = Promises::reliable,
                                           std::uint64_t bandwidth = 0);
    BRAID_API asio::awaitable<Stream> open(StreamOptions options);

    /// The same, but errors come as a result. Only a cancellation and want of memory still throw,
    /// and a Priority that is none, where it is made.
    BRAID_API asio::awaitable<Result<Stream>> try_open(Priority priority = 4,
                                                       Promises promises = Promises::reliable,
                                                       std::uint64_t bandwidth = 0);
    BRAID_API asio::awaitable<Result<Stream>> try_open(StreamOptions options);

    /// The next stream that the peer has opened, in the order in which it opened them. Cancelling
    /// the wait loses none.
    /// @throws ParticipantError (why the participant ended)
    BRAID_API asio::awaitable<Stream> opened();

    /// The same for loops: `while (auto stream = co_await participant.next_opened())`. Empty once
    /// either end has closed the participant on purpose (participant_closed,
    /// participant_disconnected, network_closed).
    /// @throws ParticipantError (why it ended otherwise)
    BRAID_API asio::awaitable<std::optional<Stream>> next_opened();
    BRAID_API std::optional<Stream> try_opened();

    /// The next thing that happened to the participant's channels, the oldest first. The last 64
    /// are kept; ParticipantStats counts those that were dropped for newer ones.
    /// @throws ParticipantError (why the participant ended) when all have been taken
    BRAID_API asio::awaitable<ParticipantEvent> next_event();
    BRAID_API std::optional<ParticipantEvent> try_event();

    /// Closes all streams after what was queued on them, waits until the peer has all that is
    /// guaranteed, says goodbye with `reason`, and says what was not delivered by the deadline
    /// (Limits::disconnect if none is given). What the peer has not sent by then is lost.
    BRAID_API asio::awaitable<DisconnectResult> disconnect(CloseReason reason = {});
    BRAID_API asio::awaitable<DisconnectResult> disconnect(CloseReason reason,
                                                           std::chrono::nanoseconds deadline);

    /// What the end that closed gave as its reason, the same on both ends; nothing while connected,
    /// or if the participant was lost. Codes above close_code::application_max are braid's own.
    BRAID_API std::optional<CloseReason> close_reason() const;

    /// Cheap: a copy of what the last activity left.
    BRAID_API ParticipantStats stats() const;

private:
    std::shared_ptr<runtime::Participant> core_;
};

}  // namespace braid
