#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace braid {

/// Something that happened to a participant's channels. See Participant::next_event().
class ParticipantEvent {
public:
    /// What happened, and what is told about it.
    enum class Kind : std::uint8_t {
        channel_created,    ///< address()
        channel_deleted,    ///< address(), reason()
        guarantee_scaled,   ///< the link carries less than what was guaranteed: asked(), granted()
        guarantee_restored  ///< for a second it has carried what was guaranteed: asked(), granted()
    };

    /// A channel was created, or was deleted for `reason`.
    ParticipantEvent(Kind kind, std::string address, std::error_code reason = {})
        : kind_{kind}, address_{std::move(address)}, reason_{reason} {}

    /// Guarantees were scaled or restored.
    ParticipantEvent(Kind kind, std::uint64_t asked, std::uint64_t granted)
        : kind_{kind}, asked_{asked}, granted_{granted} {}

    /// Decides which of the others mean something.
    Kind kind() const noexcept { return kind_; }

    /// The other end of the channel: where this end dialled, or whence the peer came, which is an
    /// ephemeral port.
    const std::string& address() const noexcept { return address_; }

    /// Why the channel was deleted; with the last one the participant ends, for the same reason.
    std::error_code reason() const noexcept { return reason_; }

    /// The guaranteed bandwidths of all streams of the participant that had something to send, in
    /// bytes per second.
    std::uint64_t asked_bytes_per_second() const noexcept { return asked_; }

    /// What they got of it in all, each in proportion: half of what the link carries, so that what
    /// is urgent finds room.
    std::uint64_t granted_bytes_per_second() const noexcept { return granted_; }

private:
    Kind kind_;
    std::string address_;
    std::error_code reason_;
    std::uint64_t asked_ = 0;
    std::uint64_t granted_ = 0;
};

}  // namespace braid
