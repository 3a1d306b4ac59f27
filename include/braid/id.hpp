#pragma once

#include <cstdint>

namespace braid {

/// Names a stream within a participant, the same on both ends, never reused. The end with the
/// lower Pid opens even ones, the other odd ones.
enum class StreamId : std::uint64_t {};

/// Numbers the messages of one direction of a stream, from 0, in the order of transmission.
enum class MessageId : std::uint64_t {};

}  // namespace braid
