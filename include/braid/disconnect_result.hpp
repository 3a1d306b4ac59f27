#pragma once

#include <braid/id.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace braid {

/// What was not delivered of what this end sent, when a participant ended: guaranteed messages
/// that the peer has not confirmed, and others that were not handed over.
class DisconnectResult {
public:
    /// Of one stream.
    struct Undelivered {
        StreamId stream{};         ///< which
        std::size_t messages = 0;  ///< how many
        std::uint64_t bytes = 0;   ///< of these, together
    };

    DisconnectResult() = default;

    /// Adds up what the streams lost.
    explicit DisconnectResult(std::vector<Undelivered> streams) : streams_{std::move(streams)} {
        for (const auto& each : streams_) {
            messages_ += each.messages;
            bytes_ += each.bytes;
        }
    }

    /// True if nothing was lost.
    bool all_delivered() const noexcept { return messages_ == 0; }

    /// How many, over all streams.
    std::size_t messages_undelivered() const noexcept { return messages_; }
    std::uint64_t bytes_undelivered() const noexcept { return bytes_; }

    /// The streams of which something was not delivered.
    const std::vector<Undelivered>& streams() const noexcept { return streams_; }

private:
    std::vector<Undelivered> streams_;
    std::size_t messages_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace braid
