#pragma once

#include <cstdint>

namespace braid {

/// What decides how fast braid sends over UDP. docs/congestion.md says how they compare.
enum class CongestionAlgorithm : std::uint8_t {
    copa,   ///< keeps the queues on the way short and does not mind random loss; for games
    cubic,  ///< as most TCPs do (RFC 9438): fills queues, and slows down at every loss
    fixed,  ///< the rate that it was told, whatever the network says; for networks of one's own
};

}  // namespace braid
