#pragma once

#include "transport/udp/acknowledgements.hpp"
#include "transport/udp/path_validation.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>

namespace braid::transport {

/// The link's own frames of a packet; they stand in front of the mux's.
struct LinkFrames {
    std::optional<AckFrame> ack;
    std::optional<PathData> challenge;  ///< to be answered
    std::optional<PathData> response;

    bool eliciting() const noexcept { return challenge || response; }
};

/// Reads the link's own frames, and PADDING, from the front of `in` and moves `in` to the first
/// other one. Of each kind a packet has one at most. A PING is a frame of the mux.
/// @param sent_largest the newest packet that was sent
/// @returns frame_malformed; `out` is not to be looked at then
std::error_code decode_link_frames(std::span<const std::byte>& in, std::uint64_t sent_largest,
                                   LinkFrames& out) noexcept;

inline constexpr std::size_t path_frame_bytes = 1 + std::tuple_size_v<PathData>;

// What encodes them: each writes its frame to `out`, which has room for it, and returns its size.
std::size_t encode_ping(std::byte* out) noexcept;
std::size_t encode_path_challenge(const PathData& data, std::byte* out) noexcept;
std::size_t encode_path_response(const PathData& data, std::byte* out) noexcept;

}  // namespace braid::transport
